"""Who waits for which step of which session (long-poll), and when their wait is over."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from stepd.values import SessionKey


class _Waiter(NamedTuple):
    step: int
    incarnation: str
    over: asyncio.Future[None]


class Waiters:
    """Waits by session. A wait ends when its step is reached, the incarnation is another, or the session is gone."""

    def __init__(self) -> None:
        self._waiters: dict[SessionKey, list[_Waiter]] = {}
        self._closed = False

    async def wait(self, key: SessionKey, step: int, incarnation: str, timeout_s: float) -> None:
        """Returns when the wait is over, the time is up, or all waits are ended."""
        if self._closed:
            return
        waiter = _Waiter(step, incarnation, asyncio.get_running_loop().create_future())
        self._waiters.setdefault(key, []).append(waiter)
        try:
            async with asyncio.timeout(timeout_s):
                await waiter.over
        except TimeoutError:
            return
        finally:
            waiting = self._waiters[key]
            waiting.remove(waiter)
            if not waiting:
                del self._waiters[key]

    def notify(self, key: SessionKey, step: int, incarnation: str) -> None:
        """Ends the waits that a change of the session fulfils."""
        for waiter in self._waiters.get(key, ()):
            if (step >= waiter.step or incarnation != waiter.incarnation) and not waiter.over.done():
                waiter.over.set_result(None)

    def end(self, key: SessionKey) -> None:
        """Ends all waits for a session that is gone."""
        for waiter in self._waiters.get(key, ()):
            if not waiter.over.done():
                waiter.over.set_result(None)

    def close(self) -> None:
        """Ends all waits, and every wait that is asked for later, at once: the service drains."""
        self._closed = True
        for key in self._waiters:
            self.end(key)
