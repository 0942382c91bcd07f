"""Holding a session for the length of a request, see `Engine.using`."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from types import TracebackType

from stepd.engine.contract import Layout
from stepd.sessions.session import Session
from stepd.sessions.table import Lease, SessionTable
from stepd.values import SessionKey


class Using:
    """Says what its values are like; keeps it from expiring inside `async with`; a success renews its time."""

    __slots__ = ("_enter", "_key", "_lease", "_session", "_table")

    def __init__(self, table: SessionTable, enter: Callable[[SessionKey], Awaitable[Session]], key: SessionKey) -> None:
        self._table = table
        self._enter = enter
        self._key = key

    async def __aenter__(self) -> Layout:
        session = self._table.find(self._key, time.monotonic())
        if session is None:  # it may be in the store
            session = await self._enter(self._key)
        self._session = session
        self._lease: Lease | None = self._table.hold(self._key)
        return Layout(session.optimizer, session.dtype, session.state.tensors, session.state.incarnation)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lease is not None:
            self._table.release(self._session, self._lease, time.monotonic(), succeeded=error is None)
