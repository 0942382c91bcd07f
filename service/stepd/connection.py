"""One HTTP/1.1 connection: uvicorn's, but for how a request is begun (exchange.py) and what it leaves open.

- An offer to upgrade (`Upgrade: h2c`, which Java's client sends with every first request) is ignored, as RFC 9110 (7.8)
  allows. httptools stops reading where such a head ends: the body would be lost, or worse, be read as a request.
- A head has a limit, and no more is read while requests that have come wait for their turn. Without these a single
  connection can fill the memory before any budget sees it.
- A long body goes by the parser: the socket writes it into its reader's buffer (docs/decisions/0011).
- What is no HTTP is told so only where nobody could take that for the answer to a request before it.
"""

from __future__ import annotations

import asyncio
import urllib.parse
from collections import deque
from collections.abc import Coroutine
from functools import lru_cache
from typing import Any, cast

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from stepd.api.headers import MAX_HEAD_BYTES
from stepd.exchange import Exchange, begin

# A target of so many bytes at most is remembered with what stands in it.
SHORT_TARGET = 256

# What of a body is read at a time when nobody wants it any more.
_LEFT_BYTES = 64 * 1024

_FRAMING = (b"content-length", b"transfer-encoding")


class HeadTooLarge(Exception):
    """A head or trailers beyond the limit; the parser turns it into 400."""


def _parse_target(target: bytes) -> tuple[str, bytes, bytes]:
    """What ASGI says of a request's target: path, the path as it came, query."""
    address = httptools.parse_url(target)
    path = address.path.decode("ascii")
    return urllib.parse.unquote(path) if "%" in path else path, address.path, address.query or b""


# Most requests are for the sessions of those before them.
_parse_short_target = lru_cache(maxsize=1024)(_parse_target)


class _Flow(FlowControl):
    """Reads nothing more while requests that have come wait for their turn."""

    def __init__(self, transport: asyncio.Transport, waiting: deque[Any]) -> None:
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        if not self._waiting:
            super().resume_reading()


