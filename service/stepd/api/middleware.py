"""What every answer has in common: request id, timing, no caching, HEAD, errors as problems. Pure ASGI.

And what every request is judged for first: a page of another origin, in somebody's browser, may not change anything.
"""

from __future__ import annotations

import asyncio
import time

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stepd.api.answers import Answer, HeaderLines
from stepd.api.call import SCOPE_KEY, Call
from stepd.api.problems import problem_answer
from stepd.api.routing import RouteTable
from stepd.errors import CrossOrigin, InternalError, MethodNotAllowed, NotReady, PageNotFound, StepdError

log = structlog.get_logger("stepd.http")

# An answer beyond this size is held to have left only once the connection has taken it.
LARGE_BYTES = 64 * 1024


class Envelope:
    """Answers what the table has a handler for, and wraps the application that answers the rest: pages for people."""

    def __init__(self, app: ASGIApp, routes: RouteTable, *, access_log: bool) -> None:
        self.app = app
        self.routes = routes
        self.access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        call = Call(scope, receive)
        status = 499  # in the log only: nobody is there to be answered
        try:
            try:
                _refuse_other_origins(call)
                handler = self.routes.find(call)
                if handler is None:
                    status = await self._pass_on(call, scope, send)
                    return
                answer = await handler(call)
            except ClientDisconnect:
                return
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - whatever it is, the caller is told
                answer = problem_answer(self._problem_of(error, call), call.request_id)
            status = answer.status
            await _send(answer, call, send)
        finally:
            if call.reservation is not None:
                call.reservation.release()
            if self.access_log:
                log.info(
                    "request",
                    request_id=call.request_id,
                    method=call.method,
                    path=call.path,
                    status=status,
                    ms=round((time.perf_counter() - began) * 1e3, 3),
                )

    async def _pass_on(self, call: Call, scope: Scope, send: Send) -> int:
        """Has the application answer; returns the status. What it raises before the answer has begun is raised here."""
        status = 0

        async def enveloped(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *_common_headers(call)]
            elif call.method == "HEAD":
                message = {**message, "body": b""}
            await send(message)

        # The pages know GET; a HEAD is answered as the GET would be, without the body.
        method = "GET" if call.method == "HEAD" else call.method
        try:
            await self.app({**scope, "method": method, SCOPE_KEY: call}, call.receive, enveloped)
        except Exception:
            if not status:
                raise
            # Half an answer is out: breaking the connection off, which leaving it unfinished does, tells the caller.
            log.exception("an answer broke off", request_id=call.request_id, path=call.path)
        return status

    def _problem_of(self, error: BaseException, call: Call) -> StepdError:
        """What the caller is told; what nobody foresaw is logged."""
        if isinstance(error, StepdError):
            return error
        if isinstance(error, HTTPException):
            return self._nothing_there(error, call)
        if isinstance(error, asyncio.CancelledError):  # shutdown_s is over
            return NotReady("the service stops and did not end this request in time; it may have been carried out")
        log.error("a request failed", request_id=call.request_id, method=call.method, path=call.path, exc_info=error)
        return InternalError(
            "an unexpected error; the log has more under this request_id. Read the session before you go on"
        )

    def _nothing_there(self, error: HTTPException, call: Call) -> StepdError:
        """The router's own refusals: no such path, no such method."""
        allowed = self.routes.allowed(call.path)
        if error.status_code == 405:
            allowed |= set((error.headers or {}).get("Allow", "").split(", "))
        if not allowed:
            return PageNotFound(f"there is nothing at {call.path[:120]!r}; /docs shows what there is")
        if "GET" in allowed:
            allowed.add("HEAD")
        return MethodNotAllowed(
            f"{call.path[:120]!r} does not take {call.method}; it takes {', '.join(sorted(allowed))}",
            extra={"allow": sorted(allowed)},
        )


async def _send(answer: Answer, call: Call, send: Send) -> None:
    body = answer.body
    headers = []
    if body is None:
        body = b""
    else:
        headers.append((b"content-type", answer.media_type.encode()))
        headers.append((b"content-length", b"%d" % len(body)))
    headers += answer.headers
    headers += _common_headers(call)
    at_once = call.answer_at_once
    if at_once is not None and len(body) <= LARGE_BYTES and at_once(answer.status, headers, body):
        return
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if call.method == "HEAD":
        body = b""
    if len(body) > LARGE_BYTES:
        # The next sending waits until this one has left: what the request has reserved is given back no earlier.
        await send({"type": "http.response.body", "body": body, "more_body": True})
        body = b""
    await send({"type": "http.response.body", "body": body})


def _common_headers(call: Call) -> HeaderLines:
    return (
        (b"x-request-id", call.request_id.encode()),
        (b"server-timing", call.server_timing().encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    )


def _refuse_other_origins(call: Call) -> None:
    """Raises CrossOrigin for a change that a browser sends on behalf of a page that is not ours.

    Without this any page could reset the sessions of a service on the reader's machine: a POST without a body needs no
    permission (CORS), and there are no access keys yet. Programs send no Origin.
    """
    if call.method in ("GET", "HEAD", "OPTIONS"):
        return
    origin = call.headers.get(b"origin")
    if origin is not None and origin.partition("://")[2] != call.headers.get(b"host"):
        raise CrossOrigin(
            f"this request comes from a page of {origin[:80]!r}; "
            "only programs and this service's own pages may change anything"
        )
