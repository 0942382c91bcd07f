"""One at a time per session: a lock by key that exists only while somebody has or wants it."""

from __future__ import annotations

import asyncio
from types import TracebackType

from stepd.values import SessionKey


class _Turn:
    """Holds the session's lock inside `async with`. First come, first served."""

    __slots__ = ("_key", "_locks")

    def __init__(self, locks: dict[SessionKey, tuple[asyncio.Lock, int]], key: SessionKey) -> None:
        self._locks = locks
        self._key = key

    async def __aenter__(self) -> None:
        lock, users = self._locks.get(self._key) or (asyncio.Lock(), 0)
        self._locks[self._key] = (lock, users + 1)
        try:
            await lock.acquire()
        except BaseException:
            self._leave()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._locks[self._key][0].release()
        self._leave()

    def _leave(self) -> None:
        lock, users = self._locks[self._key]
        if users == 1:
            del self._locks[self._key]
        else:
            self._locks[self._key] = (lock, users - 1)


class Turns:
    """Gives turns by session."""

    def __init__(self) -> None:
        self._locks: dict[SessionKey, tuple[asyncio.Lock, int]] = {}

    def __len__(self) -> int:
        return len(self._locks)

    def are_free(self, key: SessionKey) -> bool:
        """Whether nobody has or wants the session's turn: what runs from here on without waiting has it."""
        return key not in self._locks

    def __call__(self, key: SessionKey) -> _Turn:
        return _Turn(self._locks, key)
