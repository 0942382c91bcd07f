"""Holding a session for the length of a request, see `Engine.using`."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from stepd.engine.contract import About
from stepd.sessions.session import Session
from stepd.sessions.table import Lease, SessionTable
from stepd.values import SessionKey


class Using:
    """Says what the session is; keeps it from expiring inside `async with`; a success renews its time."""

    __slots__ = ("_about", "_key", "_lease", "_now", "_session", "_table")

    def __init__(
        self, table: SessionTable, about: Callable[[Session], About], key: SessionKey, now: Callable[[], float]
    ) -> None:
        self._table = table
        self._about = about
        self._key = key
        self._now = now

    async def __aenter__(self) -> About:
        self._session = self._table.get(self._key, self._now())
        self._lease: Lease | None = self._table.hold(self._key)
        return self._about(self._session)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lease is not None:
            self._table.release(self._session, self._lease, self._now(), succeeded=error is None)
