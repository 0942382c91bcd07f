"""HTTP by hand, for what no client library sends: half a body, headers alone, two requests at once."""

from __future__ import annotations

import socket
from types import TracebackType
from typing import NamedTuple, Self

import orjson

from tests.server import PATIENCE_S


class Answer(NamedTuple):
    """A status line, headers by lower-case name, and a body."""

    status: int
    headers: dict[str, str]
    content: bytes

    def json(self) -> dict[str, object]:
        document: dict[str, object] = orjson.loads(self.content)
        return document


class Wire:
    """A connection that sends bytes as they are."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        self._received = b""

    def send(self, content: bytes) -> None:
        self._socket.sendall(content)

    def request(self, method: str, path: str, *headers: str, body: bytes = b"", length: int | None = None) -> None:
        """Sends a request. `length` announces a body of which `body` is but the beginning."""
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *headers]
        if body or length is not None:
            lines.append(f"Content-Length: {len(body) if length is None else length}")
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)

    def answer(self, *, head: bool = False) -> Answer:
        """The next answer, whole."""
        while b"\r\n\r\n" not in self._received:
            self._read()
        top, _, self._received = self._received.partition(b"\r\n\r\n")
        first, *lines = top.decode("latin-1").split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        status = int(first.split()[1])
        length = 0 if head or status in (100, 204, 304) else int(headers["content-length"])
        while len(self._received) < length:
            self._read()
        content, self._received = self._received[:length], self._received[length:]
        return Answer(status, headers, content)

    def ended(self) -> bool:
        """Whether the other side closes the connection, without a byte more."""
        try:
            return not self._received and self._socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def close(self) -> None:
        self._socket.close()

    def _read(self) -> None:
        piece = self._socket.recv(65536)
        assert piece, f"the connection ended after {self._received[:200]!r}"
        self._received += piece

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
