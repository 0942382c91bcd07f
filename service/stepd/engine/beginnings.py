"""How a session begins: from what create asks for, or from a checkpoint; and whether create asks for what is there."""

from __future__ import annotations

import time
from dataclasses import replace

from stepd.engine.contract import Creation, Fork, Restoration
from stepd.engine.residence import Residence
from stepd.engine.work import Work
from stepd.errors import FieldError, NotDurable, SessionExists
from stepd.optimizers import Optimizer
from stepd.records import Durability, Lineage
from stepd.sessions.session import SESSION_BYTES, Session, State, array_bytes, new_state, restored_state
from stepd.sessions.spec import Spec
from stepd.sessions.table import SessionTable
from stepd.values import SessionKey, digest, new_incarnation


class Beginnings:
    """Used in the turn of the session, which is not there yet."""

    def __init__(
        self, table: SessionTable, residence: Residence, work: Work, durability: Durability, keys_per_session: int
    ) -> None:
        self._table = table
        self._residence = residence
        self._work = work
        self._durability: Durability = durability
        self._keys_per_session = keys_per_session

    def require_store(self, durability: Durability | None) -> None:
        """Raises NotDurable where a session is to be kept and there is nowhere to keep it."""
        if durability not in (None, "memory") and self._residence.journal is None:
            detail = (
                f"durability is {durability!r} and the service has no store: start it with --data or --store, or leave "
                "durability out"
            )
            raise NotDurable(detail, errors=[FieldError("/durability", detail)])

    async def create(self, key: SessionKey, creation: Creation) -> Session:
        """A session at step 0. Raises CapacityExceeded, and as `Residence.record`."""
        optimizer, tensors, size = creation.optimizer, creation.tensors, 0
        if tensors is not None:  # before anything of that size is made
            self._table.require_capacity(SESSION_BYTES + array_bytes(optimizer, tensors), time.monotonic())
            size = tensors.size
        spec = Spec(optimizer, creation.dtype, tensors, await self._work.run(size, _params_digest, creation))
        state = await self._work.run(size, new_state, optimizer, tensors, creation.params, new_incarnation())
        session = Session(
            key,
            optimizer,
            creation.dtype,
            state,
            spec=spec,
            labels=creation.labels,
            ttl_s=creation.ttl_s,
            key_limit=self._keys_per_session,
            now=time.time(),
            durability=creation.durability or self._durability,
        )
        return await self._take_in(session)

    async def restore(self, key: SessionKey, restoration: Restoration) -> Session:
        """A session at the checkpoint's step. Raises InvalidTensors, CapacityExceeded, and as `Residence.record`."""
        checkpoint, optimizer = restoration.checkpoint, restoration.optimizer
        size = checkpoint.tensors.size
        state = await self._work.run(size, restored_state, optimizer, checkpoint, new_incarnation())
        session = Session(
            key,
            optimizer,
            checkpoint.tensors.dtype,
            state,
            labels=restoration.labels,
            ttl_s=restoration.ttl_s,
            key_limit=self._keys_per_session,
            now=time.time(),
            durability=restoration.durability or self._durability,
            lineage=Lineage(checkpoint.named, born_step=checkpoint.step),
        )
        return await self._take_in(session)

    async def fork(
        self, key: SessionKey, origin: Session, state: State, optimizer: Optimizer, fork: Fork
    ) -> Session:  # fmt: skip
        """A session that goes on from a state of another, which is its own from here on. Raises as `restore`."""
        session = Session(
            key,
            optimizer,
            origin.dtype,
            state._replace(incarnation=new_incarnation()),
            labels=fork.labels,
            ttl_s=fork.ttl_s,
            key_limit=self._keys_per_session,
            now=time.time(),
            durability=fork.durability or self._durability,
            lineage=Lineage(forked_from=f"{origin.key.id}@{state.tag}", born_step=state.step),
        )
        return await self._take_in(session)

    async def require_same(self, session: Session, creation: Creation) -> None:
        """Raises SessionExists where the session was not created from the same spec."""
        if session.spec is None:
            forked = session.lineage.forked_from is not None
            fields = ["forked" if forked else "restored"]
            reason = "it was forked from another session" if forked else "it was restored from a checkpoint"
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

    async def _take_in(self, session: Session) -> Session:
        """Writes a new session down, where it is to be, and takes it into the table."""
        await self._residence.record_new(session)
        self._table.add(session, time.monotonic())
        return session


def _params_digest(creation: Creation) -> str | None:
    if creation.tensors is None:
        return None
    return digest(creation.tensors.zeros() if creation.params is None else creation.params)
