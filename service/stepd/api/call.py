"""One request while it is answered: what it says, its id, where its time goes, what it has reserved."""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, Sequence
from itertools import count

from starlette.types import Receive, Scope

from stepd.api.budget import Reservation
from stepd.api.headers import Headers

SCOPE_KEY = "stepd.call"
# The ASGI extension by which a server reads a body into a buffer of its length; False where the caller went away.
READ_INTO = "stepd.read_into"
ReadInto = Callable[[memoryview], Awaitable[bool]]
# And the one by which a whole answer is sent at once: status, headers, body; False where that can't be.
ANSWER = "stepd.answer"
AnswerAtOnce = Callable[[int, Sequence[tuple[bytes, bytes]], bytes], bool]

# Request ids of our own are unlike within a process and, most likely, from one process to the next.
_PROCESS = secrets.token_hex(4)
_COUNT = count(secrets.randbits(24))

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}\Z")


class Call:
    """Made by the middleware, filled in by the handlers. Times in seconds.

    `session_id` is what the path holds in its place, not judged yet; empty where a path names no session. `request_id`
    is the caller's X-Request-ID where that is a plain token, else a new one.
    """

    __slots__ = (
        "answer_at_once",
        "encode_s",
        "headers",
        "method",
        "parse_s",
        "path",
        "query_string",
        "read_into",
        "receive",
        "request_id",
        "reservation",
        "session_id",
        "step_s",
    )

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query_string: bytes = scope["query_string"]
        self.headers = Headers(scope["headers"])
        self.receive = receive
        extensions = scope.get("extensions") or {}
        self.read_into: ReadInto | None = extensions.get(READ_INTO)
        self.answer_at_once: AnswerAtOnce | None = extensions.get(ANSWER)
        self.session_id = ""
        self.parse_s = self.step_s = self.encode_s = 0.0
        self.reservation: Reservation | None = None
        given = self.headers.get(b"x-request-id")
        self.request_id = given if given is not None and _REQUEST_ID.match(given) else f"{_PROCESS}{next(_COUNT):08x}"

    def server_timing(self) -> str:
        """The Server-Timing header's value; durations in milliseconds."""
        parse, step, encode = self.parse_s * 1e3, self.step_s * 1e3, self.encode_s * 1e3
        return f"parse;dur={parse:.3f}, step;dur={step:.3f}, encode;dur={encode:.3f}"
