"""One request and its answer on a connection: uvicorn's, but for what large bodies and small answers cost.

- A body whose length is known is written into the reader's own buffer as it arrives (`read_into`).
- An answer whose length is known leaves in one piece, head and body.
- The application begins at once, when the request has arrived, and not with the event loop's next round; most steps end
  there and then.
"""

from __future__ import annotations

import re
from collections.abc import Coroutine, Generator
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from stepd.api.call import READ_INTO

# What may be in no header: uvicorn looks at each by itself, here all are looked at together.
_FORBIDDEN = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
# Headers that decide how the answer is framed, if they say what ours don't.
_FRAMING = frozenset({b"transfer-encoding", b"connection"})


class Exchange(RequestResponseCycle):
    """See the module's text. `scope` gets `read_into` as an extension."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._start: Any = None
        self._sink: memoryview | None = None
        self._filled = 0
        self.scope["extensions"] = {READ_INTO: self.read_into}  # type: ignore[dict-item] # extensions are anybody's

    def take(self, part: bytes) -> bool:
        """Takes a part of the body; returns whether more may be read before this one is asked for."""
        if self._sink is None:
            self.body += part
            return False
        end = self._filled + len(part)
        self._sink[self._filled : end] = part  # never too long: the parser holds to Content-Length
        self._filled = end
        return True

    async def read_into(self, buffer: memoryview) -> bool:
        """Reads the body, which is as long as the buffer, into it; returns False where the caller went away before."""
        if self.waiting_for_100_continue and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.waiting_for_100_continue = False
        self._filled = len(self.body)
        buffer[: self._filled] = self.body
        self.body = bytearray()
        self._sink = buffer
        try:
            while self.more_body and not self.disconnected:
                self.flow.resume_reading()
                self.message_event.clear()
                await self.message_event.wait()
        finally:
            self._sink = None
        return not self.more_body and self._filled == len(buffer)

    async def send(self, message: Any) -> None:
        if self._start is None and not self.response_started and message["type"] == "http.response.start":
            self._start = message
            return
        start, self._start = self._start, None
        if start is None:
            await super().send(message)
        elif not self._in_one_piece(start, message):
            await super().send(start)
            await super().send(message)

    def _in_one_piece(self, start: Any, message: Any) -> bool:
        """Writes a whole answer; returns False, nothing done, where it is not one that can be written at once."""
        body = message.get("body", b"")
        fields = start["headers"]
        names = dict(fields)
        length = names.get(b"content-length")
        bodiless = self.scope["method"] == "HEAD" or start["status"] in (204, 304)
        if (
            message.get("more_body", False)
            or self.flow.write_paused
            or self.disconnected
            or not (length == b"%d" % len(body) or (bodiless and not body))
            or not _FRAMING.isdisjoint(names)
        ):
            return False
        lines = [*self.default_headers, *fields]
        if _FORBIDDEN.search(b"".join([part for line in lines for part in line])):
            raise RuntimeError("a header has a character that it may not have")
        head = b"\r\n".join([name + b": " + value for name, value in lines])
        closing = b"" if self.keep_alive else b"\r\nconnection: close"
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        self.transport.write(b"%b%b%b\r\n\r\n%b" % (STATUS_LINE[start["status"]], head, closing, body))
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
        return True


class _Rest:
    """What is left of a coroutine that was begun outside a task and waits for `awaited`."""

    def __init__(self, begun: Coroutine[Any, Any, None], awaited: Any) -> None:
        self._begun = begun
        self._awaited = awaited

    def __await__(self) -> Generator[Any, Any, None]:
        awaited = self._awaited
        while True:
            try:
                value = yield awaited
            except BaseException as error:  # noqa: BLE001 - a cancellation, which is the coroutine's to hear
                advance = partial(self._begun.throw, error)
            else:
                advance = partial(self._begun.send, value)
            try:
                awaited = advance()
            except StopIteration:
                return


def begin(work: Coroutine[Any, Any, None]) -> Coroutine[Any, Any, None] | None:
    """Runs a coroutine until it ends or has to wait; returns what is left of it, to be made a task of."""
    try:
        awaited = work.send(None)
    except StopIteration:
        return None
    return _rest(work, awaited)


async def _rest(begun: Coroutine[Any, Any, None], awaited: Any) -> None:
    await _Rest(begun, awaited)
