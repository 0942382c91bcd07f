"""A real TCP proxy that loses answers: it forwards a request, reads the whole answer, and then does not give it.

So the service has carried the request out, and the client can't know. One request per connection; nothing sleeps.
"""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class Loss(Enum):
    """How an answer is lost."""

    CLOSED = "the connection is closed without an answer"
    RESET = "the connection is reset without an answer"
    CUT = "the connection is closed in the middle of the answer"
    HELD = "no answer comes; the connection stays open"


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that was forwarded: what must be the same when it is sent again, and how the service answered it."""

    line: str
    if_match: str | None
    key: str | None
    body: bytes
    status: int


class DroppingProxy(socketserver.ThreadingTCPServer):
    """Forwards to `upstream`, an address such as http://127.0.0.1:8000, and loses the answers that it is told to lose.

    >>> with DroppingProxy(url) as proxy, Client(proxy.url, sleep=lambda seconds: None) as through:
    ...     proxy.lose(Loss.CLOSED)
    ...     _ = through.info()
    ...     [seen.line for seen in proxy.seen]
    ['GET /v1/info', 'GET /v1/info']
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        address = urlsplit(upstream)
        self.upstream = (address.hostname or "127.0.0.1", address.port or 80)
        self.seen: list[Seen] = []
        self.closing = threading.Event()
        self._losses: list[Loss | None] = []
        self._meanwhile: Callable[[], object] = lambda: None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def lose(self, *losses: Loss | None, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Lose the next answers, each in its way, None being given as usual; those after them are given.

        `meanwhile` is done when the first answer is in and about to be lost: before the client can send again.
        """
        with self._lock:
            self.seen.clear()
            self._losses = list(losses)
            self._meanwhile = meanwhile

    def note(self, seen: Seen) -> Loss | None:
        with self._lock:
            self.seen.append(seen)
            if len(self.seen) == 1:
                self._meanwhile()
            return self._losses.pop(0) if self._losses else None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(socketserver.StreamRequestHandler):
    server: DroppingProxy

    def handle(self) -> None:
        lines = []
        while (line := self.rfile.readline().strip()) != b"":
            lines.append(line.decode("latin-1"))
        if not lines:  # the client closed an idle connection
            return
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        answer = self._forward(lines[0], headers, body)
        method, path, _ = lines[0].split(" ")
        status = int(answer.split(b" ", 2)[1])
        seen = Seen(f"{method} {path}", headers.get("if-match"), headers.get("idempotency-key"), body, status)
        match self.server.note(seen):
            case None:
                self.wfile.write(answer)
            case Loss.CUT:
                self.wfile.write(answer[: len(answer) // 2])
            case Loss.RESET:
                # Closed with time 0 to linger, and with nothing else holding the socket, it sends RST instead of FIN.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.rfile.close()
                self.connection.close()
            case Loss.HELD:
                self.server.closing.wait()
            case Loss.CLOSED:
                pass

    def _forward(self, first: str, headers: dict[str, str], body: bytes) -> bytes:
        headers = {**headers, "connection": "close"}
        head = "\r\n".join([first, *(f"{name}: {value}" for name, value in headers.items()), "", ""])
        with socket.create_connection(self.server.upstream) as upstream, upstream.makefile("rb") as answer:
            upstream.sendall(head.encode("latin-1") + body)
            return answer.read()
