"""One blocking socket to a server: requests are made beforehand, answers come into a buffer that is there already.

Nothing is parsed but status, length and entity tag, so that the time is the server's and the kernel's.
"""

from __future__ import annotations

import re
import socket
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from benchmarks.servers import Server

_STATUS = re.compile(rb"HTTP/1\.1 (\d+)")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ETAG = re.compile(rb"\r\netag: *(\"[^\r]*\")", re.IGNORECASE)
# Servers close a connection on which nothing has come for 5 seconds, as happens while others have their turns.
IDLE_S = 2.0
# Up to this size head and body leave in one piece.
SMALL_BYTES = 64 * 1024


class RequestRefused(Exception):
    """An answer other than 2xx: a benchmark that measures errors would measure nothing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is looked at of an answer: how many bytes its body has, and its entity tag."""

    body_bytes: int
    etag: bytes | None


class Connection:
    """Kept alive from one request to the next; made anew where the server may have closed it meanwhile."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._socket = self._connect()
        self._buffer = bytearray(SMALL_BYTES)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def _connect(self) -> socket.socket:
        connected = socket.create_connection((self._server.host, self._server.port), timeout=120)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answered = time.monotonic()
        return connected

    def exchange(self, head: bytes, body: bytes) -> Answer:
        """Sends head (with its empty line) and body, reads the answer to its last byte. Raises RequestRefused."""
        if time.monotonic() - self._answered > IDLE_S:
            self._socket.close()
            self._socket = self._connect()
        if len(body) <= SMALL_BYTES:
            self._socket.sendall(head + body)
        else:
            self._socket.sendall(head)
            self._socket.sendall(body)
        have, end = 0, -1
        while end < 0:
            have += self._into(have)
            end = self._buffer.find(b"\r\n\r\n", 0, have)
        answer_head = bytes(self._buffer[: end + 2])
        length = _LENGTH.search(answer_head)
        body_bytes = int(length[1]) if length else 0
        whole = end + 4 + body_bytes
        if whole > len(self._buffer):
            self._buffer.extend(bytes(whole - len(self._buffer)))
        while have < whole:
            have += self._into(have)
        status = _STATUS.match(answer_head)
        if status is None or not status[1].startswith(b"2"):
            raise RequestRefused(f"{self._server.name}: {self._buffer[:whole][:1000].decode('utf-8', 'replace')}")
        self._answered = time.monotonic()
        etag = _ETAG.search(answer_head)
        return Answer(body_bytes, etag[1] if etag else None)

    def _into(self, start: int) -> int:
        with memoryview(self._buffer) as view:
            count = self._socket.recv_into(view[start:])
        if count == 0:
            raise RequestRefused(f"{self._server.name} closed the connection")
        return count
