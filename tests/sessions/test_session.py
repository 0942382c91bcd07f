"""What a session's changes do: steps by the rule, lr, params, reset, restore, and what they refuse in words."""

import re
from typing import Any

import numpy as np
import pytest

from stepd.errors import CheckpointMismatch, InvalidTensors, SessionHasNoShape, StepNotFinite
from stepd.optimizers.contract import FloatArray
from stepd.optimizers.textbook import Adadelta, TextbookOptimizer
from stepd.sessions.session import Session
from stepd.values import Checkpoint, KeyRecord
from tests.sessions.runs import DRIVER, FIRST, LARGEST, SECOND, everything, make_session, step, values


def assert_is(session: Session, textbook: TextbookOptimizer, params: FloatArray) -> None:
    """The session holds these params and the textbook's slots, bit for bit."""
    have = [session.state.params, *session.state.slots]
    state = textbook.state or {}
    want = [params, *(state[name] for name in session.optimizer.rule.slot_names)]
    assert [vector.tobytes() for vector in have if vector is not None] == [np.asarray(v).tobytes() for v in want]


def test_steps_are_the_textbooks() -> None:
    """Step after step, with params sent along or not, the session holds what the textbook form gives."""
    session, textbook = make_session([1.0, -2.0]), Adadelta()
    params = np.array([1.0, -2.0])
    for number, grads in enumerate(([0.5, -0.25], [1e-300, 3.0], [-0.0, 7.0]), 1):
        params = textbook.update(params, grads)
        step(session, grads)
        assert_is(session, textbook, params)
        assert session.state.tag == f"{FIRST}-{number}"
    params = textbook.update([9.0, 9.0], [1.0, 1.0])
    step(session, [1.0, 1.0], params=values([9.0, 9.0]))
    assert_is(session, textbook, params)
    assert (session.state.incarnation, session.state.step) == (FIRST, 4)


def test_an_lr_holds_for_one_step() -> None:
    """A step's own lr scales its delta and no slot; the next step has the session's again."""
    session, textbook, other = make_session([1.0], lr=0.5), Adadelta(lr=0.5), Adadelta(lr=0.125)
    step(session, [0.5], lr=0.125)
    assert_is(session, other, other.update([1.0], [0.5]))
    textbook.update([1.0], [0.5])
    params = textbook.update(session.state.params, [0.25])
    step(session, [0.25])
    assert_is(session, textbook, params)


def test_an_unshaped_session_takes_its_shape_from_a_step() -> None:
    """The first step that carries params gives shape and names for good; its slots start at zero."""
    session, textbook = make_session(), Adadelta()
    assert (session.size, session.state.slots) == (0, ())
    step(session, {"w": [0.5], "b": 1.0}, params=values({"w": [1.0], "b": 2.0}))
    assert_is(session, textbook, textbook.update([2.0, 1.0], [1.0, 0.5]))
    assert session.state.tensors is not None
    assert session.state.tensors.shape_document() == {"b": [], "w": [1]}


@pytest.mark.parametrize("action", [lambda s: s.shaped(), lambda s: s.checkpoint()], ids=["params", "checkpoint"])
def test_an_unshaped_session_has_nothing_to_give(action: Any) -> None:
    """It says by which requests it gets a shape."""
    with pytest.raises(SessionHasNoShape, match=r"'run' has no shape yet; .*step that carries params"):
        action(make_session())


OVERFLOWS = [
    (
        ([1.0, 2.0], [1.0, LARGEST], {}),
        "square_avg would be inf at index [1], where the gradient is 1.79769e+308 (1 such value in square_avg)",
        "/grads/1",
    ),
    (
        ([[1.0, 2.0], [3.0, LARGEST]], [[1.0, 1.0], [1.0, -1e3]], {"lr": LARGEST}),
        "params would be inf at index [1, 1]",
        "/grads/1/1",
    ),
    (
        ({"b": [1.0], "w": [[1.0, 2.0]]}, {"b": [1.0], "w": [[-LARGEST, LARGEST]]}, {}),
        "square_avg of tensor 'w' would be inf at index [0, 0], where the gradient is -1.79769e+308 (2 such values in",
        "/grads/w/0/0",
    ),
    (
        ({"b": 1.0, "w": LARGEST}, {"b": 1.0, "w": -1e3}, {"lr": LARGEST}),
        "params of tensor 'w' would be inf at index []",
        "/grads/w",
    ),
]


@pytest.mark.parametrize(("given", "words", "place"), OVERFLOWS, ids=[case[2] for case in OVERFLOWS])
def test_a_result_that_is_not_finite_is_refused_by_name(given: Any, words: str, place: str) -> None:
    """The refusal names array, tensor, index, gradient and count, and points at the gradient."""
    params, grads, hyper = given
    session = make_session(params, **hyper)
    with pytest.raises(StepNotFinite, match=re.escape(words)) as refused:
        session.prepare_step(DRIVER, values(grads))
    assert [error.pointer for error in refused.value.errors] == [place]


