"""Connecting: where the service is, and what an httpx client that speaks to it is made with, blocking or awaited."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from importlib.metadata import version
from ipaddress import ip_address
from typing import Any, TypeVar

import httpx

Transport = TypeVar("Transport", httpx.BaseTransport, httpx.AsyncBaseTransport)

DEFAULT_URL = "http://127.0.0.1:8000"

# How many requests of an AsyncClient are under way at once; the rest wait here, in order. For each request httpx looks
# at all that are under way or waiting, so that hundreds would leave the event loop time for nothing else. Measured with
# 200 tasks on one machine: 177 requests/s with 16 at once, 130 with 32, 65 with httpx's own limit of 100.
AT_ONCE = 16


def http_options(base_url: str | None, timeout_s: float, connect_timeout_s: float) -> dict[str, Any]:
    """What an httpx client is made with, blocking or not. Raises ValueError for a URL that is none."""
    url = _checked_url(base_url or os.environ.get("STEPD_URL") or DEFAULT_URL)
    return {
        # Credentials in the URL go into a header: httpx logs URLs.
        "base_url": url.copy_with(userinfo=b""),
        "auth": (url.username, url.password) if url.userinfo else None,
        "headers": {"accept": "application/json", "user-agent": f"stepd-client/{version('stepd-client')}"},
        "timeout": httpx.Timeout(timeout_s, connect=connect_timeout_s),
        # With a limit, waits for a step could take up every connection, and the step that they wait for would get none.
        "limits": httpx.Limits(max_connections=None, max_keepalive_connections=AT_ONCE),
        # Reading every certificate that is trusted takes 40 ms. Over http there is nothing to check against them: a
        # context that trusts nobody does.
        "verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if url.scheme == "http" else True,
    }


def transport_to(
    options: dict[str, Any], given: Transport | None, direct: Callable[..., Transport]
) -> Transport | None:
    """What a client made with these options sends through: what was given, else what httpx chooses.

    To this machine `direct`: a proxy of the environment's is another machine's, or knows another one by that name.
    """
    if given is None and _is_loopback(options["base_url"].host):
        return direct(verify=options["verify"], limits=options["limits"])
    return given


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _checked_url(base_url: str) -> httpx.URL:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as error:
        raise ValueError(f"the base URL can't be read: {error}") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError(
            f"the base URL has scheme {url.scheme!r} and host {url.host!r}; it should be like {DEFAULT_URL}"
        )
    return url
