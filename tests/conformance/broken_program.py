"""The Python client's program with a bug put in on purpose: `python -m tests.conformance.broken_program BUG`.

Each bug sits between the client and its socket, where it changes what is sent or what comes: to the suite that is the
same as a client that does so. `none` is the program as it is. test_broken_clients.py says which cases find which bug.
"""

from __future__ import annotations

import asyncio
import re
import sys
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import orjson
from clients.python.conformance.program import main

from stepd_client import Client, ShapeMismatch, error_class

Send = Callable[[httpx.Request], httpx.Response]


def none(request: httpx.Request, send: Send) -> httpx.Response:
    """No bug."""
    return send(request)


def no_if_match(request: httpx.Request, send: Send) -> httpx.Response:
    """Steps don't say from which state."""
    if request.url.path.endswith("/step"):
        request.headers.pop("if-match", None)
    return send(request)


def new_key_when_resent(request: httpx.Request, send: Send) -> httpx.Response:
    """Every sending of a step has a key of its own."""
    if "idempotency-key" in request.headers:
        request.headers["idempotency-key"] = uuid.uuid4().hex
    return send(request)


def one_key_for_all(request: httpx.Request, send: Send) -> httpx.Response:
    """All steps of a session share a key."""
    if "idempotency-key" in request.headers:
        request.headers["idempotency-key"] = f"key-of-{request.url.path}"
    return send(request)


def key_made_anew_from_state(request: httpx.Request, send: Send) -> httpx.Response:
    """A step that meets another state is sent again from that one, blindly."""
    response = send(request)
    if response.status_code == 412 and request.url.path.endswith("/step"):
        response.read()
        request.headers["if-match"] = response.headers["etag"]
        request.headers["idempotency-key"] = uuid.uuid4().hex
        return send(request)
    return response


def creates_twice(request: httpx.Request, send: Send) -> httpx.Response:
    """A create whose answer is lost is sent again, although the service makes the id."""
    try:
        return send(request)
    except httpx.TransportError:
        if request.method == "POST" and request.url.path == "/v1/sessions":
            return send(request)
        raise


def sign_of_zero_dropped(request: httpx.Request, send: Send) -> httpx.Response:
    """-0.0 is written as JavaScript's JSON.stringify writes it."""
    return send(_with_body(request, lambda body: re.sub(rb"-0\.0(?=[,\]}])", b"0", body)))


def seven_digits(request: httpx.Request, send: Send) -> httpx.Response:
    """Values are written with seven digits, which are too few for float32 too."""
    return send(
        _with_body(request, lambda body: re.sub(rb"-?\d+\.\d+(e-?\d+)?", lambda n: b"%.7g" % float(n[0]), body))
    )


def odd_float32_shortest(request: httpx.Request, send: Send) -> httpx.Response:
    """The odd float32 is written with its shortest decimal, which is read as its neighbour."""
    return send(_with_body(request, lambda body: body.replace(b"7.03853069e-26", b"7.038531e-26")))


def subnormals_flushed(request: httpx.Request, send: Send) -> httpx.Response:
    """Subnormal answers become zero."""
    return _with_answer(send(request), lambda body: re.sub(rb"\d(\.\d+)?e-3[12]\d", b"0.0", body))


def names_by_position(request: httpx.Request, send: Send) -> httpx.Response:
    """Gradients go to the names in the order in which they come, not by name."""

    def by_position(body: bytes) -> bytes:
        document = orjson.loads(body)
        if isinstance(document.get("grads"), dict):
            grads = document["grads"]
            document["grads"] = dict(zip(sorted(grads), grads.values(), strict=True))
        return orjson.dumps(document)

    return send(_with_body(request, by_position) if request.url.path.endswith("/step") else request)


def state_kept_after_204(request: httpx.Request, send: Send) -> httpx.Response:
    """A 204 has no body, so its ETag is not looked at either."""
    response = send(request)
    if response.status_code == 204 and "if-match" in request.headers:
        response.headers["etag"] = request.headers["if-match"]
    return response


