"""What of a session goes into a store, and how a session is made again of what the store has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from stepd.errors import SessionCorrupt, StepdError
from stepd.optimizers import Optimizer, resolve
from stepd.optimizers.contract import Driver
from stepd.records import Position, Profile, ShapeDocument, Snapshot, StepRecord
from stepd.sessions.owned import owned
from stepd.sessions.session import Prepared, Session, State
from stepd.sessions.spec import Spec
from stepd.storage.contract import Recovered
from stepd.values import DTYPES, FloatArray, SessionKey, Tensors, Values, norm


def position_of(state: State) -> Position:
    """Which state it is."""
    return Position(state.incarnation, state.step)


def profile_of(session: Session, prepared: Prepared | None = None) -> Profile:
    """What the session is, or will be once the change is committed."""
    state = session.state if prepared is None else prepared.state
    lineage = session.lineage if prepared is None or prepared.lineage is None else prepared.lineage
    forgotten = prepared is not None and prepared.forgets_spec
    return Profile(
        optimizer=session.optimizer.resolved(),
        dtype=session.dtype.name,
        shape=None if state.tensors is None else state.tensors.shape_document(),
        labels=session.labels,
        ttl_s=session.ttl_s,
        created_at=session.created_at,
        durability=session.durability,
        spec=None if session.spec is None or forgotten else _spec_document(session.spec),
        lineage=lineage,
    )


def snapshot_of(session: Session, now: float, prepared: Prepared | None = None) -> Snapshot:
    """The whole session as it is, or will be once the change, which is none in place, is committed.

    It lends the session's vectors: they hold these values until its next change.
    """
    state = session.state if prepared is None else prepared.state
    vectors: dict[str, FloatArray] = {}
    if state.params is not None:
        names = ("params", *session.optimizer.rule.slot_names)
        vectors = dict(zip(names, (state.params, *state.slots), strict=True))
    return Snapshot(position_of(state), profile_of(session, prepared), vectors, dict(session.keys.records), now)


def step_record(
    session: Session, prepared: Prepared, grads: Values, params: Values | None, lr: float | None, now: float
) -> StepRecord:
    """One prepared step of the session, which is not committed yet and was computed beside its state."""
    before, after = session.state.params, prepared.state.params
    given = None if params is None else params.flat
    if before is None:
        before = given
    elif given is not None and _same_bits(given, before):
        given = None
    record = prepared.record
    return StepRecord(
        step=prepared.state.step,
        grads=grads.flat,
        time=now,
        grad_norm=norm(grads.flat),
        update_norm=0.0 if after is None or before is None else norm(after, given if given is not None else before),
        params=given,
        lr=lr,
        key=prepared.key,
        fingerprint=b"" if record is None else record.fingerprint,
        worker=None if record is None else record.worker,
    )


def session_of(key: SessionKey, recovered: Recovered, driver: Driver, key_limit: int) -> Session:
    """The session as the store has it: the snapshot, and every step after it taken again. Raises SessionCorrupt."""
    profile, snapshot = recovered.profile, recovered.snapshot
    try:
        dtype = DTYPES[profile.dtype]
        optimizer = resolve(dict(profile.optimizer), dtype)
        session = Session(
            key,
            optimizer,
            dtype,
            _state(optimizer, tensors_of(snapshot.profile), snapshot),
            spec=None if profile.spec is None else _spec(profile.spec),
            labels=profile.labels,
            ttl_s=profile.ttl_s,
            key_limit=key_limit,
            now=profile.created_at,
            durability=profile.durability,
            lineage=profile.lineage,
        )
        for name, record in snapshot.keys.items():
            session.keys.remember(name, record)
        session.updated_at = snapshot.time
        tensors = tensors_of(profile)
        for step in recovered.steps:
            _take_again(session, step, tensors, driver)
    except StepdError as error:
        if isinstance(error, SessionCorrupt):
            raise
        raise _corrupt(key, error.detail) from error
    except (KeyError, ValueError) as error:
        raise _corrupt(key, str(error)) from error
    if position_of(session.state) != recovered.position:
        raise _corrupt(key, f"its journal ends at step {session.state.step}, not at {recovered.position.step}")
    return session


def _take_again(session: Session, step: StepRecord, tensors: Tensors | None, driver: Driver) -> None:
    if tensors is None or step.step != session.state.step + 1:
        raise _corrupt(session.key, f"step {step.step} follows step {session.state.step}")
    params = None if step.params is None else Values(tensors, step.params)
    grads = Values(tensors, step.grads)
    prepared = session.prepare_step(driver, grads, params, step.lr, step.key, step.fingerprint, step.worker)
    session.commit(prepared, step.time)


def _state(optimizer: Optimizer, tensors: Tensors | None, snapshot: Snapshot) -> State:
    incarnation, step = snapshot.position
    if tensors is None:
        return State(incarnation, step, None, None, ())
    params, *slots = (owned(snapshot.vectors[name]) for name in ("params", *optimizer.rule.slot_names))
    for vector in (params, *slots):
        if vector.size != tensors.size or vector.dtype != tensors.dtype:
            raise ValueError(f"a vector has {vector.size} values of {vector.dtype.name}")
    return State(incarnation, step, tensors, params, tuple(slots))


def tensors_of(profile: Profile) -> Tensors | None:
    """The session's tensors, None while it has no shape."""
    return _tensors(profile.shape, DTYPES[profile.dtype])


def _tensors(shape: ShapeDocument | None, dtype: np.dtype[Any]) -> Tensors | None:
    if shape is None:
        return None
    return Tensors.named(shape, dtype) if isinstance(shape, dict) else Tensors.unnamed(shape, dtype)


def _spec_document(spec: Spec) -> dict[str, Any]:
    return {
        "optimizer": spec.optimizer.resolved(),
        "dtype": spec.dtype.name,
        "shape": None if spec.tensors is None else spec.tensors.shape_document(),
        "params_digest": spec.params_digest,
    }


def _spec(document: Mapping[str, Any]) -> Spec:
    dtype = DTYPES[document["dtype"]]
    tensors = _tensors(document["shape"], dtype)
    return Spec(resolve(dict(document["optimizer"]), dtype), dtype, tensors, document["params_digest"])


def _same_bits(one: FloatArray, other: FloatArray) -> bool:
    bits = np.dtype(f"u{one.dtype.itemsize}")
    return bool(np.array_equal(one.view(bits), other.view(bits)))


def _corrupt(key: SessionKey, what: str) -> SessionCorrupt:
    return SessionCorrupt(
        f"what is stored of session {key.id!r} can't be its past: {what}; it is not loaded. The others are served; "
        "restore it from a backup or a checkpoint, under another id if need be"
    )
