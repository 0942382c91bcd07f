"""The engine of one process: session table, a turn per session, threads for large vectors.

Everything here runs on the event loop's thread but for the functions that `Work` hands to a thread; those touch
nothing but the vectors and the session whose turn it is. Between prepare and commit is the one place where a journal
would record the step.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from stepd.engine.contract import (
    ANY_STATE,
    About,
    Creation,
    EncodeCheckpoint,
    EncodeParams,
    OnceAnswer,
    Preconditions,
    Read,
    Restoration,
    StepAnswer,
    StepRequest,
)
from stepd.engine.judgement import check_preconditions, content_of, judge_step, require_dtype
from stepd.engine.turns import Turns
from stepd.engine.using import Using
from stepd.engine.waiters import Waiters
from stepd.engine.work import Work, at_once
from stepd.errors import (
    DigestMismatch,
    FieldError,
    InternalError,
    SessionExists,
)
from stepd.optimizers import Optimizer
from stepd.optimizers.drivers import Drivers
from stepd.sessions.session import SESSION_BYTES, Prepared, Session, array_bytes, new_state, restored_state
from stepd.sessions.spec import Spec
from stepd.sessions.table import SessionTable
from stepd.values import Checkpoint, KeyRecord, SessionKey, Values, digest, new_incarnation

T = TypeVar("T")

SWEEP_INTERVAL_S = 1.0


class LocalEngine:
    """See `engine.contract.Engine` for the verbs."""

    def __init__(self, drivers: Drivers, *, capacity_bytes: int, keys_per_session: int, threads: int) -> None:
        self.drivers = drivers
        self.table = SessionTable(capacity_bytes)
        self._keys_per_session = keys_per_session
        self._turns = Turns()
        self._waiters = Waiters()
        self._work = Work(threads)
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins to delete expired sessions as their time comes."""
        self._sweeper = asyncio.create_task(self._sweep())

    def drain(self) -> None:
        """Ends all waits, now and to come, so that the service can stop."""
        self._waiters.close()

    async def close(self) -> None:
        """Ends what `start` began; changes under way are finished first."""
        self.drain()
        await self._work.finish()
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        self._work.close()

    def using(self, key: SessionKey) -> Using:
        return Using(self.table, key, time.monotonic)

    async def describe(self, key: SessionKey) -> About:
        return self.about(self.table.get(key, time.monotonic()))

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
        )

    async def create(
        self, key: SessionKey, creation: Creation, preconditions: Preconditions = ANY_STATE
    ) -> tuple[About, bool]:
        async def turn() -> tuple[About, bool]:
            session = self.table.find(key, time.monotonic())
            check_preconditions(preconditions, session)
            if session is None:
                return await self._create(key, creation), True
            async with self.using(key):
                await self._require_same(session, creation)
                return self.about(session), False

        return await self._work.to_its_end(self._in_turn(key, turn))

    async def list(
        self, tenant: str, after: str, size: int, labels: Mapping[str, str]
    ) -> tuple[Sequence[About], str | None]:
        self.table.sweep(time.monotonic())
        sessions, following = self.table.page(tenant, after, size, labels)
        return [self.about(session) for session in sessions], following

    async def step(self, key: SessionKey, request: StepRequest, encode: EncodeParams[T]) -> StepAnswer[T]:
        if not self._work.is_small(request.grads.flat.size):
            return await self._work.to_its_end(self._step_in_turn(key, request, encode))
        if self._turns.are_free(key):
            return self._step_at_once(key, request, encode)
        return await self._step_in_turn(key, request, encode)

    def _step_at_once(self, key: SessionKey, request: StepRequest, encode: EncodeParams[T]) -> StepAnswer[T]:
        """A small step of a session whose turn nobody has. Nothing is waited for, so nobody can come in between."""
        size, content = request.grads.flat.size, content_of(request)
        session = self.table.get(key, time.monotonic())
        began = time.perf_counter()
        record = judge_step(session, request, content)
        if record is None:
            prepared = at_once(size, session.prepare_step, self.drivers.current, *request.step, content)
            self._commit(session, prepared)
        stepped = time.perf_counter()
        encoded = encode(session.state.incarnation, session.state.step, session.values())
        return _step_answer(session, record, encoded, began, stepped)

    async def _step_in_turn(self, key: SessionKey, request: StepRequest, encode: EncodeParams[T]) -> StepAnswer[T]:
        size = request.grads.flat.size
        content = await self._work.run(size, content_of, request)
        async with self._turns(key):
            session = self.table.get(key, time.monotonic())
            began = time.perf_counter()
            record = judge_step(session, request, content)
            if record is None:
                await self._apply(session, size, session.prepare_step, self.drivers.current, *request.step, content)
            stepped = time.perf_counter()
            encoded = await self._work.run(
                size, encode, session.state.incarnation, session.state.step, session.values()
            )
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
            session = self.table.get(key, time.monotonic())
            values, state = session.values(), session.state
            if unless.names(state.tag):
                return Read(state.tag, state.step, None)
            encoded = await self._work.run(session.size, encode, state.incarnation, state.step, values)
            return Read(state.tag, state.step, encoded)

    async def wait(self, key: SessionKey, step: int, timeout_s: float) -> None:
        state = self.table.get(key, time.monotonic()).state
        if state.step < step:
            await self._waiters.wait(key, step, state.incarnation, timeout_s)
        self.table.get(key, time.monotonic())

    async def put_params(self, key: SessionKey, params: Values, preconditions: Preconditions) -> About:
        def prepare(session: Session) -> Prepared:
            require_dtype(session, params)
            return session.prepare_params(params, new_incarnation())

        return await self._change(key, params.flat.size, preconditions, prepare)

    async def checkpoint(
        self, key: SessionKey, encode: EncodeCheckpoint[T], unless: Preconditions = ANY_STATE
    ) -> Read[T]:
        async with self._turns(key):
            session = self.table.get(key, time.monotonic())
            checkpoint, state = session.checkpoint(), session.state
            if unless.names(state.tag):
                return Read(state.tag, state.step, None)
            await self._work.run(session.size, _digest_of, checkpoint)
            encoded = await self._work.run(session.size, encode, state.incarnation, checkpoint)
            return Read(state.tag, state.step, encoded)

    async def restore(
        self, key: SessionKey, restoration: Restoration, preconditions: Preconditions
    ) -> tuple[About, bool]:
        checkpoint, optimizer = restoration.checkpoint, restoration.optimizer
        size = checkpoint.tensors.size
        if restoration.digest is not None:
            computed = await self._work.run(size, _digest_of, checkpoint)
            if computed != restoration.digest:
                detail = f"the checkpoint's values have the digest {computed}, not {restoration.digest[:80]}"
                raise DigestMismatch(detail, errors=[FieldError("/digest", detail)])

        async def turn() -> tuple[About, bool]:
            session = self.table.find(key, time.monotonic())
            check_preconditions(preconditions, session)
            if session is not None:
                async with self.using(key):
                    await self._apply(session, size, session.prepare_restore, checkpoint, new_incarnation())
                    return self.about(session), False
            state = await self._work.run(size, restored_state, optimizer, checkpoint, new_incarnation())
            wishes = Creation(optimizer, checkpoint.tensors.dtype, ttl_s=restoration.ttl_s, labels=restoration.labels)
            session = self._new_session(key, wishes, state=state, spec=None)
            self.table.add(session, time.monotonic())
            return self.about(session), True

        return await self._work.to_its_end(self._in_turn(key, turn))

    async def reset(self, key: SessionKey, preconditions: Preconditions) -> About:
        size = self.table.get(key, time.monotonic()).size
        return await self._change(key, size, preconditions, lambda session: session.prepare_reset(new_incarnation()))

    async def delete(self, key: SessionKey, preconditions: Preconditions) -> None:
        async with self._turns(key):
            session = self.table.get(key, time.monotonic())
            check_preconditions(preconditions, session)
            self.table.remove(session)
            self._waiters.end(key)

    async def _change(
        self, key: SessionKey, size: int, preconditions: Preconditions, prepare: Callable[[Session], Prepared]
    ) -> About:
        """A change that gives the session another incarnation."""

        async def turn() -> About:
            session = self.table.get(key, time.monotonic())
            check_preconditions(preconditions, session)
            await self._apply(session, size, prepare, session)
            return self.about(session)

        return await self._work.to_its_end(self._in_turn(key, turn))

    async def _apply(self, session: Session, size: int, prepare: Callable[..., Prepared], *arguments: Any) -> None:
        """Prepares a change and commits it. Meanwhile the session does not expire, though its caller may have gone."""
        lease = self.table.hold(session.key)
        try:
            prepared = await self._work.run(size, prepare, *arguments)
            growth = self._make_room(session, prepared)
            try:
                await self._work.run(size, session.commit, prepared, time.time())
            except BaseException as error:
                raise self._lost(session, growth, error) from error
            self._waiters.notify(session.key, session.state.step, session.state.incarnation)
        finally:
            self.table.release(session, lease, time.monotonic(), succeeded=False)

    def _commit(self, session: Session, prepared: Prepared) -> None:
        """Commits a small change at once."""
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
            self.table.resize(growth, time.monotonic())
        return growth

    def _lost(self, session: Session, growth: int, error: BaseException) -> InternalError:
        """Gives up a session whose step in place broke off half-way, which only a machine without memory can make it.

        There is nothing to go back to; whoever asks for it is told that it is gone.
        """
        self.table.resize(-growth, time.monotonic())
        self.table.remove(session)
        self._waiters.end(session.key)
        return InternalError(
            f"session {session.key.id!r} is lost: its step {session.state.step + 1} broke off half-way "
            f"({type(error).__name__}); restore it from a checkpoint"
        )

    def _new_session(self, key: SessionKey, creation: Creation, *, state: Any, spec: Spec | None) -> Session:
        return Session(
            key,
            creation.optimizer,
            creation.dtype,
            state,
            spec=spec,
            labels=creation.labels,
            ttl_s=creation.ttl_s,
            key_limit=self._keys_per_session,
            now=time.time(),
        )

    async def _create(self, key: SessionKey, creation: Creation) -> About:
        tensors, size = creation.tensors, 0
        if tensors is not None:  # before anything of that size is made
            self.table.require_capacity(SESSION_BYTES + array_bytes(creation.optimizer, tensors), time.monotonic())
            size = tensors.size
        spec = Spec(creation.optimizer, creation.dtype, tensors, await self._work.run(size, _params_digest, creation))
        state = await self._work.run(size, new_state, creation.optimizer, tensors, creation.params, new_incarnation())
        session = self._new_session(key, creation, state=state, spec=spec)
        self.table.add(session, time.monotonic())
        return self.about(session)

    async def _require_same(self, session: Session, creation: Creation) -> None:
        """Raises SessionExists where the session was not created from the same spec."""
        if session.spec is None:
            fields, reason = ["restored"], "it was restored from a checkpoint"
        else:
            spec = Spec(creation.optimizer, creation.dtype, creation.tensors, session.spec.params_digest)
            fields = session.spec.differences(spec)
            if not fields and creation.tensors is not None:
                # The digest last: by now what is asked for has the size of what is there.
                given = replace(spec, params_digest=await self._work.run(session.size, _params_digest, creation))
                fields = session.spec.differences(given)
            reason = f"it was created with other {' and '.join(fields)}"
        if fields:
            raise SessionExists(
                f"session {session.key.id!r} exists and {reason}; GET it to attach to it as it is, or delete it first",
                extra={"fields": fields, "etag": f'"{session.state.tag}"', "step": session.state.step},
            )

    async def _in_turn(self, key: SessionKey, turn: Callable[[], Awaitable[T]]) -> T:
        async with self._turns(key):
            return await turn()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_INTERVAL_S)
            for key in self.table.sweep(time.monotonic()):
                self._waiters.end(key)


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


def _params_digest(creation: Creation) -> str | None:
    if creation.tensors is None:
        return None
    return digest(creation.tensors.zeros() if creation.params is None else creation.params)


def _digest_of(checkpoint: Checkpoint) -> str:
    return checkpoint.digest
