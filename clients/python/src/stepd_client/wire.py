"""What passes between the client's logic and whoever sends: requests, answers, flows. No logic and no I/O lives here.

A flow is a generator that yields each request that it needs, is sent the answer, and returns its result. The logic of
every operation is a flow (flows.py); a client runs flows: it sends, waits, retries, and knows no more than that. So a
client that does this in another manner, such as with async and await, shares all the rest.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

# In one piece, or in several that are sent one after another; a piece may be the memory of somebody's array.
Body = bytes | tuple[bytes | memoryview, ...]


def in_one(body: Body) -> bytes:
    """The body in one piece, which nobody else can change."""
    return body if isinstance(body, bytes) else b"".join(body)


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `path` is within the base URL.

    `repeatable`: it may be sent again, whatever became of earlier sendings, for it changes nothing, or carries what
    keeps it from being carried out twice. `wait_s`: so long the service was asked to hold its answer back, in seconds.
    """

    method: str
    path: str
    repeatable: bool = True
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Body | None = field(default=None, repr=False)
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, header names in lower case.

    `maybe_applied`: an earlier sending of the same request may have been carried out, its answer lost. `took_s`: the
    seconds from the first sending of the request until this answer was read, as whoever sent it measured them.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    maybe_applied: bool = False
    took_s: float = 0.0

    @property
    def content_type(self) -> str:
        """The media type without its parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


Result = TypeVar("Result")
Flow = Generator[Request, Answer, Result]