def class_mapped_wrongly(request: httpx.Request, send: Send) -> httpx.Response:
    """names-mismatch becomes the class of shape-mismatch."""
    error_class._BY_CODE["names-mismatch"] = ShapeMismatch
    return send(request)


def retry_after_ignored(request: httpx.Request, send: Send) -> httpx.Response:
    """Retry-After is not read."""
    response = send(request)
    response.headers.pop("retry-after", None)
    return response


def lost_answers_taken_for_unsent(request: httpx.Request, send: Send) -> httpx.Response:
    """A lost answer is told as if the request had never gone out."""
    try:
        return send(request)
    except httpx.TransportError as error:
        raise httpx.ConnectError(str(error)) from None


def pages_taken_for_problems(request: httpx.Request, send: Send) -> httpx.Response:
    """Whatever says 404 is taken for session-not-found."""
    response = send(request)
    if response.status_code == 404 and "json" not in response.headers.get("content-type", ""):
        problem = orjson.dumps({"code": "session-not-found", "detail": "gone", "request_id": ""})
        return httpx.Response(404, headers={"content-type": "application/problem+json"}, content=problem)
    return response


def big_endian(request: httpx.Request, send: Send) -> httpx.Response:
    """octet-stream has its bytes the other way round."""
    if request.headers.get("content-type") == "application/octet-stream":
        request.read()
        return send(_with_body(request, lambda body: np.frombuffer(body, "<f8").astype(">f8").tobytes()))
    return send(request)


def short_answers_filled_up(request: httpx.Request, send: Send) -> httpx.Response:
    """Binary values that are missing are taken for zeros, values too many are left out."""
    response = send(request)
    if response.headers.get("content-type") != "application/octet-stream":
        return response
    content = response.read().ljust(24, b"\0")[:24]
    headers = {name: value for name, value in response.headers.items() if name != "content-length"}
    return httpx.Response(response.status_code, headers=headers, content=content)


def answers_in_json(request: httpx.Request, send: Send) -> httpx.Response:
    """Values go out in binary formats and come back as text."""
    request.headers["accept"] = "application/json"
    return send(request)


BUGS: dict[str, Callable[[httpx.Request, Send], httpx.Response]] = {
    bug.__name__.replace("_", "-"): bug
    for bug in (
        none,
        no_if_match,
        new_key_when_resent,
        one_key_for_all,
        key_made_anew_from_state,
        creates_twice,
        sign_of_zero_dropped,
        seven_digits,
        odd_float32_shortest,
        subnormals_flushed,
        names_by_position,
        state_kept_after_204,
        class_mapped_wrongly,
        retry_after_ignored,
        lost_answers_taken_for_unsent,
        pages_taken_for_problems,
        big_endian,
        short_answers_filled_up,
        answers_in_json,
    )
}


class BuggyTransport(httpx.HTTPTransport):
    """Sends as the bug has it."""

    def __init__(self, bug: Callable[[httpx.Request, Send], httpx.Response]) -> None:
        super().__init__()
        self._bug = bug

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._bug(request, super().handle_request)


def _with_body(request: httpx.Request, change: Callable[[bytes], bytes]) -> httpx.Request:
    if not request.content:
        return request
    headers = {name: value for name, value in request.headers.items() if name != "content-length"}
    return httpx.Request(
        request.method, request.url, headers=headers, content=change(request.content), extensions=request.extensions
    )


def _with_answer(response: httpx.Response, change: Callable[[bytes], bytes]) -> httpx.Response:
    content = change(response.read())
    headers = {name: value for name, value in response.headers.items() if name != "content-length"}
    return httpx.Response(response.status_code, headers=headers, content=content)


def connect(bug: str) -> Callable[..., Any]:
    """As the program connects, through the bug."""

    def connected(url: str, waits: bool, **given: Any) -> Client:
        transport = BuggyTransport(BUGS[bug])
        return Client(url, transport=transport, **given if waits else {"sleep": lambda _: None, **given})

    return connected


if __name__ == "__main__":
    asyncio.run(main(connect(sys.argv[1])))
