"""The requests of stepd's HTTP contract, each built by a pure function from decoded parts. Nothing is sent here.

All may be sent again but those that make a session under an id of the service's choice. What changes a session carries
If-Match, a step an Idempotency-Key besides, and a fork the id that it is to have: so none can be carried out twice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from stepd_client.formats import JSON, SAFETENSORS, Payload
from stepd_client.wire import Request

_SESSION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# Documents about sessions are JSON always, which is what the client asks for where nothing else is said.
_BINARY = {"accept": SAFETENSORS}


def _session_path(session_id: str, below: str = "") -> str:
    """Checked before it goes into a path, where an id such as `..` would name something else."""
    if not _SESSION_ID.fullmatch(session_id):
        raise ValueError(
            f"{session_id[:70]!r} is no session id; that is 1 to 64 letters, digits, '.', '_' and '-', "
            "the first of them a letter or a digit"
        )
    return f"/v1/sessions/{session_id}{below}"


def create(session_id: str | None, payload: Payload) -> Request:
    """Under a chosen id, or, never repeated, under one that the service makes."""
    headers = {"content-type": payload.media_type}
    if session_id is None:
        return Request("POST", "/v1/sessions", repeatable=False, headers=headers, body=payload.body)
    return Request("PUT", _session_path(session_id), headers=headers, body=payload.body)


def describe(session_id: str) -> Request:
    """What the session is."""
    return Request("GET", _session_path(session_id))


def delete(session_id: str, etag: str | None) -> Request:
    """From exactly the state that `etag` names, or, without one, whatever its state."""
    headers = {} if etag is None else {"if-match": etag}
    return Request("DELETE", _session_path(session_id), headers=headers)


def step(session_id: str, payload: Payload, *, etag: str, key: str, lr: float | None, return_params: bool) -> Request:
    """Grads, and params if they replace the session's; answered in their format. A resent step is this same request."""
    headers = {**_both_ways(payload.media_type), "if-match": etag, "idempotency-key": key}
    if not return_params:
        headers["prefer"] = "return=minimal"
    query = () if lr is None else (("lr", repr(float(lr))),)
    return Request("POST", _session_path(session_id, "/step"), query=query, headers=headers, body=payload.body)


def get_params(session_id: str, *, binary: bool) -> Request:
    """The current params, with the ETag of the state that they belong to.

    In a binary format they say of what dtype, names and shape they are: the session may have become another.
    """
    return Request("GET", _session_path(session_id, "/params"), headers=_BINARY if binary else {})


def wait_for_step(session_id: str, step: int, timeout_s: float, etag: str | None, *, binary: bool) -> Request:
    """The params once the session has taken so many steps, or the time is over; 304 where `etag` still names them."""
    condition = {} if etag is None else {"if-none-match": etag}
    return Request(
        "GET",
        _session_path(session_id, "/params"),
        query=(("wait_for_step", str(step)), ("timeout_s", repr(timeout_s))),
        headers={**(_BINARY if binary else {}), **condition},
        wait_s=timeout_s,
    )


def put_params(session_id: str, payload: Payload, etag: str) -> Request:
    """Replaces the params of the state that `etag` names."""
    headers = {"content-type": payload.media_type, "if-match": etag}
    return Request("PUT", _session_path(session_id, "/params"), headers=headers, body=payload.body)


def get_state(session_id: str, at_step: int | None = None, incarnation: str | None = None, *, binary: bool) -> Request:
    """The checkpoint of the session as it is, or as it was at a step of one of its lives."""
    at = () if at_step is None else (("at_step", str(at_step)),)
    life = () if incarnation is None else (("incarnation", incarnation),)
    return Request("GET", _session_path(session_id, "/state"), query=at + life, headers=_BINARY if binary else {})


def put_state(session_id: str, payload: Payload, etag: str | None) -> Request:
    """Replaces the state that `etag` names or, without one, makes a session where there is none."""
    condition = {"if-none-match": "*"} if etag is None else {"if-match": etag}
    headers = {"content-type": payload.media_type, **condition}
    return Request("PUT", _session_path(session_id, "/state"), headers=headers, body=payload.body)


def reset(session_id: str, etag: str) -> Request:
    """Zeroes the optimizer state of the state that `etag` names. There is no body."""
    return Request("POST", _session_path(session_id, "/reset"), headers={"if-match": etag})


def snapshot(session_id: str) -> Request:
    """Has the session written to the store. Once or twice is the same."""
    return Request("POST", _session_path(session_id, "/snapshot"))


def steps(session_id: str, incarnation: str | None, page_size: int | None, page_token: str | None) -> Request:
    """One page of the steps of a life, the current one where none is named."""
    given = {"incarnation": incarnation, "page_size": page_size, "page_token": page_token}
    query = tuple((name, str(value)) for name, value in given.items() if value is not None)
    return Request("GET", _session_path(session_id, "/steps"), query=query)


def fork(session_id: str, payload: Payload, *, repeatable: bool) -> Request:
    """Makes another session of this one. Where it names an id, a second one finds that taken."""
    headers = {"content-type": payload.media_type}
    path = _session_path(session_id, "/fork")
    return Request("POST", path, repeatable=repeatable, headers=headers, body=payload.body)


def list_sessions(label: Mapping[str, str], page_size: int | None, page_token: str | None) -> Request:
    """One page of sessions; `label` narrows it down, each name and value on its own."""
    query = [("label", f"{key}={value}") for key, value in label.items()]
    if page_size is not None:
        query.append(("page_size", str(page_size)))
    if page_token is not None:
        query.append(("page_token", page_token))
    return Request("GET", "/v1/sessions", query=tuple(query))


def step_once(payload: Payload) -> Request:
    """The stateless form: the service keeps nothing, so it may be repeated as it is."""
    return Request("POST", "/v1/step", headers=_both_ways(payload.media_type), body=payload.body)


def optimizers() -> Request:
    """The catalogue."""
    return Request("GET", "/v1/optimizers")


def info() -> Request:
    """What the service is."""
    return Request("GET", "/v1/info")


def _both_ways(media_type: str) -> dict[str, str]:
    """Sent in this format, and to be answered in it."""
    return {"content-type": media_type} if media_type == JSON else {"content-type": media_type, "accept": media_type}