def test_params_are_named_before_slots() -> None:
    """Where params and a slot both overflow, params are what the caller hears of."""
    session = make_session([1.0], rule="sgd", momentum=0.9)
    step(session, [LARGEST])
    with pytest.raises(StepNotFinite, match=r"^params would be -inf"):
        session.prepare_step(DRIVER, values([LARGEST]))


def test_new_params_keep_slots_and_step() -> None:
    """PUT params: other values, another incarnation, the rest as it was."""
    session = make_session([1.0, 2.0])
    step(session, [0.5, 0.5])
    slots = session.state.slots
    session.commit(session.prepare_params(values([7.0, 8.0]), SECOND), now=3.0)
    assert session.shaped()[1].tolist() == [7.0, 8.0]
    assert session.state.slots is slots
    assert session.state.tag == f"{SECOND}-1"
    assert session.spec is not None


def test_reset_keeps_params_and_shape() -> None:
    """Slots are positive zeros again, the step is 0, the incarnation another."""
    session = make_session([1.0, 2.0])
    step(session, [0.5, 0.5])
    params = session.state.params
    session.commit(session.prepare_reset(SECOND), now=3.0)
    assert session.state.params is params
    assert [slot.tobytes() for slot in session.state.slots] == [bytes(16), bytes(16)]
    assert session.state.tag == f"{SECOND}-0"


@pytest.mark.parametrize("rule", ["adadelta", "adagrad", "rmsprop", "sgd"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_checkpoint_restores_the_same_bits(rule: str, dtype: str) -> None:
    """Restored elsewhere, a session goes on as the one it came from; it is no longer what was created there."""
    source = make_session_of(rule, dtype)
    step(source, {"w": [0.5, -0.0], "b": 3.0})
    target = make_session_of(rule, dtype)
    target.commit(target.prepare_restore(source.checkpoint(), SECOND), now=4.0)
    assert (target.state.incarnation, target.state.step, target.spec) == (SECOND, 1, None)
    for session in (source, target):
        step(session, {"w": [1e-3, 7.0], "b": -1.0})
    assert everything(source)[4:6] == everything(target)[4:6]
    assert source.checkpoint().digest == target.checkpoint().digest


def make_session_of(rule: str, dtype: str) -> Session:
    more = {"momentum": 0.5} if rule == "sgd" else {}
    return make_session({"w": [1.0, -2.0], "b": 0.5}, dtype=dtype, rule=rule, **more)


@pytest.mark.parametrize(
    ("changes", "place", "words"),
    [
        ({"rho": 0.9}, "/optimizer", "the checkpoint's optimizer is"),
        ({"dtype": "float32"}, "/dtype", "the checkpoint's dtype is float32, the session's is float64"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused(changes: Any, place: str, words: str) -> None:
    """Optimizer and dtype are checked, never skipped, and both sides are named."""
    other = make_session([1.0], **changes)
    with pytest.raises(CheckpointMismatch, match=words) as refused:
        make_session([1.0]).prepare_restore(other.checkpoint(), SECOND)
    assert [error.pointer for error in refused.value.errors] == [place]


def test_a_negative_average_is_refused() -> None:
    """An average of squares is not negative; slots that are no such average may be."""
    given = make_session({"w": [[1.0, 2.0]]}).checkpoint()
    slots = {"square_avg": np.zeros(2), "acc_delta": np.array([0.0, -1e-5])}
    bad = Checkpoint(given.optimizer, given.tensors, 3, given.params, slots)
    with pytest.raises(InvalidTensors, match=r"acc_delta.* is -1e-05 at index \[0, 1\]") as refused:
        make_session().prepare_restore(bad, SECOND)
    assert [error.pointer for error in refused.value.errors] == ["/state/acc_delta/w/0/1"]
    momentum = make_session([1.0], rule="sgd", momentum=0.5)
    step(momentum, [-3.0])
    momentum.commit(momentum.prepare_restore(momentum.checkpoint(), SECOND), now=4.0)
    assert momentum.state.slots[0].tolist() == [-3.0]


def test_a_key_is_recorded_with_its_step() -> None:
    """What is remembered of a step is its incarnation, its number and its content; a step without key leaves none."""
    session = make_session([1.0])
    step(session, [0.5])
    assert dict(session.keys.records) == {}
    step(session, [0.5], key="k", fingerprint=b"print")
    assert dict(session.keys.records) == {"k": KeyRecord(FIRST, 2, b"print")}
