"""A real TCP proxy before the service: it records what a client sends, and does with each request what it is told.

It forwards a request, reads the whole answer, and gives it, loses it, or gives another in its place; or it does not
forward it at all. Where an answer is lost the service has carried the request out, and the client can't know. One
request per connection; nothing sleeps.
"""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class Loss(Enum):
    """How an answer is lost."""

    CLOSED = "closed"  # the connection is closed without an answer
    RESET = "reset"  # the connection is reset without an answer
    CUT = "cut"  # the connection is closed in the middle of the answer
    HELD = "held"  # no answer comes; the connection stays open


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer in its bytes."""

    raw: bytes

    @property
    def status(self) -> int:
        return int(self.raw.split(b" ", 2)[1])

    @property
    def headers(self) -> dict[str, str]:
        """By name in lower case."""
        head = self.raw.partition(b"\r\n\r\n")[0].decode("latin-1")
        pairs = (line.partition(":") for line in head.split("\r\n")[1:])
        return {name.strip().lower(): value.strip() for name, _, value in pairs}

    @property
    def body(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[2]


@dataclass(frozen=True, slots=True)
class Treatment:
    """What is done with one request.

    `answer` None gives what the service answered; a Loss loses it; an Answer is given instead; a function changes it.
    `meanwhile` is done when the answer is in and the client does not have it yet; with `early` as soon as the request
    has gone out to the service.
    """

    forward: bool = True
    answer: Loss | Answer | Callable[[Answer], Answer] | None = None
    meanwhile: Callable[[], object] | None = None
    early: bool = False


GIVE = Treatment()


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request: what must be the same when it is sent again; the status of its answer, None where there was none.

    `given` is the answer that the client was given, None where it was lost; the times are `time.monotonic()`.
    """

    line: str
    if_match: str | None
    if_none_match: str | None
    key: str | None
    body: bytes = field(repr=False)
    status: int | None
    given: Answer | None = field(default=None, compare=False, repr=False)
    came_at: float = field(default=0.0, compare=False, repr=False)
    answered_at: float = field(default=0.0, compare=False, repr=False)
    content_type: str = ""

    @property
    def method(self) -> str:
        return self.line.partition(" ")[0]

    @property
    def path(self) -> str:
        """Without the query."""
        return self.line.partition(" ")[2].partition("?")[0]


class Proxy(socketserver.ThreadingTCPServer):
    """Forwards to `upstream`, an address such as http://127.0.0.1:8000, and treats each request as it is told."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        address = urlsplit(upstream)
        self.upstream = (address.hostname or "127.0.0.1", address.port or 80)
        self.seen: list[Exchange] = []
        self.closing = threading.Event()
        self._treatments: list[Treatment] = []
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def treat(self, *treatments: Treatment) -> None:
        """Treat the next requests so, those after them as usual. What was seen is forgotten."""
        with self._lock:
            self.seen.clear()
            self._treatments = list(treatments)

    def untreated(self) -> int:
        """How many treatments have met no request yet."""
        with self._lock:
            return len(self._treatments)

    def next_treatment(self) -> Treatment:
        with self._lock:
            return self._treatments.pop(0) if self._treatments else GIVE

    def note(self, exchange: Exchange) -> None:
        with self._lock:
            self.seen.append(exchange)

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
    server: Proxy

    def handle(self) -> None:
        lines = []
        while (line := self.rfile.readline().strip()) != b"":
            lines.append(line.decode("latin-1"))
        if not lines:  # the client closed a connection that it did not need
            return
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        body = self._body(headers)
        came_at = time.monotonic()
        treatment = self.server.next_treatment()
        answer: Answer | None = None
        if treatment.forward:
            answer = self._forward(lines[0], headers, body, treatment.meanwhile if treatment.early else None)
        if treatment.meanwhile is not None and not (treatment.early and treatment.forward):
            treatment.meanwhile()
        change = treatment.answer
        if isinstance(change, Answer):
            answer = change
        elif answer is not None and callable(change) and not isinstance(change, Loss):
            answer = change(answer)
        loss = change if isinstance(change, Loss) else None
        if answer is None and loss is None:
            loss = Loss.CLOSED
        method, target, _ = lines[0].split(" ")
        exchange = Exchange(
            f"{method} {target}",
            headers.get("if-match"),
            headers.get("if-none-match"),
            headers.get("idempotency-key"),
            body,
            None if answer is None else answer.status,
            None if loss else answer,
            came_at,
            time.monotonic(),
            headers.get("content-type", ""),
        )
        self.server.note(exchange)
        self._answer(answer, loss)

    def _body(self, headers: dict[str, str]) -> bytes:
        """The whole body; one that came in chunks is forwarded with its length instead."""
        if "chunked" not in headers.get("transfer-encoding", "").lower():
            return self.rfile.read(int(headers.get("content-length", "0")))
        body = b""
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        del headers["transfer-encoding"]
        headers["content-length"] = str(len(body))
        return body

    def _forward(self, first: str, headers: dict[str, str], body: bytes, early: Callable[[], object] | None) -> Answer:
        headers = {name: value for name, value in headers.items() if name != "expect"} | {"connection": "close"}
        head = "\r\n".join([first, *(f"{name}: {value}" for name, value in headers.items()), "", ""])
        with socket.create_connection(self.server.upstream) as upstream, upstream.makefile("rb") as answer:
            upstream.sendall(head.encode("latin-1") + body)
            if early is not None:
                early()
            return Answer(answer.read())

    def _answer(self, answer: Answer | None, loss: Loss | None) -> None:
        match loss:
            case None:
                assert answer is not None
                self.wfile.write(answer.raw)
            case Loss.CUT:
                assert answer is not None, "an answer that is cut has to come first: forward the request"
                # In the middle of the body; where there is none, of the head.
                kept = len(answer.raw) - len(answer.body) + len(answer.body) // 2
                self.wfile.write(answer.raw[: kept if answer.body else len(answer.raw) // 2])
            case Loss.RESET:
                # Closed with time 0 to linger, and with nothing else holding the socket, it sends RST instead of FIN.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.rfile.close()
                self.connection.close()
            case Loss.HELD:
                self.server.closing.wait()
            case Loss.CLOSED:
                pass
