"""What a row of the table of bad requests is, and how a row is written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

LARGEST_BODY = 256 * 1024
STALE = '"aaaaaaaaaaaaa-0"'
EVIL = {"Origin": "http://evil.example"}


@dataclass(frozen=True)
class Bad:
    """A request and its refusal. `pointer` is the first of `errors`, None where there are none."""

    name: str
    method: str
    path: str
    status: int
    code: str
    pointer: str | None
    words: tuple[str, ...]
    body: bytes | None
    headers: dict[str, str]


class Table(list[Bad]):
    """Rows, in the order in which they are written."""

    def bad(
        self,
        name: str,
        request: str,
        body: Any,
        refusal: str,
        pointer: str | None = None,
        *words: str,
        headers: dict[str, str] | None = None,
    ) -> None:
        """`request` is method and path, `refusal` status and code; a body that is no text is written as JSON."""
        method, path = request.split()
        status, code = refusal.split()
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        content = body.encode() if isinstance(body, str) else body
        sent = ({} if content is None else {"Content-Type": "application/json"}) | (headers or {})
        self.append(Bad(name, method, path, int(status), code, pointer, words, content, sent))

    def step(
        self, name: str, body: Any, refusal: str, pointer: str | None = None, *words: str, on: str = "four", **more: Any
    ) -> None:
        """A step of a session that is there."""
        self.bad(f"step: {name}", f"POST /v1/sessions/{on}/step", body, refusal, pointer, *words, **more)

    def create(self, name: str, body: Any, refusal: str, pointer: str | None = None, *words: str, **more: Any) -> None:
        """The creation of a session under a free id."""
        self.bad(f"create: {name}", "PUT /v1/sessions/new", body, refusal, pointer, *words, **more)

    def restore(
        self, name: str, body: Any, refusal: str, pointer: str | None = None, *words: str, on: str = "four", **more: Any
    ) -> None:
        """A checkpoint for a session."""
        self.bad(f"restore: {name}", f"PUT /v1/sessions/{on}/state", body, refusal, pointer, *words, **more)

    def query(self, path: str, query: str, refusal: str, *words: str) -> None:
        """A GET with a query."""
        self.bad(f"query: {path}?{query[:60]}", f"GET {path}?{query}", None, refusal, None, *words)
