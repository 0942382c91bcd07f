"""One session's steps over one connection, requests made beforehand: for large bodies, and for exact times."""

from __future__ import annotations

import secrets
from types import TracebackType
from typing import Self

from benchmarks.connection import Connection
from benchmarks.servers import Server
from benchmarks.steps import Body, tags


class Stepper:
    """Takes steps; `keyed` sends If-Match, with the tag of the last answer, and a fresh Idempotency-Key.

    Nobody else may step the session of a keyed one: its next step would be refused.
    """

    def __init__(self, server: Server, name: str, body: Body, *, keyed: bool = False) -> None:
        self._connection = Connection(server)
        self._body = body.content
        self._head = (
            f"POST {server.step_path.format(name)} HTTP/1.1\r\nHost: {server.host}:{server.port}\r\n"
            f"Content-Type: {body.media_type}\r\nContent-Length: {len(body.content)}\r\n"
        ).encode()
        self._keyed = keyed
        self._key_prefix, self._steps = secrets.token_hex(8).encode(), 0
        (tag,) = tags(server, [name])
        self._etag = f'"{tag.incarnation}-{tag.step}"'.encode()
        self.answer_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.__exit__(kind, error, trace)

    def step(self) -> None:
        """One step, from its first byte out to the last byte of its answer in. Raises RequestRefused."""
        self._steps += 1
        head = self._head
        if self._keyed:
            key = b"%b%016d" % (self._key_prefix, self._steps)
            head += b"If-Match: %b\r\nIdempotency-Key: %b\r\n" % (self._etag, key)
        answer = self._connection.exchange(head + b"\r\n", self._body)
        self.answer_bytes = answer.body_bytes
        self._etag = answer.etag or self._etag
