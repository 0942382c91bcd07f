"""Reading a body: its size is judged and reserved before it is read, whether or not it says how long it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from starlette.requests import ClientDisconnect

from stepd.api.budget import Reservation
from stepd.api.call import Call
from stepd.errors import StepdError, UnexpectedBody

Body = bytes | bytearray | memoryview

# A longer body is read into a buffer of its own size, as it comes.
SMALL_BYTES = 64 * 1024


class Limit(NamedTuple):
    """How many bytes a body may have, and what is made of one that has more, of which `refusal` is told what it has."""

    nbytes: int
    refusal: Callable[[str], StepdError]

    def require(self, length: int) -> None:
        """Raises the refusal of a declared length beyond the limit."""
        if length > self.nbytes:
            raise self.refusal(f"the body has {length} bytes")


def content_length(call: Call) -> int | None:
    """The declared length, None for a chunked body."""
    text = call.headers.get(b"content-length")
    return None if text is None else int(text)  # the server has refused what is no number


async def read_short(call: Call) -> Body:
    """A body whose length is known to be small. Raises ClientDisconnect where the caller went away before its end."""
    body: bytes = b""
    while True:
        message = await call.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return body


async def read_body(call: Call, reservation: Reservation, length: int | None, limit: Limit, *, text: bool) -> Body:
    """The whole body, each byte of it reserved. `text`: as a bytearray, for what searches in it.

    Raises OverBudget; the limit's refusal where no length was declared; ClientDisconnect where the caller went away
    before its end.
    """
    if length is not None:
        reservation.grow(length)
        return await _read_long(call, length, text=text)
    body = bytearray()
    while True:
        message = await call.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        if len(body) + len(chunk) > limit.nbytes:
            raise limit.refusal(f"the body has more than {limit.nbytes} bytes")
        reservation.grow(len(chunk))
        body += chunk
        if not message.get("more_body", False):
            return body


async def _read_long(call: Call, length: int, *, text: bool) -> Body:
    """A body whose length is known, each part of it written where it belongs."""
    buffer: Any = bytearray(length) if text else np.empty(length, np.uint8)
    view = memoryview(buffer)
    if call.read_into is not None:
        if not await call.read_into(view):
            raise ClientDisconnect
    else:
        filled, more = 0, True
        while more:
            message = await call.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            chunk = message.get("body", b"")
            view[filled : filled + len(chunk)] = chunk
            filled += len(chunk)
            more = message.get("more_body", False)
    return buffer if text else view


async def refuse_body(call: Call) -> None:
    """Raises UnexpectedBody where a request that takes none has one."""
    if call.headers.get(b"content-length") not in (None, "0") or b"transfer-encoding" in call.headers:
        raise UnexpectedBody(f"{call.method} {call.path} takes no body")
