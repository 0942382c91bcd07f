"""A prepare method changes nothing, whether it succeeds or refuses: every byte of the session is compared."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from stepd.errors import (
    CheckpointMismatch,
    InvalidTensors,
    NamesMismatch,
    SessionHasNoShape,
    ShapeMismatch,
    StepNotFinite,
)
from stepd.sessions.session import Prepared, Session
from stepd.values import Checkpoint
from tests.sessions.runs import DRIVER, LARGEST, SECOND, everything, make_session, step, values

Prepare = Callable[[Session], Prepared]


def shaped() -> Session:
    """Two steps on, with keys remembered."""
    session = make_session([1.0, -2.0], labels={"run": "7"})
    step(session, [0.5, -0.25], key="one", fingerprint=b"1")
    step(session, [0.5, -0.25], key="two", fingerprint=b"2")
    return session


def named() -> Session:
    session = make_session({"w": [[1.0, 2.0]], "b": 3.0})
    step(session, {"w": [[0.5, 0.5]], "b": 0.5})
    return session


def checkpoint(session: Session, **changes: Any) -> Checkpoint:
    given = values([5.0, 6.0])
    slots = {"square_avg": np.array([0.5, 0.25]), "acc_delta": np.array([0.0, -0.0])}
    fields: dict[str, Any] = {
        "optimizer": session.optimizer.resolved(),
        "tensors": given.tensors,
        "step": 9,
        "params": given.flat,
        "slots": slots,
    }
    return Checkpoint(**{**fields, **changes})


def steps(grads: Any, params: Any = None, lr: float | None = None, **more: Any) -> Prepare:
    return lambda session: session.prepare_step(
        DRIVER, values(grads), None if params is None else values(params), lr, **more
    )


def restores(**changes: Any) -> Prepare:
    return lambda session: session.prepare_restore(checkpoint(session, **changes), SECOND)


SUCCEEDS: list[tuple[str, Callable[[], Session], Prepare]] = [
    ("step", shaped, steps([0.5, 0.5])),
    ("step with key", shaped, steps([0.5, 0.5], key="three", fingerprint=b"3")),
    ("step with params", shaped, steps([0.5, 0.5], [7.0, 8.0])),
    ("step with lr", shaped, steps([0.5, 0.5], lr=0.0)),
    ("first step", make_session, steps([0.5, 0.5], [7.0, 8.0])),
    ("step of named", named, steps({"w": [[1.0, 1.0]], "b": 0.0})),
    ("params", shaped, lambda session: session.prepare_params(values([7.0, 8.0]), SECOND)),
    ("first params", make_session, lambda session: session.prepare_params(values([7.0, 8.0]), SECOND)),
    ("reset", shaped, lambda session: session.prepare_reset(SECOND)),
    ("reset of nothing", make_session, lambda session: session.prepare_reset(SECOND)),
    ("restore", shaped, restores()),
    ("first restore", make_session, restores()),
]

REFUSED: list[tuple[str, Callable[[], Session], Prepare, type[Exception]]] = [
    ("unshaped", make_session, steps([1.0]), SessionHasNoShape),
    ("unshaped, unlike", make_session, steps([1.0], [1.0, 2.0]), ShapeMismatch),
    ("grads too short", shaped, steps([1.0]), ShapeMismatch),
    ("grads named", shaped, steps({"w": [1.0, 2.0]}), NamesMismatch),
    ("params too long", shaped, steps([1.0, 2.0], [1.0, 2.0, 3.0]), ShapeMismatch),
    ("names differ", named, steps({"w": [[1.0, 1.0]], "c": 0.0}), NamesMismatch),
    ("not finite", shaped, steps([LARGEST, 1.0]), StepNotFinite),
    ("not finite with key", shaped, steps([1.0, LARGEST], key="three", fingerprint=b"3"), StepNotFinite),
    ("not finite with params", shaped, steps([-0.1, 1.0], [LARGEST, 1.0], lr=LARGEST), StepNotFinite),
    ("put params of another shape", shaped, lambda s: s.prepare_params(values([[1.0, 2.0]]), SECOND), ShapeMismatch),
    ("put params named", shaped, lambda s: s.prepare_params(values({"w": [1.0, 2.0]}), SECOND), NamesMismatch),
    ("restore another rule", shaped, restores(optimizer={"name": "sgd"}), CheckpointMismatch),
    ("restore negative", shaped,
     restores(slots={"square_avg": np.array([0.5, -1e-300]), "acc_delta": np.zeros(2)}), InvalidTensors),
    ("restore another shape", named, restores(), NamesMismatch),
]  # fmt: skip


@pytest.mark.parametrize(("make", "prepare"), [case[1:] for case in SUCCEEDS], ids=[case[0] for case in SUCCEEDS])
def test_preparing_changes_nothing(make: Callable[[], Session], prepare: Prepare) -> None:
    """What was prepared and never committed has never been."""
    session = make()
    before = everything(session)
    prepare(session)
    assert everything(session) == before


@pytest.mark.parametrize(
    ("make", "prepare", "error"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_refusing_changes_nothing(make: Callable[[], Session], prepare: Prepare, error: type[Exception]) -> None:
    """Whatever is refused leaves every byte as it was."""
    session = make()
    before = everything(session)
    with pytest.raises(error):
        prepare(session)
    assert everything(session) == before


@pytest.mark.parametrize(("make", "prepare"), [case[1:] for case in SUCCEEDS], ids=[case[0] for case in SUCCEEDS])
def test_committing_replaces_the_state_and_writes_to_no_vector(make: Callable[[], Session], prepare: Prepare) -> None:
    """The vectors of a small session before a change hold after it what they held before."""
    session = make()
    old, before = session.state, everything(session)
    prepared = prepare(session)
    promised = session.nbytes + session.growth(prepared)
    session.commit(prepared, now=5.0)
    assert session.state is prepared.state
    assert (session.updated_at, session.created_at) == (5.0, 1.0)
    assert session.nbytes == promised
    session.state = old
    vectors = slice(3, 6)
    assert everything(session)[vectors] == before[vectors]
