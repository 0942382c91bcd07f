"""Steps of large vectors happen over the old values, but only where nothing can go wrong; the bits stay the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stepd.errors import StepNotFinite
from stepd.optimizers import CATALOGUE
from stepd.optimizers.contract import FloatArray
from stepd.optimizers.textbook import TEXTBOOK
from stepd.sessions import session as module
from stepd.sessions.session import BESIDE_SIZE, Session
from stepd.values import DTYPES, Checkpoint, Tensors, Values, largest
from tests.sessions.runs import DRIVER, FIRST, LARGEST, SECOND, everything, make_session, values

LARGE = BESIDE_SIZE + 1


def large(seed: int, dtype: str = "float64") -> FloatArray:
    return np.random.default_rng(seed).normal(size=LARGE).astype(dtype)


def given(vector: FloatArray) -> Values:
    return Values(Tensors.unnamed(vector.shape, vector.dtype), vector)


def started(**more: Any) -> Session:
    """A large session one step on: its bounds are known."""
    session = make_session(large(0), **more)
    session.commit(session.prepare_step(DRIVER, given(large(1))), 2.0)
    return session


def vectors(session: Session) -> list[FloatArray]:
    assert session.state.params is not None
    return [session.state.params, *session.state.slots]


def bits(session: Session) -> list[bytes]:
    return [vector.tobytes() for vector in vectors(session)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CATALOGUE)
def test_steps_in_place_are_the_textbooks(name: str, dtype: str) -> None:
    """Step after step a large session holds what the textbook form gives, in the memory that it had from the start."""
    hyper = {"momentum": 0.9} if name == "sgd" else {}
    session, textbook = make_session(large(0, dtype), rule=name, dtype=dtype, **hyper), TEXTBOOK[name](**hyper)
    before, params = vectors(session), large(0, dtype)
    for number in range(1, 6):
        grads = large(number, dtype)
        params = textbook.update(params, grads)
        prepared = session.prepare_step(DRIVER, given(grads))
        assert prepared.in_place is not None
        session.commit(prepared, 2.0)
        assert textbook.state is not None
        assert bits(session) == [vector.tobytes() for vector in (params, *textbook.state.values())]
        assert session.state.tag == f"{FIRST}-{number}"
    assert all(now is then for now, then in zip(vectors(session), before, strict=True))


def test_small_steps_are_taken_beside() -> None:
    """Up to a few thousand values a step leaves the old vectors alone and remembers no bounds."""
    session = make_session([1.0] * BESIDE_SIZE)
    before = vectors(session)
    prepared = session.prepare_step(DRIVER, values([0.5] * BESIDE_SIZE))
    assert prepared.in_place is None
    session.commit(prepared, 2.0)
    assert session.state.bounds is None
    assert [vector.tolist() for vector in before] == [[1.0] * BESIDE_SIZE, *[[0.0] * BESIDE_SIZE] * 2]


def test_preparing_in_place_changes_nothing() -> None:
    """What was proven and never committed has never been; a second preparation starts from the same state."""
    session = started()
    before = everything(session)
    first = session.prepare_step(DRIVER, given(large(2)))
    assert first.in_place is not None
    assert everything(session) == before
    other = make_session(large(0))
    for number in (1, 3):
        other.commit(other.prepare_step(DRIVER, given(large(number))), 2.0)
    session.commit(session.prepare_step(DRIVER, given(large(3))), 2.0)
    assert bits(session) == bits(other)


def test_bounds_hold_and_are_carried_on() -> None:
    """After each step the bounds cover the values, and were not found by looking at them again."""
    session = started()
    for number in range(2, 6):
        assert session.state.bounds is not None
        session.commit(session.prepare_step(DRIVER, given(large(number))), 2.0)
        assert all(largest(v) <= bound for v, bound in zip(vectors(session), session.state.bounds, strict=True))
    assert session.state.bounds[0] > largest(vectors(session)[0]), "known by proof, not by looking"


def test_where_bounds_have_drifted_the_values_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that no longer prove a step are replaced by true maxima, and the step is still taken in place."""
    session = started()
    session.state = session.state._replace(bounds=(LARGEST, LARGEST, LARGEST))
    looked: list[FloatArray] = []

    def looking(vector: FloatArray) -> float:
        looked.append(vector)
        return largest(vector)

    monkeypatch.setattr(module, "largest", looking)
    grads = Values(*given(large(2))[:2], largest=6.0)
    for _ in range(2):
        prepared = session.prepare_step(DRIVER, grads)
        assert prepared.in_place is not None
        session.commit(prepared, 2.0)
    assert [any(vector is one for one in looked) for vector in vectors(session)] == [True] * 3
    assert len(looked) == 3, "once, and not for the second step"


