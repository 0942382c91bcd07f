"""What every answer has in common: request id, timing, no caching, HEAD, errors as problems. Pure ASGI.

And what every request is judged for first: a page of another origin, in somebody's browser, may not change anything.
"""

from __future__ import annotations

import asyncio
import time

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stepd.api.exchange import SCOPE_KEY, Exchange
from stepd.api.problems import problem_response
from stepd.errors import CrossOrigin, InternalError, NotReady, StepdError

log = structlog.get_logger("stepd.http")


class Envelope:
    """Wraps the whole application."""

    def __init__(self, app: ASGIApp, *, access_log: bool) -> None:
        self.app = app
        self.access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = Exchange.of(scope["headers"])
        began = time.perf_counter()
        head = scope["method"] == "HEAD"
        status = 0

        async def enveloped(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", exchange.request_id.encode()),
                    (b"server-timing", exchange.server_timing().encode()),
                    (b"cache-control", b"no-store"),
                    (b"x-content-type-options", b"nosniff"),
                ]
            elif head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        # Routes know GET; a HEAD is answered as the GET would be, without the body.
        inner: Scope = {**scope, "method": "GET" if head else scope["method"], SCOPE_KEY: exchange}
        try:
            _refuse_other_origins(scope)
            await self.app(inner, receive, enveloped)
        except ClientDisconnect:
            status = status or 499  # in the log only: nobody is there to be answered
        except (Exception, asyncio.CancelledError) as error:
            problem = _problem_of(error, scope, exchange)
            if status:  # the answer has begun: only breaking the connection off tells the caller
                raise
            await problem_response(problem, exchange.request_id)(inner, receive, enveloped)
        finally:
            if exchange.reservation is not None:
                exchange.reservation.release()
        if self.access_log:
            log.info(
                "request",
                request_id=exchange.request_id,
                method=scope["method"],
                path=scope["path"],
                status=status,
                ms=round((time.perf_counter() - began) * 1e3, 3),
            )


def _problem_of(error: BaseException, scope: Scope, exchange: Exchange) -> StepdError:
    """What the caller is told; what nobody foresaw is logged."""
    if isinstance(error, StepdError):
        return error
    if isinstance(error, asyncio.CancelledError):  # shutdown_s is over
        return NotReady("the service stops and did not end this request in time; it may have been carried out")
    log.error(
        "a request failed",
        request_id=exchange.request_id,
        method=scope["method"],
        path=scope["path"],
        exc_info=error,
    )
    return InternalError(
        "an unexpected error; the log has more under this request_id. Read the session before you go on"
    )


def _refuse_other_origins(scope: Scope) -> None:
    """Raises CrossOrigin for a change that a browser sends on behalf of a page that is not ours.

    Without this any page could reset the sessions of a service on the reader's machine: a POST without a body needs no
    permission (CORS), and there are no access keys yet. Programs send no Origin.
    """
    if scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return
    headers = dict(scope["headers"])
    origin = headers.get(b"origin")
    if origin is not None and origin.partition(b"://")[2] != headers.get(b"host"):
        raise CrossOrigin(
            f"this request comes from a page of {origin.decode('latin-1')[:80]!r}; "
            "only programs and this service's own pages may change anything"
        )
