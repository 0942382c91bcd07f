"""What the tests of sessions share: sessions of any kind, values, and every byte of a session for comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stepd.engine.listing import page_of
from stepd.optimizers import resolve
from stepd.optimizers.blocked import BlockedDriver
from stepd.optimizers.contract import FloatArray
from stepd.sessions.session import Session, new_state
from stepd.sessions.spec import Spec
from stepd.sessions.table import SessionTable
from stepd.values import DTYPES, SessionKey, Tensors, Values, digest

DRIVER = BlockedDriver()
FIRST = "aaaaaaaaaaaaa"
SECOND = "bbbbbbbbbbbbb"
LARGEST = float(np.finfo(np.float64).max)


def values(numbers: Any, dtype: str = "float64") -> Values:
    """Nested lists, or nested lists by name, as values that can't be written to."""
    if isinstance(numbers, dict):
        arrays = {name: np.array(numbers[name], DTYPES[dtype]) for name in sorted(numbers)}
        tensors = Tensors.named({name: array.shape for name, array in arrays.items()}, DTYPES[dtype])
        return read_only(tensors, np.concatenate([array.reshape(-1) for array in arrays.values()]))
    array = np.array(numbers, DTYPES[dtype])
    return read_only(Tensors.unnamed(array.shape, DTYPES[dtype]), array.reshape(-1))


def read_only(tensors: Tensors, flat: FloatArray) -> Values:
    flat.flags.writeable = False
    return Values(tensors, flat)


def make_session(
    params: Any = None, *, name: str = "run", dtype: str = "float64", key_limit: int = 3, ttl_s: float | None = None,
    tenant: str = "default", labels: dict[str, str] | None = None, rule: str = "adadelta", **hyper: Any,
) -> Session:  # fmt: skip
    """A session at step 0; without params it is unshaped. What it was given can't be written to."""
    chosen = resolve({"name": rule, **hyper}, DTYPES[dtype])
    given = None if params is None else values(params, dtype)
    tensors, flat = (None, None) if given is None else (given.tensors, given.flat)
    state = new_state(chosen, tensors, flat, FIRST)
    spec = Spec(chosen, DTYPES[dtype], tensors, None if flat is None else digest(flat))
    return Session(
        SessionKey(tenant, name), chosen, DTYPES[dtype], state,
        spec=spec, labels=labels, ttl_s=ttl_s, key_limit=key_limit, now=1.0,
    )  # fmt: skip


def everything(session: Session) -> tuple[object, ...]:
    """All that a session holds, vectors as bytes: equal where nothing has changed."""
    state = session.state
    return (
        session.key,
        session.optimizer.resolved(),
        session.dtype,
        (state.incarnation, state.step, state.tensors),
        None if state.params is None else state.params.tobytes(),
        tuple(slot.tobytes() for slot in state.slots),
        id(state),
        session.spec,
        dict(session.labels),
        session.ttl_s,
        (session.created_at, session.updated_at),
        list(session.keys.records.items()),
        (session.keys.nbytes, session.nbytes),
    )


def step(session: Session, grads: Any, **more: Any) -> None:
    """Prepares and commits a step."""
    session.commit(session.prepare_step(DRIVER, values(grads, session.dtype.name), **more), now=2.0)


def page(
    table: SessionTable, tenant: str, after: str, size: int, labels: Mapping[str, str]
) -> tuple[Sequence[Session], str | None]:
    """A page of the sessions in a table."""
    return page_of(table.behind(tenant, after), [], size, labels)
