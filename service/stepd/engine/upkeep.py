"""What is done beside requests: expired sessions leave the store, snapshots are written as they become due."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

import structlog

from stepd.engine.journal import Fenced
from stepd.engine.residence import Residence
from stepd.engine.turns import Turns
from stepd.engine.work import Work
from stepd.errors import StepdError
from stepd.sessions.session import Session
from stepd.sessions.table import SessionTable

log = structlog.get_logger("stepd.sessions")

SWEEP_INTERVAL_S = 1.0


@dataclass
class Upkeep:
    """One per engine.

    Args:
        snapshot_s: seconds between the snapshots of a session of that level.
        snapshot_steps, snapshot_bytes: a journaled session is written whole after so many steps or bytes of them, so
            that loading it takes no more than these again.
        history_steps, history_bytes: the newest steps of a session that stay in its journal, and their bytes.
    """

    snapshot_s: float = 30.0
    snapshot_steps: int = 1000
    snapshot_bytes: int = 256 * 2**20
    history_steps: int = 100_000
    history_bytes: int = 2**30
    _task: asyncio.Task[None] | None = field(default=None, init=False)

    def start(self, table: SessionTable, residence: Residence, turns: Turns, work: Work) -> None:
        """Begins; what it works on is handed in."""
        self._table = table
        self._residence = residence
        self._turns = turns
        self._work = work
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Ends, and leaves every session whole in the store, marked as left clean."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            await self._remove_expired()
            for session in self._residence.kept():
                if session.durability == "snapshot":
                    await self._write(session, clean=True)

    async def _run(self) -> None:
        next_snapshots = time.monotonic() + self.snapshot_s
        while True:
            await asyncio.sleep(SWEEP_INTERVAL_S)
            lazily = time.monotonic() >= next_snapshots
            if lazily:
                next_snapshots = time.monotonic() + self.snapshot_s
            try:
                await self._round(lazily=lazily)
            except Exception:  # whatever it is, the next round comes
                log.exception("what is done beside requests has failed")

    async def _round(self, *, lazily: bool) -> None:
        await self._remove_expired()
        for session in self._residence.take_stepped():
            await self._write_if_due(session)
        if lazily:
            for session in self._residence.kept():
                if session.durability == "snapshot":
                    await self._write_if_due(session)

    async def _remove_expired(self) -> None:
        self._table.sweep(time.monotonic())
        self._residence.note_expired()
        for key in self._residence.ending:
            try:
                await self._residence.end(key)
            except StepdError as error:
                log.warning("an expired session could not be removed from the store", session=key.id, why=error.detail)

    async def _write_if_due(self, session: Session) -> None:
        if self._residence.is_due(session, self.snapshot_steps, self.snapshot_bytes):
            await self._write(session, clean=False)
            if session.durability == "journal":
                try:
                    await self._residence.thin(session, self.history_steps, self.history_bytes)
                except StepdError as error:
                    log.warning("old steps could not be dropped", session=session.key.id, why=error.detail)

    async def _write(self, session: Session, *, clean: bool) -> None:
        """Writes one session in its turn, if it is still there."""

        async def turn() -> None:
            async with self._turns(session.key):
                if self._table.find(session.key, time.monotonic()) is session:
                    await self._residence.snapshot(session, clean=clean)

        try:
            await self._work.to_its_end(turn())
        except Fenced:
            log.warning("another service has changed a session", session=session.key.id)
        except StepdError as error:
            log.warning("a snapshot could not be written", session=session.key.id, why=error.detail)