def test_what_is_known_of_the_values_is_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradients and params whose largest value came with them are not read again to find it."""
    session = started()
    monkeypatch.setattr(module, "largest", lambda vector: pytest.fail("looked"))
    grads, params = large(2), large(3)
    sent = [Values(*given(vector)[:2], largest=largest(vector)) for vector in (grads, params)]
    prepared = session.prepare_step(DRIVER, sent[0], sent[1])
    assert prepared.in_place is not None


def test_a_step_that_can_not_be_proven_is_checked() -> None:
    """Near the end of the range a step is computed beside the state and looked at before it counts."""
    session = make_session(np.full(LARGE, LARGEST / 2), rule="sgd", lr=1.0)
    before = vectors(session)
    prepared = session.prepare_step(DRIVER, given(np.full(LARGE, 1e300)))
    assert prepared.in_place is None
    session.commit(prepared, 2.0)
    assert vectors(session)[0][0] == LARGEST / 2 - 1e300
    assert before[0][0] == LARGEST / 2, "not written over"
    kept, grads = everything(session), np.zeros(LARGE)
    grads[7] = -LARGEST
    with pytest.raises(StepNotFinite, match=r"params would be inf at index \[7\]"):
        session.prepare_step(DRIVER, given(grads))
    assert everything(session) == kept


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_gradients_that_are_not_finite_never_reach_the_state(value: float) -> None:
    """Should a caller hand in what is no number, the step is refused and nothing has changed."""
    session = started()
    kept, grads = everything(session), large(2)
    grads[4000] = value
    with pytest.raises(StepNotFinite):
        session.prepare_step(DRIVER, given(grads))
    assert everything(session) == kept


def test_params_that_come_with_a_step_are_stepped_in_their_own_memory() -> None:
    """They become the session's; the vector that was there before is not written to."""
    session = started()
    old, kept = vectors(session)[0], bits(session)[0]
    params, grads = large(5), large(2)
    prepared = session.prepare_step(DRIVER, given(grads), given(params))
    assert params.tobytes() == large(5).tobytes(), "preparing changes nothing"
    session.commit(prepared, 2.0)
    assert vectors(session)[0] is params
    assert (old.tobytes(), grads.tobytes()) == (kept, large(2).tobytes())


def read_only(vector: FloatArray) -> FloatArray:
    vector.flags.writeable = False
    return vector


@pytest.mark.parametrize("make", [read_only, lambda vector: np.concatenate([vector, vector])[:LARGE]])
def test_params_that_may_not_be_written_to_are_copied(make: Any) -> None:
    """Read-only params, and a part of a longer vector, are left as they were given; steps go on in a copy."""
    shared = make(large(5))
    changes = {
        "create": lambda: make_session_of(shared),
        "put": lambda: after(started(), lambda s: s.prepare_params(given(shared), SECOND)),
        "step": lambda: after(started(), lambda s: s.prepare_step(DRIVER, given(large(2)), given(shared))),
    }
    for change in changes.values():
        session = change()
        session.commit(session.prepare_step(DRIVER, given(large(3))), 2.0)
        assert shared.tobytes() == large(5).tobytes()


def make_session_of(params: FloatArray) -> Session:
    session = make_session()
    session.commit(session.prepare_params(given(params), FIRST), 1.0)
    return session


def after(session: Session, prepare: Any) -> Session:
    session.commit(prepare(session), 2.0)
    return session


def test_one_vector_may_be_params_and_gradients() -> None:
    """Handed in twice, it is stepped in a copy: gradients are never written to."""
    both, other = large(5), started()
    session = after(started(), lambda s: s.prepare_step(DRIVER, given(both), given(both)))
    assert both.tobytes() == large(5).tobytes()
    other = after(other, lambda s: s.prepare_step(DRIVER, given(large(5)), given(large(5))))
    assert bits(session) == bits(other)


def test_a_checkpoint_makes_a_session_of_its_own() -> None:
    """Two sessions that hold the same checkpoint go on apart, and the checkpoint can't be written to."""
    source, target = started(), make_session(large(9))
    checkpoint = source.checkpoint()
    kept = bits(source)
    target.commit(target.prepare_restore(checkpoint, SECOND), 2.0)
    target.commit(target.prepare_step(DRIVER, given(large(2))), 2.0)
    assert bits(source) == kept
    source.commit(source.prepare_step(DRIVER, given(large(2))), 2.0)
    assert bits(source) == bits(target)
    with pytest.raises(ValueError, match="read-only"):
        checkpoint.params[0] = 1.0


def test_a_checkpoint_whose_slots_are_one_vector() -> None:
    """Roles that share memory are parted, or one would be stepped twice."""
    source = started()
    shared = np.abs(large(4))
    checkpoint = source.checkpoint()
    doubled = Checkpoint(checkpoint.optimizer, checkpoint.tensors, 1, large(0), dict.fromkeys(checkpoint.slots, shared))
    one = make_session(large(0))
    one.commit(one.prepare_restore(doubled, SECOND), 1.0)
    assert not np.shares_memory(*one.state.slots)


def test_new_params_and_reset_forget_the_bounds() -> None:
    """After a change of another kind a step is proven from the values that are there, and not from those that were."""
    for prepare in (
        lambda s: s.prepare_params(given(np.full(LARGE, LARGEST)), SECOND),
        lambda s: s.prepare_reset(SECOND),
        lambda s: s.prepare_restore(s.checkpoint(), SECOND),
    ):
        assert after(started(), prepare).state.bounds is None
    session = after(started(lr=1e-3), lambda s: s.prepare_params(given(np.full(LARGE, LARGEST)), SECOND))
    assert session.prepare_step(DRIVER, given(large(2))).in_place is None


def test_strided_gradients_are_read_right() -> None:
    """Gradients that do not lie one after another are read as the values that they are."""
    session, other = started(), started()
    session.commit(session.prepare_step(DRIVER, given(np.repeat(large(2), 2)[::2])), 2.0)
    other.commit(other.prepare_step(DRIVER, given(large(2))), 2.0)
    assert bits(session) == bits(other)