class Connection(HttpToolsProtocol):
    """See the module's text."""

    _head_bytes = 0
    _in_head = True
    _head_began_behind = False  # a request that ended in the same piece
    _repeating_head = False
    _exchange: Exchange | None = None  # the newest; uvicorn knows it as `cycle`
    _arrived: Exchange | None = None
    _answering: Exchange | None = None
    _idle_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        super().connection_made(transport)
        self.flow = _Flow(transport, self.pipeline)

    def data_received(self, data: bytes) -> None:
        self._idle_since = self.loop.time()
        try:
            self._feed(data)
        except (httptools.HttpParserError, HeadTooLarge) as error:
            large = isinstance(error, HeadTooLarge) or isinstance(error.__context__, HeadTooLarge)
            self._refuse(
                f"The head of the request has more than {MAX_HEAD_BYTES} bytes."
                if large
                else "Invalid HTTP request received."
            )
            return
        if self._arrived is not None:
            arrived, self._arrived = self._arrived, None
            self._answering = arrived
            rest = begin(arrived.run(self.app))
            if rest is not None:
                self._make_task(rest)

    def _feed(self, data: bytes) -> None:
        self._head_began_behind = False
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                self._go_on_without_upgrade()
                (read,) = upgrade.args
                data = data[read:]
            else:
                break
        # What stands before such a head is none of its bytes; where it began is not known, and it has the next piece.
        if self._in_head and not self._head_began_behind:
            self._count(len(data))

    def _refuse(self, reason: str) -> None:
        """Says what is wrong, and closes; only closes where that could be taken for an answer to a request before."""
        if self._answering is not None and self._answering.needs_nothing_more:
            self.transport.close()
        else:
            self.send_400_response(reason)

    def _count(self, nbytes: int) -> None:
        self._head_bytes += nbytes
        if self._head_bytes > MAX_HEAD_BYTES:
            raise HeadTooLarge

    def _go_on_without_upgrade(self) -> None:
        """A new parser, told how the body is framed: it reads on where the old one stopped."""
        framing = [name + b": " + value + b"\r\n" for name, value in self.headers if name in _FRAMING]
        self.parser = self._new_parser()
        self._repeating_head = True
        self.parser.feed_data(b"POST / HTTP/1.1\r\n" + b"".join(framing) + b"\r\n")
        self._repeating_head = False

    def on_message_begin(self) -> None:
        if not self._repeating_head:
            self._in_head, self._head_bytes = True, 0
            super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        if not self._repeating_head:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._repeating_head:
            return
        if not self._in_head:  # a trailer
            self._count(len(name) + len(value))
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._repeating_head:
            return
        self._in_head, self._head_bytes = False, 0
        version = self.parser.get_http_version()
        self.scope["method"] = self.parser.get_method().decode("ascii")
        self.scope["http_version"] = version
        target = _parse_short_target(self.url) if len(self.url) <= SHORT_TARGET else _parse_target(self.url)
        self.scope["path"], self.scope["raw_path"], self.scope["query_string"] = target
        before = self._exchange
        exchange = self._exchange = Exchange(
            cast("dict[str, Any]", self.scope),
            self.transport,
            self.flow,
            self.server_state.default_headers,
            self.on_response_complete,
            self._read_straight,
            expects_continue=self.expect_100_continue and version != "1.0",  # which knows no 100 (RFC 9110, 10.1.1)
            keep_alive=version != "1.0" and self.parser.should_keep_alive(),
        )
        self.cycle = cast("Any", exchange)
        if before is None or before.response_complete:
            self._arrived = exchange  # begun when all that has come with its head is read
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        """The next of requests that came together: a task, so that all that the one before holds is given back."""
        self._answering = cycle
        self._make_task(cycle.run(app))

    def _make_task(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(work)
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def on_body(self, body: bytes) -> None:
        exchange = self._exchange
        if exchange is None or exchange.response_complete:
            return
        if not exchange.take(body) and len(exchange.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()

    def on_message_complete(self) -> None:
        # Where an upgrade is offered, the body, if there is one, is still to come.
        if self._exchange is not None and not self.parser.should_upgrade():
            self._head_began_behind = True
            self._exchange.complete()

    def _read_straight(self, exchange: Exchange) -> None:
        """What is left of the body goes into its reader's buffer: the parser has nothing to find there."""
        self.transport.set_protocol(_Straight(self, exchange))

    def body_is_read(self, exchange: Exchange) -> None:
        """The body went by the parser: a new one reads on behind it."""
        self._idle_since = self.loop.time()
        self.parser = self._new_parser()
        self._in_head, self._head_bytes = True, 0
        self.transport.set_protocol(self)
        exchange.complete()

    def _new_parser(self) -> Any:
        parser = httptools.HttpRequestParser(self)
        parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn sets its own
        return parser

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._idle_since = self.loop.time()
            if self.timeout_keep_alive_task is None:
                self._close_if_idle()

    def _close_if_idle(self) -> None:
        """Closes a connection that has been idle for too long; looks again when one that is not may have become so."""
        idle_s = 0.0
        if self._exchange is None or self._exchange.response_complete:
            idle_s = self.loop.time() - self._idle_since
        if idle_s < self.timeout_keep_alive:
            self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive - idle_s, self._close_if_idle)
        elif not self.transport.is_closing():
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.connections.discard(self)
        for exchange in (self._answering, self._exchange):
            if exchange is not None:
                exchange.disconnect()
        self.flow.resume_writing()
        if exc is None:
            self.transport.close()
        self._unset_keepalive_if_required()
        self.parser = None  # type: ignore[assignment] # as uvicorn does: it holds this connection


class _Straight(asyncio.BufferedProtocol):
    """Stands in for a connection while a body comes: the socket writes it where it belongs, with no copy on the way."""

    def __init__(self, connection: Connection, exchange: Exchange) -> None:
        self._connection = connection
        self._exchange = exchange

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - as asyncio calls it
        room = self._exchange.room
        return memoryview(bytearray(_LEFT_BYTES)) if room is None else room

    def buffer_updated(self, nbytes: int) -> None:
        if self._exchange.room is not None and self._exchange.filled(nbytes):
            self._connection.body_is_read(self._exchange)

    def eof_received(self) -> None:
        self._connection.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connection.connection_lost(exc)

    def pause_writing(self) -> None:
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        self._connection.resume_writing()
