"""One request and its answer on a connection: the server's side of ASGI, made for large bodies and for small answers.

- A body whose length is known is written into the reader's own buffer as it arrives (`read_into`), a long one by the
  socket itself.
- An answer whose length is known leaves in one piece, head and body.
- The application begins as soon as the request has arrived, and not with the event loop's next round: most steps end
  there and then (`begin`).
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from stepd.api.call import ANSWER, READ_INTO

log = logging.getLogger("uvicorn.error")

# From so many bytes on, what is left of a body is read by the socket straight into the reader's buffer.
STRAIGHT_BYTES = 64 * 1024
# So much of it at a time: others have their turn between two pieces.
PIECE_BYTES = 256 * 1024

# What may be in no header, so that no value can end one and begin another.
_FORBIDDEN = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

HeaderLines = Sequence[tuple[bytes, bytes]]


class Exchange:
    """See the module's text. The connection tells what arrives (`take`, `complete`, `disconnect`)."""

    __slots__ = (
        "_changed",
        "_chunked",
        "_default_headers",
        "_delivered",
        "_expects_continue",
        "_filled",
        "_flow",
        "_left",
        "_on_response",
        "_read_straight",
        "_sink",
        "_started",
        "body",
        "disconnected",
        "keep_alive",
        "more_body",
        "response_complete",
        "scope",
        "transport",
    )

    def __init__(
        self,
        scope: dict[str, Any],
        transport: asyncio.Transport,
        flow: FlowControl,
        default_headers: HeaderLines,
        on_response: Callable[[], None],
        read_straight: Callable[[Exchange], None],
        *,
        expects_continue: bool,
        keep_alive: bool,
    ) -> None:
        self.scope = scope
        self.transport = transport
        self.keep_alive = keep_alive
        self.disconnected = self.response_complete = False
        self.more_body = True
        self.body = b""
        self._flow = flow
        self._default_headers = default_headers
        self._on_response = on_response
        self._read_straight = read_straight
        self._expects_continue = expects_continue
        self._changed: asyncio.Event | None = None
        self._sink: memoryview | None = None
        self._filled = 0
        self._started = self._chunked = self._delivered = False
        self._left = 0
        scope["extensions"] = {READ_INTO: self.read_into, ANSWER: self.answer}

    async def run(self, app: Any) -> None:
        """Has the application answer. What it leaves undone is answered with 500, or the connection is closed."""
        try:
            await app(self.scope, self.receive, self.send)
        except BaseException as error:
            log.error("the application failed", exc_info=error)
        if self.response_complete or self.disconnected:
            return
        if self._started:
            self.transport.close()
            return
        self.keep_alive = False
        text = b"Internal Server Error"
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(text))]
        if not self.answer(500, headers, text):
            self.transport.close()

    def take(self, part: bytes) -> bool:
        """Takes a part of the body; returns whether more may be read before this one is asked for."""
        if self._sink is None:
            self.body += part
            self._change()
            return False
        end = self._filled + len(part)
        self._sink[self._filled : end] = part  # never too long: the parser holds to Content-Length
        self._filled = end
        return True

    @property
    def room(self) -> memoryview | None:
        """Where the next piece of the body goes; None where nobody reads it any more."""
        return None if self._sink is None else self._sink[self._filled : self._filled + PIECE_BYTES]

    def filled(self, nbytes: int) -> bool:
        """So much was written there; returns whether that is all."""
        self._filled += nbytes
        return self._sink is not None and self._filled == len(self._sink)

    def complete(self) -> None:
        """The body has arrived to its end."""
        self.more_body = False
        self._change()

    def disconnect(self) -> None:
        """The caller has gone."""
        if not self.response_complete:
            self.disconnected = True
        self._change()

    async def receive(self) -> dict[str, Any]:
        """The next part of the body, once there is one; after the last, that the caller has gone or was answered."""
        self._continue()
        while not (self.disconnected or self.response_complete):
            if not self._delivered and (self.body or not self.more_body):
                body, self.body, self._delivered = self.body, b"", not self.more_body
                return {"type": "http.request", "body": body, "more_body": self.more_body}
            self._flow.resume_reading()
            await self._until_changed()
        return {"type": "http.disconnect"}

    async def read_into(self, buffer: memoryview) -> bool:
        """Reads the body, which is as long as the buffer, into it; returns False where the caller went away before."""
        self._continue()
        self._filled = len(self.body)
        buffer[: self._filled] = self.body
        self.body = b""
        self._sink = buffer
        if len(buffer) - self._filled >= STRAIGHT_BYTES:
            self._read_straight(self)
        try:
            while self.more_body and not self.disconnected:
                self._flow.resume_reading()
                await self._until_changed()
        finally:
            self._sink = None
            if self.more_body:  # what still comes of it has no place: the connection ends with the answer
                self.keep_alive = False
        return not self.more_body and self._filled == len(buffer)

    async def send(self, message: Any) -> None:
        """Sends a part of an answer, once what was sent before has left."""
        if self._flow.write_paused and not self.disconnected:
            await self._flow.drain()
        if self.disconnected:
            return
        expected = "http.response.body" if self._started else "http.response.start"
        if message["type"] != expected or self.response_complete:
            raise RuntimeError(f"{message['type']!r} was sent {'too late' if self.response_complete else 'too soon'}")
        if not self._started:
            self._start(message["status"], message.get("headers", ()))
            return
        body, more = message.get("body", b""), message.get("more_body", False)
        if self.scope["method"] == "HEAD":
            body, self._left = b"", 0
        elif self._chunked:
            ending = b"" if more else b"0\r\n\r\n"
            body = b"%x\r\n%b\r\n%b" % (len(body), body, ending) if body else ending
        else:
            self._left -= len(body)
            if self._left < 0:
                raise RuntimeError("the answer is longer than its Content-Length")
        if body:
            self.transport.write(body)
        if not more:
            self._finish()

    def _finish(self) -> None:
        if self._left:
            raise RuntimeError("the answer is shorter than its Content-Length")
        self._end()

    def answer(self, status: int, headers: HeaderLines, body: bytes) -> bool:
        """Sends a whole answer in one piece; returns False, nothing sent, where the caller reads too slowly for that.

        `headers` have the length of the body, where there is one.
        """
        if self._flow.write_paused:
            return False
        if not self.disconnected:
            if self.scope["method"] == "HEAD":
                body = b""
            head = self._head(status, headers)
            self._started = True
            self.transport.write(head + body)
            self._end()
        return True

    def _start(self, status: int, headers: HeaderLines) -> None:
        length = dict(headers).get(b"content-length")
        chunked = length is None and self.scope["method"] != "HEAD" and status not in (204, 304)
        if chunked:
            headers = [*headers, (b"transfer-encoding", b"chunked")]
        left = 0 if length is None else int(length)
        head = self._head(status, headers)
        # Not before the head has been made: while nothing was sent, an error can be answered.
        self._started, self._chunked, self._left = True, chunked, left
        self.transport.write(head)

    @property
    def needs_nothing_more(self) -> bool:
        """Whether it is being answered: begun, with its answer begun or its body complete, and not over."""
        return not self.response_complete and (self._started or not self.more_body)

    def _head(self, status: int, headers: HeaderLines) -> bytes:
        if self._expects_continue and self.more_body:
            # Whether the body comes now is up to the caller (RFC 9110, 10.1.1): neither may be read as the other, the
            # body and the next request.
            self.keep_alive = False
        parts = [part for line in (*self._default_headers, *headers) for part in line]
        if _FORBIDDEN.search(b"".join(parts)):
            raise RuntimeError("a header has a character that it may not have")
        fields = b"%b: %b\r\n" * (len(parts) // 2) % tuple(parts)
        return b"%b%b%b\r\n" % (STATUS_LINE[status], fields, b"" if self.keep_alive else b"connection: close\r\n")

    def _end(self) -> None:
        self.response_complete = True
        self._expects_continue = False
        self._change()
        if not self.keep_alive:
            self.transport.close()
        self._on_response()

    def _continue(self) -> None:
        """Tells a caller that waits to be asked for the body to send it."""
        if self._expects_continue and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._expects_continue = False

    def _change(self) -> None:
        if self._changed is not None:
            self._changed.set()

    async def _until_changed(self) -> None:
        if self._changed is None:
            self._changed = asyncio.Event()
        self._changed.clear()
        await self._changed.wait()


class _Rest(Coroutine[Any, Any, None]):
    """What is left of a coroutine that was begun outside a task and waits for `awaited`: a task's coroutine.

    A task that is cancelled before its first step throws: then that is the coroutine's to hear, too.
    """

    def __init__(self, begun: Coroutine[Any, Any, None], awaited: Any) -> None:
        self._begun = begun
        self._awaited: Any = awaited
        self._waits = True

    def send(self, value: Any) -> Any:
        if self._waits:
            self._waits = False
            return self._awaited
        return self._begun.send(value)

    def throw(self, *error: Any) -> Any:
        self._waits = False
        return self._begun.throw(*error)

    def close(self) -> None:
        self._begun.close()

    def __await__(self) -> Any:
        return self._begun.__await__()


def begin(work: Coroutine[Any, Any, None]) -> Coroutine[Any, Any, None] | None:
    """Runs a coroutine until it ends or has to wait; returns what is left of it, to be made a task of."""
    try:
        awaited = work.send(None)
    except StopIteration:
        return None
    return _Rest(work, awaited)
