"""Which sessions are in memory, and how those of a store come in, are written down, and go out.

All but `start`, `enter` and the lists is called in the session's turn. What a store has of a session and what is in
memory are the same between two turns, but for the steps of a session that is only written now and then.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import structlog

from stepd.engine.dormant import Dormant
from stepd.engine.journal import Fenced, Journal
from stepd.engine.stored import position_of, profile_of, session_of, snapshot_of
from stepd.engine.turns import Turns
from stepd.engine.waiters import Waiters
from stepd.errors import OutcomeUnknown, SessionNotFound
from stepd.optimizers.drivers import Drivers
from stepd.records import Position, StepRecord
from stepd.sessions.session import Prepared, Session, vector_bytes
from stepd.sessions.table import SessionTable
from stepd.storage.contract import Head, Write
from stepd.values import SessionKey, new_incarnation

log = structlog.get_logger("stepd.sessions")


@dataclass(slots=True)
class Written:
    """How much of a session the store has: its head there, and the steps and bytes of them since the last snapshot."""

    position: Position
    steps: int = 0
    nbytes: int = 0


class Residence:
    """See the module's text. Without a journal there is only memory."""

    def __init__(
        self,
        table: SessionTable,
        turns: Turns,
        waiters: Waiters,
        drivers: Drivers,
        journal: Journal | None,
        keys_per_session: int,
    ) -> None:
        self.table = table
        self.journal = journal
        self._turns = turns
        self._waiters = waiters
        self._drivers = drivers
        self._keys_per_session = keys_per_session
        self._written: dict[SessionKey, Written] = {}
        self.dormant = Dormant()
        self._ending: dict[SessionKey, Position] = {}
        self._stepped: set[SessionKey] = set()

    async def start(self) -> None:
        """Lists what the store has. Sessions are loaded when they are first used."""
        if self.journal is None:
            return
        store = self.journal.store
        for head in await self.journal.read(lambda: list(store.sessions())):
            self.dormant.put(head)
            if head.damage is not None:
                log.error("a session's rows are damaged; it is not served", session=head.key.id, damage=head.damage)
            elif head.profile is not None and head.profile.ttl_s is not None:
                self.table.expect(head.key, head.profile.ttl_s, time.monotonic())

    @property
    def _journal(self) -> Journal:
        """Where sessions that are kept are kept; there are none of these without it."""
        if self.journal is None:
            raise AssertionError("a session is kept, and there is no store")
        return self.journal

    async def enter(self, key: SessionKey) -> Session:
        """The session, in memory from here on, outside its turn. Raises SessionNotFound, SessionExpired, as `get`."""
        session = self.table.find(key, time.monotonic())
        if session is not None:
            return session
        if self.journal is None:
            return self.table.get(key, time.monotonic())
        async with self._turns(key):
            return await self.get(key)

    async def get(self, key: SessionKey) -> Session:
        """The session. Raises SessionNotFound, SessionExpired, and where it is to be loaded SessionCorrupt,
        CapacityExceeded, StorageUnavailable."""
        session = await self.find(key)
        return self.table.get(key, time.monotonic()) if session is None else session

    async def find(self, key: SessionKey) -> Session | None:
        """The session, if there is one; else the id is free, in the store too. Raises as `get`."""
        session = self.table.find(key, time.monotonic())
        if session is not None or self.journal is None:
            return session
        await self._end(key)
        while True:
            try:
                return await self._load(key)
            except Fenced:
                log.info("a session was changed by another service while it was loaded", session=key.id)

    async def has_passed(self, key: SessionKey) -> bool:
        """Whether the store has another state of it than memory, which has forgotten it then."""
        session = self.table.find(key, time.monotonic())
        written = self._written.get(key)
        if session is None or written is None:
            return False
        head = await self._journal.read(self._journal.store.find, key)
        if head is not None and head.position == written.position:
            return False
        self.forget(session)
        return True

    async def record_new(self, session: Session) -> None:
        """Writes a session that is not in the table yet; nobody else can take its room meanwhile."""
        if session.durability == "memory":
            return
        self.table.resize(session.nbytes, time.monotonic())
        try:
            snapshot = snapshot_of(session, session.updated_at)
            await self._record(session, Write(session.key, None, snapshot.position, snapshot=snapshot))
        finally:
            self.table.resize(-session.nbytes, time.monotonic())
        self._written[session.key] = Written(snapshot.position)

    async def record(self, session: Session, prepared: Prepared, step: StepRecord | None, now: float) -> None:
        """Writes what is about to be committed: a journaled session's step; any other change with the whole state.

        Raises Fenced, OutcomeUnknown (the session is not in memory any more), StorageFull, StorageUnavailable.
        """
        written = self._written.get(session.key)
        if written is None:
            return
        to = position_of(prepared.state)
        if step is not None:
            shaped = prepared.state.tensors is not session.state.tensors
            profile = profile_of(session, prepared) if shaped else None
            write = Write(session.key, written.position, to, profile=profile, step=step)
        else:
            alone = session.durability == "snapshot"
            snapshot = snapshot_of(session, now, prepared)
            write = Write(session.key, written.position, to, snapshot=snapshot, clears_older=alone)
        await self._record(session, write)
        if step is not None:
            self._stepped.add(session.key)
        written.position = to
        written.steps = 0 if step is None else written.steps + 1
        written.nbytes = 0 if step is None else written.nbytes + step.nbytes

    async def snapshot(self, session: Session, *, clean: bool = False) -> None:
        """Writes the whole session as it is; its vectors may not be written to meanwhile. Raises as `record`."""
        written = self._written.get(session.key)
        if written is None:
            return
        alone = session.durability == "snapshot"
        to = position_of(session.state)
        snapshot = None
        if written.position != to or (written.steps and not alone):
            snapshot = snapshot_of(session, session.updated_at)
        elif not clean:
            return
        write = Write(
            session.key,
            written.position,
            to,
            snapshot=snapshot,
            clean=clean and alone,
            clears_older=alone and snapshot is not None,
        )
        await self._record(session, write)
        self._written[session.key] = Written(to)

    def take_stepped(self) -> list[Session]:
        """The sessions in memory whose steps were journaled since this was last asked."""
        stepped, self._stepped = self._stepped, set()
        return self._in_memory(stepped)

    def kept(self) -> list[Session]:
        """The sessions in memory that a store has."""
        return self._in_memory(self._written)

    def _in_memory(self, keys: Iterable[SessionKey]) -> list[Session]:
        now = time.monotonic()
        return [session for key in keys if (session := self.table.find(key, now)) is not None]

    def is_due(self, session: Session, steps: int, nbytes: int) -> bool:
        """Whether the store lacks steps of it, or has to take so many again to recover it."""
        written = self._written.get(session.key)
        if written is None:
            return False
        if session.durability == "snapshot":
            return written.position != position_of(session.state)
        state = 0 if session.state.tensors is None else vector_bytes(session.optimizer, session.state.tensors)
        return written.steps >= steps or written.nbytes >= max(nbytes, 16 * state)

    async def thin(self, session: Session, keep_steps: int, keep_bytes: int) -> None:
        """Drops the oldest history beyond so many steps or bytes. Raises StorageFull, StorageUnavailable."""
        forget = self._journal.store.forget
        await self._journal.maintain(forget, session.key, keep_steps=keep_steps, keep_bytes=keep_bytes)

    async def remove(self, session: Session) -> None:
        """Deletes the session, from the store too. Raises as `record`."""
        written = self._written.get(session.key)
        if written is not None:
            await self._record(session, Write(session.key, written.position, None))
            del self._written[session.key]
        self.table.remove(session)
        self._waiters.end(session.key)

    def forget(self, session: Session) -> None:
        """Takes the session out of memory; what the store has of it stays."""
        self.table.remove(session)
        self._waiters.end(session.key)
        written = self._written.pop(session.key, None)
        if written is not None:
            head = Head(session.key, written.position, profile_of(session), session.updated_at, clean=False)
            self.dormant.put(head)
            if session.ttl_s is not None:
                self.table.expect(session.key, session.ttl_s, time.monotonic())

    def note_expired(self) -> None:
        """Looks which sessions have expired meanwhile: the store has yet to be told of them."""
        for key in self.table.take_expired():
            known = self._written.pop(key, None) or self.dormant.take(key)
            if known is not None:
                self._ending[key] = known.position
            self._waiters.end(key)

    @property
    def ending(self) -> Sequence[SessionKey]:
        """The expired sessions that the store still has."""
        return list(self._ending)

    async def end(self, key: SessionKey) -> None:
        """Removes an expired session from the store, in its turn."""
        async with self._turns(key):
            await self._end(key)

    async def _end(self, key: SessionKey) -> None:
        self.note_expired()
        position = self._ending.get(key)
        if position is not None and self.journal is not None:
            try:
                await self.journal.record(Write(key, position, None))
            except Fenced:
                log.info("an expired session lives on in another service", session=key.id)
            self._ending.pop(key, None)

    async def _record(self, session: Session, write: Write) -> None:
        try:
            await self._journal.record(write)
        except (Fenced, OutcomeUnknown) as error:
            if self.table.find(session.key, time.monotonic()) is session:
                log.warning(
                    "a session is loaded anew before its next request", session=session.key.id, why=type(error).__name__
                )
                self.forget(session)
            raise

    async def _load(self, key: SessionKey) -> Session | None:
        """The session from the store, if it has one. Raises Fenced where another service changes it meanwhile."""
        head = await self._journal.read(self._journal.store.find, key)
        if head is None:
            self.dormant.take(key)
            return None
        try:
            session = await self._journal.read(self._recovered, key)
        except SessionNotFound:
            return None
        written = Written(position_of(session.state))
        if session.durability == "snapshot":
            await self._take_over(session, head, written)
        self.table.add(session, time.monotonic())
        self._written[key] = written
        self.dormant.take(key)
        return session

    async def _take_over(self, session: Session, head: Head, written: Written) -> None:
        """Steps of it that were never written may be lost: unless it was left clean it begins another life."""
        if head.clean and head.position == written.position:
            await self._journal.record(Write(session.key, head.position, head.position))
            return
        session.state = session.state._replace(incarnation=new_incarnation())
        snapshot = snapshot_of(session, session.updated_at)
        write = Write(session.key, written.position, snapshot.position, snapshot=snapshot, clears_older=True)
        await self._journal.record(write)
        written.position = snapshot.position

    def _recovered(self, key: SessionKey) -> Session:
        with self._journal.store.load(key) as recovered:
            return session_of(key, recovered, self._drivers.current, self._keys_per_session)
