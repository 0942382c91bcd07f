"""The requests of stepd's HTTP contract, each built by a pure function from decoded parts. Nothing is sent here.

All but one may be sent again: what changes a session carries If-Match, a step an Idempotency-Key besides, and so can't
be carried out twice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from stepd_client.wire import Request

_SESSION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_JSON = {"content-type": "application/json"}


def _session_path(session_id: str, below: str = "") -> str:
    """Checked before it goes into a path, where an id such as `..` would name something else."""
    if not _SESSION_ID.fullmatch(session_id):
        raise ValueError(
            f"{session_id[:70]!r} is no session id; that is 1 to 64 letters, digits, '.', '_' and '-', "
            "the first of them a letter or a digit"
        )
    return f"/v1/sessions/{session_id}{below}"


def create(session_id: str | None, document: Mapping[str, Any]) -> Request:
    """Under a chosen id, or, never repeated, under one that the service makes."""
    body = orjson.dumps(document)
    if session_id is None:
        return Request("POST", "/v1/sessions", repeatable=False, headers=_JSON, body=body)
    return Request("PUT", _session_path(session_id), headers=_JSON, body=body)


def describe(session_id: str) -> Request:
    """What the session is."""
    return Request("GET", _session_path(session_id))


def delete(session_id: str, etag: str | None) -> Request:
    """From exactly the state that `etag` names, or, without one, whatever its state."""
    headers = {} if etag is None else {"if-match": etag}
    return Request("DELETE", _session_path(session_id), headers=headers)


def step(
    session_id: str, document: Mapping[str, Any], *, etag: str, key: str, lr: float | None, return_params: bool
) -> Request:
    """`document` holds grads, and params if they replace the session's. A resent step is this same request."""
    headers = {**_JSON, "if-match": etag, "idempotency-key": key}
    if not return_params:
        headers["prefer"] = "return=minimal"
    query = () if lr is None else (("lr", repr(float(lr))),)
    body = orjson.dumps(document)
    return Request("POST", _session_path(session_id, "/step"), query=query, headers=headers, body=body)


def get_params(session_id: str) -> Request:
    """The current params, with the ETag of the state that they belong to."""
    return Request("GET", _session_path(session_id, "/params"))


def wait_for_step(session_id: str, step: int, timeout_s: float, etag: str | None) -> Request:
    """The params once the session has taken so many steps, or the time is over; 304 where `etag` still names them."""
    return Request(
        "GET",
        _session_path(session_id, "/params"),
        query=(("wait_for_step", str(step)), ("timeout_s", repr(timeout_s))),
        headers={} if etag is None else {"if-none-match": etag},
        wait_s=timeout_s,
    )


def put_params(session_id: str, document: Mapping[str, Any], etag: str) -> Request:
    """Replaces the params of the state that `etag` names."""
    headers = {**_JSON, "if-match": etag}
    path = _session_path(session_id, "/params")
    return Request("PUT", path, headers=headers, body=orjson.dumps(document))


def get_state(session_id: str) -> Request:
    """The checkpoint of the session as it is."""
    return Request("GET", _session_path(session_id, "/state"))


def put_state(session_id: str, document: Mapping[str, Any], etag: str | None) -> Request:
    """Replaces the state that `etag` names or, without one, makes a session where there is none."""
    condition = {"if-none-match": "*"} if etag is None else {"if-match": etag}
    path = _session_path(session_id, "/state")
    return Request("PUT", path, headers={**_JSON, **condition}, body=orjson.dumps(document))


def reset(session_id: str, etag: str) -> Request:
    """Zeroes the optimizer state of the state that `etag` names. There is no body."""
    return Request("POST", _session_path(session_id, "/reset"), headers={"if-match": etag})


def list_sessions(label: Mapping[str, str], page_size: int | None, page_token: str | None) -> Request:
    """One page of sessions; `label` narrows it down, each name and value on its own."""
    query = [("label", f"{key}={value}") for key, value in label.items()]
    if page_size is not None:
        query.append(("page_size", str(page_size)))
    if page_token is not None:
        query.append(("page_token", page_token))
    return Request("GET", "/v1/sessions", query=tuple(query))


def step_once(document: Mapping[str, Any]) -> Request:
    """The stateless form: the service keeps nothing, so it may be repeated as it is."""
    return Request("POST", "/v1/step", headers=_JSON, body=orjson.dumps(document))


def optimizers() -> Request:
    """The catalogue."""
    return Request("GET", "/v1/optimizers")


def info() -> Request:
    """What the service is."""
    return Request("GET", "/v1/info")
