"""The engine of one process: session table, a turn per session, threads for large vectors, a store if there is one.

Everything here runs on the event loop's thread but for the functions that `Work` hands to a thread; those touch
nothing but the vectors and the session whose turn it is.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from stepd.engine.beginnings import Beginnings
from stepd.engine.changes import Changes
from stepd.engine.contract import (
    ANY_STATE,
    About,
    Creation,
    EncodeCheckpoint,
    EncodeParams,
    Fork,
    History,
    OnceAnswer,
    Preconditions,
    Read,
    Restoration,
    StepAnswer,
    StepRequest,
)
from stepd.engine.journal import Fenced, Journal
from stepd.engine.judgement import check_preconditions, content_of, judge_step, require_dtype
from stepd.engine.listing import abouts, page_of
from stepd.engine.past import Past, forked_optimizer
from stepd.engine.residence import Residence
from stepd.engine.stored import step_record
from stepd.engine.turns import Turns
from stepd.engine.upkeep import Upkeep
from stepd.engine.using import Using
from stepd.engine.waiters import Waiters
from stepd.engine.work import Work, at_once
from stepd.errors import DigestMismatch, FieldError, KeyReused, NotDurable, SessionExists, Stale, StepdError
from stepd.optimizers import Optimizer
from stepd.optimizers.drivers import Drivers
from stepd.records import Durability, StepRecord
from stepd.sessions.session import Prepared, Session, copied, restored_state
from stepd.sessions.table import SessionTable
from stepd.values import Checkpoint, KeyRecord, SessionKey, Values, new_incarnation

T = TypeVar("T")


class LocalEngine:
    """See `engine.contract.Engine` for the verbs."""

    def __init__(
        self,
        drivers: Drivers,
        *,
        capacity_bytes: int,
        keys_per_session: int,
        threads: int,
        journal: Journal | None = None,
        durability: Durability = "memory",
        upkeep: Upkeep | None = None,
    ) -> None:
        self.drivers = drivers
        self.table = SessionTable(capacity_bytes)
        self.journal = journal
        self._turns = Turns()
        self._waiters = Waiters()
        self._work = Work(threads)
        self._residence = Residence(self.table, self._turns, self._waiters, drivers, journal, keys_per_session)
        self._changes = Changes(self.table, self._residence, self._waiters, self._work)
        self._past = Past(drivers, journal)
        self._beginnings = Beginnings(self.table, self._residence, self._work, durability, keys_per_session)
        self._upkeep = upkeep or Upkeep()

    async def start(self) -> None:
        """Lists what the store has; begins to delete expired sessions, and to write snapshots, as their time comes."""
        await self._residence.start()
        self._upkeep.start(self.table, self._residence, self._turns, self._work)

    def drain(self) -> None:
        """Ends all waits, now and to come, so that the service can stop."""
        self._waiters.close()

    async def close(self) -> None:
        """Ends what `start` began; changes under way are finished first, and what is to be kept is written."""
        self.drain()
        await self._work.finish()
        await self._upkeep.close()
        if self.journal is not None:
            await self.journal.close()
        self._work.close()

    async def trouble(self) -> StepdError | None:
        return None if self.journal is None else await self.journal.check()

    def using(self, key: SessionKey) -> Using:
        return Using(self.table, self._residence.enter, key)

    async def describe(self, key: SessionKey) -> About:
        return self.about(await self._residence.enter(key))

    def about(self, session: Session) -> About:
        """What the session is now."""
        left = self.table.seconds_left(session.key, time.monotonic())
        return About(
            key=session.key,
            optimizer=session.optimizer,
            dtype=session.dtype,
            tensors=session.state.tensors,
            step=session.state.step,
            incarnation=session.state.incarnation,
            nbytes=session.nbytes,
            created_at=session.created_at,
            updated_at=session.updated_at,
            ttl_s=session.ttl_s,
            expires_at=None if left is None else time.time() + left,
            labels=session.labels,
            durability=session.durability,
            lineage=session.lineage,
        )

    async def create(
        self, key: SessionKey, creation: Creation, preconditions: Preconditions = ANY_STATE
    ) -> tuple[About, bool]:
        self._beginnings.require_store(creation.durability)

        async def turn() -> tuple[About, bool]:
            session = await self._residence.find(key)
            check_preconditions(preconditions, session)
            if session is None:
                return self.about(await self._beginnings.create(key, creation)), True
            async with self.using(key):
                await self._beginnings.require_same(session, creation)
                return self.about(session), False

        return await self._to_its_end(key, turn)

    async def list(
        self, tenant: str, after: str, size: int, labels: Mapping[str, str]
    ) -> tuple[Sequence[About], str | None]:
        self.table.sweep(time.monotonic())
        self._residence.note_expired()
        asleep = abouts(self._residence.dormant.behind(tenant, after))
        awake = (self.about(session) for session in self.table.behind(tenant, after))
        return page_of(awake, asleep, size, labels)

    async def step(self, key: SessionKey, request: StepRequest, encode: EncodeParams[T]) -> StepAnswer[T]:
        if self._work.is_small(request.grads.flat.size) and self._turns.are_free(key):
            session = self.table.find(key, time.monotonic())
            if session is not None and session.durability != "journal":
                return self._step_at_once(session, request, encode)
        return await self._to_its_end(key, partial(self._step_in_turn, key, request, encode))

    def _step_at_once(self, session: Session, request: StepRequest, encode: EncodeParams[T]) -> StepAnswer[T]:
        """A small step of a session whose turn nobody has. Nothing is waited for, so nobody can come in between."""
        size, content = request.grads.flat.size, content_of(request)
        began = time.perf_counter()
        record = judge_step(session, request, content)
        if record is None:
            prepared = at_once(size, session.prepare_step, self.drivers.current, *request.step, content)
            self._changes.commit(session, prepared)
        stepped = time.perf_counter()
        encoded = encode(session.state.incarnation, session.state.step, session.values())
        return _step_answer(session, record, encoded, began, stepped)

    async def _step_in_turn(self, key: SessionKey, request: StepRequest, encode: EncodeParams[T]) -> StepAnswer[T]:
        size = request.grads.flat.size
        content = await self._work.run(size, content_of, request)
        session = await self._residence.get(key)
        began = time.perf_counter()
        record = judge_step(session, request, content)
        if record is None:
            journaled = session.durability == "journal"
            prepare = partial(
                session.prepare_step, self.drivers.current, *request.step, content, beside=journaled
            )  # fmt: skip

            def note(prepared: Prepared, now: float) -> StepRecord:
                return step_record(session, prepared, request.grads, request.params, request.lr, now)

            await self._changes.apply(session, size, prepare, note if journaled else None, writes=journaled)
        stepped = time.perf_counter()
        encoded = await self._work.run(size, encode, session.state.incarnation, session.state.step, session.values())
        return _step_answer(session, record, encoded, began, stepped)

    async def step_once(
        self, optimizer: Optimizer, start: Checkpoint, grads: Values, encode: EncodeCheckpoint[T]
    ) -> OnceAnswer[T]:
        began = time.perf_counter()
        size = grads.flat.size
        state = await self._work.run(size, restored_state, optimizer, start, "")
        session = Session(SessionKey("", ""), optimizer, start.tensors.dtype, state)
        session.commit(await self._work.run(size, session.prepare_step, self.drivers.current, grads), 0.0)
        stepped = time.perf_counter()
        encoded = await self._work.run(size, encode, "", session.checkpoint())
        return OnceAnswer(encoded, stepped - began, time.perf_counter() - stepped)

    async def params(self, key: SessionKey, encode: EncodeParams[T], unless: Preconditions = ANY_STATE) -> Read[T]:
        async with self._turns(key):
            session = await self._residence.get(key)
            values, state = session.values(), session.state
            if unless.names(state.tag):
                return Read(state.tag, state.step, None)
            encoded = await self._work.run(session.size, encode, state.incarnation, state.step, values)
            return Read(state.tag, state.step, encoded)

    async def wait(self, key: SessionKey, step: int, timeout_s: float) -> None:
        state = (await self._residence.enter(key)).state
        if state.step < step:
            await self._waiters.wait(key, step, state.incarnation, timeout_s)
        await self._residence.enter(key)

    async def put_params(self, key: SessionKey, params: Values, preconditions: Preconditions) -> About:
        def prepare(session: Session) -> Prepared:
            require_dtype(session, params)
            return session.prepare_params(params, new_incarnation())

        return await self._change(key, params.flat.size, preconditions, prepare)

    async def checkpoint(
        self, key: SessionKey, encode: EncodeCheckpoint[T], unless: Preconditions = ANY_STATE
    ) -> Read[T]:
        async with self._turns(key):
            session = await self._residence.get(key)
            checkpoint, state = session.checkpoint(), session.state
            if unless.names(state.tag):
                return Read(state.tag, state.step, None)
            await self._work.run(session.size, _digest_of, checkpoint)
            encoded = await self._work.run(session.size, encode, state.incarnation, checkpoint)
            return Read(state.tag, state.step, encoded)

    async def restore(
        self, key: SessionKey, restoration: Restoration, preconditions: Preconditions
    ) -> tuple[About, bool]:
        checkpoint = restoration.checkpoint
        size = checkpoint.tensors.size
        if restoration.digest is not None:
            computed = await self._work.run(size, _digest_of, checkpoint)
            if computed != restoration.digest:
                detail = f"the checkpoint's values have the digest {computed}, not {restoration.digest[:80]}"
                raise DigestMismatch(detail, errors=[FieldError("/digest", detail)])

        self._beginnings.require_store(restoration.durability)

        async def turn() -> tuple[About, bool]:
            session = await self._residence.find(key)
            check_preconditions(preconditions, session)
            if session is not None:
                async with self.using(key):
                    prepare = partial(session.prepare_restore, checkpoint, new_incarnation())
                    await self._changes.apply(session, size, prepare)
                    return self.about(session), False
            return self.about(await self._beginnings.restore(key, restoration)), True

        return await self._to_its_end(key, turn)

    async def reset(self, key: SessionKey, preconditions: Preconditions) -> About:
        size = (await self._residence.enter(key)).size
        return await self._change(key, size, preconditions, lambda session: session.prepare_reset(new_incarnation()))

    async def delete(self, key: SessionKey, preconditions: Preconditions) -> None:
        async def turn() -> None:
            session = await self._residence.get(key)
            check_preconditions(preconditions, session)
            await self._residence.remove(session)

        await self._to_its_end(key, turn)

    async def history(self, key: SessionKey, incarnation: str | None, after: int, size: int) -> History:
        return await self._past.history(await self._residence.enter(key), incarnation, after, size)

    async def checkpoint_at(
        self, key: SessionKey, step: int | None, incarnation: str | None, encode: EncodeCheckpoint[T]
    ) -> Read[T]:
        session = await self._residence.enter(key)
        if self._past.is_present(session, step, incarnation):
            return await self.checkpoint(key, encode)
        then = await self._past.session_at(session, step, incarnation)
        checkpoint, state = then.checkpoint(), then.state
        await self._work.run(then.size, _digest_of, checkpoint)
        encoded = await self._work.run(then.size, encode, state.incarnation, checkpoint)
        return Read(state.tag, state.step, encoded)

    async def fork(self, key: SessionKey, new: SessionKey, fork: Fork) -> About:
        self._beginnings.require_store(fork.durability)
        session = await self._residence.enter(key)
        if self._past.is_present(session, fork.at, fork.incarnation):
            async with self._turns(key):
                session = await self._residence.get(key)
                state = await self._work.run(session.size, copied, session)
        else:
            state = (await self._past.session_at(session, fork.at, fork.incarnation)).state
        optimizer = forked_optimizer(session, fork)

        async def turn() -> About:
            there = await self._residence.find(new)
            if there is not None:
                raise SessionExists(
                    f"session {new.id!r} exists; fork under another id, or delete it first",
                    extra={"fields": ["id"], "etag": f'"{there.state.tag}"', "step": there.state.step},
                )
            return self.about(await self._beginnings.fork(new, session, state, optimizer, fork))

        return await self._to_its_end(new, turn)

    async def snapshot(self, key: SessionKey) -> About:
        async def turn() -> About:
            session = await self._residence.get(key)
            if session.durability == "memory":
                raise NotDurable(
                    f"session {key.id!r} is kept in memory alone; its state can be had from GET state and put back"
                )
            await self._residence.snapshot(session)
            return self.about(session)

        return await self._to_its_end(key, turn)

    async def _change(
        self, key: SessionKey, size: int, preconditions: Preconditions, prepare: Callable[[Session], Prepared]
    ) -> About:
        """A change that gives the session another incarnation."""

        async def turn() -> About:
            session = await self._residence.get(key)
            check_preconditions(preconditions, session)
            await self._changes.apply(session, size, partial(prepare, session))
            return self.about(session)

        return await self._to_its_end(key, turn)

    async def _to_its_end(self, key: SessionKey, turn: Callable[[], Awaitable[T]]) -> T:
        """Takes the session's turn, and goes on to its end though its caller may have gone.

        Where another service has changed the session meanwhile, what the store has now is judged anew.
        """

        async def in_turn() -> T:
            async with self._turns(key):
                while True:
                    try:
                        return await turn()
                    except Fenced:
                        continue
                    except (Stale, SessionExists, KeyReused):
                        if not await self._residence.has_passed(key):
                            raise

        return await self._work.to_its_end(in_turn())


def _step_answer(session: Session, record: KeyRecord | None, encoded: T, began: float, stepped: float) -> StepAnswer[T]:
    state = session.state
    return StepAnswer(
        tag=state.tag,
        step=state.step,
        applied_step=state.step if record is None else record.step,
        replayed=record is not None,
        encoded=encoded,
        step_s=stepped - began,
        encode_s=time.perf_counter() - stepped,
    )


def _digest_of(checkpoint: Checkpoint) -> str:
    return checkpoint.digest
