"""What is known of one request while it is answered: its id, where its time went, what it has reserved."""

from __future__ import annotations

import re
import secrets
from typing import Any

from stepd.api.budget import Reservation

SCOPE_KEY = "stepd.exchange"

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}\Z")


class Exchange:
    """Filled in by the routes, written into the answer's headers by the middleware. Times in seconds."""

    __slots__ = ("encode_s", "parse_s", "request_id", "reservation", "step_s")

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.parse_s = self.step_s = self.encode_s = 0.0
        self.reservation: Reservation | None = None

    @classmethod
    def of(cls, headers: list[tuple[bytes, bytes]]) -> Exchange:
        """The caller's X-Request-ID where it is a plain token, else a new one."""
        for name, value in headers:
            if name == b"x-request-id" and _REQUEST_ID.match(text := value.decode("latin-1")):
                return cls(text)
        return cls(secrets.token_hex(8))

    def server_timing(self) -> str:
        """The Server-Timing header's value; durations in milliseconds."""
        parse, step, encode = self.parse_s * 1e3, self.step_s * 1e3, self.encode_s * 1e3
        return f"parse;dur={parse:.3f}, step;dur={step:.3f}, encode;dur={encode:.3f}"


def exchange_of(scope: Any) -> Exchange:
    """The exchange that the middleware put into the ASGI scope."""
    exchange: Exchange = scope[SCOPE_KEY]
    return exchange
