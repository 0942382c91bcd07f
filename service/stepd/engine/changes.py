"""How a change of a session becomes real: room is made, it is written down, committed, and those who wait are told."""

from __future__ import annotations

import time
from collections.abc import Callable

from stepd.engine.residence import Residence
from stepd.engine.waiters import Waiters
from stepd.engine.work import Work
from stepd.errors import InternalError
from stepd.records import StepRecord
from stepd.sessions.session import Prepared, Session
from stepd.sessions.table import SessionTable


class Changes:
    """Made in the session's turn."""

    def __init__(self, table: SessionTable, residence: Residence, waiters: Waiters, work: Work) -> None:
        self._table = table
        self._residence = residence
        self._waiters = waiters
        self._work = work

    async def apply(
        self,
        session: Session,
        size: int,
        prepare: Callable[[], Prepared],
        note: Callable[[Prepared, float], StepRecord] | None = None,
        *,
        writes: bool = True,
    ) -> None:
        """Prepares a change and commits it. Meanwhile the session does not expire, though its caller may have gone.

        `note` says what is written of a step; without it the whole state is, unless nothing `writes`. Raises as
        `prepare` and `Residence.record`.
        """
        lease = self._table.hold(session.key)
        try:
            prepared = await self._work.run(size, prepare)
            growth, now = self._make_room(session, prepared), time.time()
            try:
                if writes:
                    step = None if note is None else await self._work.run(size, note, prepared, now)
                    await self._residence.record(session, prepared, step, now)
            except BaseException:
                self._table.resize(-growth, time.monotonic())
                raise
            try:
                await self._work.run(size, session.commit, prepared, now)
            except BaseException as error:
                raise self._lost(session, growth, error) from error
            self._waiters.notify(session.key, session.state.step, session.state.incarnation)
        finally:
            self._table.release(session, lease, time.monotonic(), succeeded=False)

    def commit(self, session: Session, prepared: Prepared) -> None:
        """Commits a small step that nothing is written of, at once."""
        growth = self._make_room(session, prepared)
        try:
            session.commit(prepared, time.time())
        except BaseException as error:
            raise self._lost(session, growth, error) from error
        self._waiters.notify(session.key, session.state.step, session.state.incarnation)

    def _make_room(self, session: Session, prepared: Prepared) -> int:
        """Accounts for what the session is about to take more, and says how much. Raises CapacityExceeded."""
        growth = session.growth(prepared)
        if growth:
            self._table.resize(growth, time.monotonic())
        return growth

    def _lost(self, session: Session, growth: int, error: BaseException) -> InternalError:
        """Gives up a session whose step in place broke off half-way, which only a machine without memory can make it.

        There is nothing to go back to but what a store has; whoever asks for it is told.
        """
        self._table.resize(-growth, time.monotonic())
        self._residence.forget(session)
        return InternalError(
            f"session {session.key.id!r} is lost: its step {session.state.step + 1} broke off half-way "
            f"({type(error).__name__}); restore it from a checkpoint"
        )
