"""How a body that is somebody's array goes out through httpx: in chunks of its own memory, none of it copied first."""

from __future__ import annotations

from collections.abc import Iterator

from stepd_client.wire import Body, in_one

# What httpx is handed at once. It copies a chunk once more on its way to the socket, and the rest of it whenever the
# socket takes only a part: in one piece of 8 MB that is several times the whole.
CHUNK_BYTES = 256 * 1024


class Chunks:
    """The pieces of a body, as chunks, as often as it is sent."""

    def __init__(self, pieces: tuple[bytes | memoryview, ...]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes | memoryview]:
        for piece in self._pieces:
            whole = memoryview(piece)
            for begin in range(0, len(whole), CHUNK_BYTES):
                yield whole[begin : begin + CHUNK_BYTES]


def content_of(body: Body) -> tuple[bytes | Chunks, int]:
    """The body as httpx takes it, and its length in bytes; a small one in one piece."""
    length = len(body) if isinstance(body, bytes) else sum(map(len, body))
    if isinstance(body, bytes) or length <= CHUNK_BYTES:
        return in_one(body), length
    return Chunks(body), length
