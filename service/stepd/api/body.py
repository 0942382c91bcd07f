"""Reading a body: its size is judged and reserved before it is read, whether or not it says how long it is."""

from __future__ import annotations

from starlette.requests import ClientDisconnect

from stepd.api.budget import Reservation
from stepd.api.call import Call
from stepd.errors import RequestTooLarge, UnexpectedBody


def content_length(call: Call, limit: int) -> int | None:
    """The declared length, None for a chunked body. Raises RequestTooLarge beyond the limit."""
    text = call.headers.get(b"content-length")
    if text is None:
        return None
    length = int(text)  # the server has refused what is no number
    if length > limit:
        raise _too_large(f"the body has {length} bytes", limit)
    return length


async def read_body(call: Call, reservation: Reservation, limit: int) -> bytes | bytearray:
    """The whole body, each byte of it reserved.

    Raises RequestTooLarge, OverBudget; ClientDisconnect where the caller went away before its end.
    """
    length = content_length(call, limit)
    if length is not None:
        reservation.grow(length)
    body = bytearray()
    while True:
        message = await call.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk: bytes = message.get("body", b"")
        if length is None:
            if len(body) + len(chunk) > limit:
                raise _too_large(f"the body has more than {limit} bytes", limit)
            reservation.grow(len(chunk))
        if not message.get("more_body", False):
            return chunk if not body else body + chunk
        body += chunk


async def refuse_body(call: Call) -> None:
    """Raises UnexpectedBody where a request that takes none has one."""
    if call.headers.get(b"content-length") not in (None, "0") or b"transfer-encoding" in call.headers:
        raise UnexpectedBody(f"{call.method} {call.path} takes no body")


def _too_large(what: str, limit: int) -> RequestTooLarge:
    return RequestTooLarge(
        f"{what}, the service takes {limit} (STEPD_MAX_JSON_BYTES); split the tensors over several sessions, the rules "
        "are elementwise"
    )
