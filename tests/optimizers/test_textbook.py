"""The textbook forms take what NumPy users pass, keep dtype and shape, and change nothing when they refuse."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepd import SGD, Adadelta, Adagrad, RMSprop, adadelta_update
from stepd.errors import (
    HyperParameterInvalid,
    HyperParameterUnknown,
    InvalidTensors,
    ShapeMismatch,
    StepdError,
    StepNotFinite,
    ValueNotFinite,
)
from stepd.optimizers import CATALOGUE
from stepd.optimizers.contract import Driver
from stepd.optimizers.textbook import TextbookOptimizer
from stepd.values import DTYPES
from tests.optimizers.steps import SEARCH, Variant, each_dtype, read_only, states, take_step, zeros_for

CLASSES: dict[str, type[TextbookOptimizer]] = {"adadelta": Adadelta, "adagrad": Adagrad, "rmsprop": RMSprop, "sgd": SGD}
each_class = pytest.mark.parametrize("cls", CLASSES.values(), ids=CLASSES)

# What the first default step from 1.0 by 0.5 gives in float64: the golden vectors' first case.
MOVED = float.fromhex("0x1.fdb5da052e9a8p-1")


def test_every_rule_has_its_class() -> None:
    """The catalogue and the textbook classes name the same rules."""
    assert {name: cls.rule for name, cls in CLASSES.items()} == dict(CATALOGUE)


@pytest.mark.parametrize(
    ("params", "grads", "shape"),
    [
        (1.0, 0.5, ()),
        (1, 0.5, ()),
        (np.float64(1.0), np.float64(0.5), ()),
        (np.array(1.0), np.array(0.5), ()),
        ([1.0], [0.5], (1,)),
        ([1], [0.5], (1,)),
        ((1.0,), (0.5,), (1,)),
        (np.array([1], np.int8), np.array([0.5], np.float32), (1,)),
        (np.array([1], np.uint64), [0.5], (1,)),
        ([[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]], [[0.5, 0.5]] * 3, (3, 2)),
        (np.ones((2, 3, 4)), np.full((2, 3, 4), 0.5), (2, 3, 4)),
        (np.ones((4, 3)).T, np.full((3, 4), 0.5), (3, 4)),
        (np.ones(8)[::2], np.full(8, 0.5)[::2], (4,)),
        (np.ones(3, ">f8"), np.full(3, 0.5, ">f8"), (3,)),
        (np.ones(3, np.float16), np.full(3, 0.5, np.float16), (3,)),
        ([], [], (0,)),
    ],
)
def test_scalars_lists_and_arrays_are_taken(
    params: npt.ArrayLike, grads: npt.ArrayLike, shape: tuple[int, ...]
) -> None:
    """Whatever its form, what holds numbers is stepped in float64 and comes back as an array of its shape."""
    moved = Adadelta().update(params, grads)
    assert (moved.dtype.name, moved.shape) == ("float64", shape)
    assert (moved == MOVED).all()


def test_a_matrix_keeps_its_order() -> None:
    """Rows and columns of a transposed matrix stay where they were."""
    params, grads = np.arange(6.0).reshape(2, 3).T, np.arange(6.0).reshape(3, 2)
    moved = Adadelta().update(params, grads)
    for index in np.ndindex(3, 2):
        assert moved[index] == Adadelta().update(params[index], grads[index])


@each_class
def test_float32_stays_float32(cls: type[TextbookOptimizer]) -> None:
    """float32 params come back as float32 with a float32 state, whatever the gradients are."""
    optimizer = cls()
    moved = optimizer.update(np.ones(2, np.float32), [0.5, 1e-3])
    assert optimizer.state is not None
    assert {moved.dtype, *(slot.dtype for slot in optimizer.state.values())} == {np.dtype("f4")}


def test_the_dtype_is_that_of_the_first_params() -> None:
    """Later params of another dtype change neither the state's dtype nor its bits."""
    same, other = Adadelta(), Adadelta()
    params = np.array([1.0, 2.0])
    for optimizer in (same, other):
        optimizer.update(params, [0.1, 0.2])
    moved = [same.update(params, [0.3, 0.4]), other.update(params.astype("f4"), [0.3, 0.4])]
    assert moved[0].tobytes() == moved[1].tobytes()
    narrow = Adadelta()
    narrow.update(params.astype("f4"), [0.1, 0.2])
    assert narrow.update(params, [0.1, 0.2]).dtype == np.float32


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CLASSES)
def test_the_class_gives_the_drivers_bits(name: str, dtype: str, driver: Driver) -> None:
    """Ten updates in a matrix's shape are the driver's ten steps, state and all; `step` counts them."""
    source, variant = np.random.default_rng(4), Variant(name, {}, DTYPES[dtype])
    optimizer, params = CLASSES[name](), source.normal(size=(3, 2)).astype(dtype)
    flat, slots = params.reshape(-1), zeros_for(variant.optimizer, params.reshape(-1))
    for _ in range(10):
        grads = source.normal(size=(3, 2)).astype(dtype)
        params = optimizer.update(params, grads)
        _, flat, slots = take_step(driver, variant.optimizer, grads.reshape(-1), flat, slots)
        assert optimizer.state is not None
        assert params.tobytes() == flat.tobytes()
        assert [slot.tobytes() for slot in optimizer.state.values()] == [slot.tobytes() for slot in slots]
    assert optimizer.step == 10
    assert list(optimizer.state or ()) == list(variant.optimizer.rule.slot_names)


def test_the_function_takes_numbers_too() -> None:
    """`adadelta_update` with plain numbers gives 0-dimensional arrays: new params and both averages."""
    params, square_avg, acc_delta = adadelta_update(1, 0.5, 0, 0)
    assert (params.shape, float(params), float(square_avg)) == ((), MOVED, (1 - 0.95) * 0.25)
    assert acc_delta > 0


@each_class
def test_nothing_given_is_written_to(cls: type[TextbookOptimizer]) -> None:
    """Read-only params and gradients are taken; what comes back is the caller's own, apart from the state."""
    optimizer, params, grads = cls(), read_only([1.0, -2.0], "f8"), read_only([0.5, -0.25], "f8")
    moved = optimizer.update(params, grads)
    assert (params.tolist(), grads.tolist()) == ([1.0, -2.0], [0.5, -0.25])
    assert optimizer.state is not None
    kept = {name: slot.copy() for name, slot in optimizer.state.items()}
    moved[:] = 7.0
    assert {name: slot.tolist() for name, slot in optimizer.state.items()} == {k: v.tolist() for k, v in kept.items()}


def test_the_function_writes_to_nothing() -> None:
    """`adadelta_update` leaves its four arguments as they were and returns arrays that share no memory with them."""
    given = [np.array([value]) for value in (1.0, 0.5, 0.25, 0.125)]
    results = adadelta_update(*given)
    assert [float(array[0]) for array in given] == [1.0, 0.5, 0.25, 0.125]
    assert not any(np.shares_memory(result, array) for result in results for array in given)


# What is refused, of params and grads that follow a good step over two values.
REFUSED: list[tuple[Any, Any, type[StepdError], str]] = [
    ([1.0], [0.5, 0.5], ShapeMismatch, r"grads has shape \[2\], params has \[1\]"),
    ([1.0, 2.0], [[0.5, 0.5]], ShapeMismatch, r"grads has shape \[1, 2\], params has \[2\]"),
    ([1.0, 2.0, 3.0], [0.5, 0.5, 0.5], ShapeMismatch, r"has shape \[2\], params has \[3\]"),
    ([1.0, np.nan], [0.5, 0.5], ValueNotFinite, "params holds NaN or an infinity"),
    ([1.0, 2.0], [0.5, -np.inf], ValueNotFinite, "grads holds NaN or an infinity"),
    (["1.0", "2.0"], [0.5, 0.5], InvalidTensors, "params has dtype <U3; it must hold numbers"),
    ([True, False], [0.5, 0.5], InvalidTensors, "params has dtype bool"),
    ([1.0, 2.0], [1j, 0.5], InvalidTensors, "grads has dtype complex128"),
    ([1.0, 2.0], [None, 0.5], InvalidTensors, "grads has dtype object"),
    ([10**400, 2.0], [0.5, 0.5], InvalidTensors, "params has dtype object"),
    ([1.7976e308, 2.0], [-1.7976e308, 0.5], StepNotFinite, "nothing has changed"),
]


@pytest.mark.parametrize(("params", "grads", "error", "message"), REFUSED, ids=[row[3] for row in REFUSED])
@each_class
def test_an_error_changes_nothing(
    cls: type[TextbookOptimizer], params: Any, grads: Any, error: type[StepdError], message: str
) -> None:
    """What can't be stepped is refused by name; state and step number are those of the last good step."""
    optimizer = cls()
    optimizer.update([1.0, 2.0], [0.5, 0.5])
    before, step = optimizer.state, optimizer.step
    assert before is not None
    kept = {name: slot.tobytes() for name, slot in before.items()}
    with pytest.raises(error, match=message):
        optimizer.update(params, grads)
    assert (optimizer.state, optimizer.step) == (before, step)
    assert {name: slot.tobytes() for name, slot in before.items()} == kept


@SEARCH
@given(data=st.data())
@each_dtype
@pytest.mark.parametrize("name", CLASSES)
def test_no_update_leaves_anything_infinite(name: str, dtype: np.dtype[Any], data: st.DataObject) -> None:
    """Whatever finite values come, each update is finite throughout or is refused and changes nothing."""
    optimizer, variant = CLASSES[name](), Variant(name, {}, dtype)
    for _ in range(data.draw(st.integers(1, 4))):
        grads, params, _ = data.draw(states(variant, size=1))
        before, kept = optimizer.state, {k: v.tobytes() for k, v in (optimizer.state or {}).items()}
        try:
            moved = optimizer.update(params, grads)
        except StepNotFinite:
            assert optimizer.state is before
            assert {k: v.tobytes() for k, v in (before or {}).items()} == kept
        else:
            assert optimizer.state is not None
            assert all(np.isfinite(vector).all() for vector in (moved, *optimizer.state.values()))


@each_class
def test_a_value_beyond_float32_is_refused(cls: type[TextbookOptimizer]) -> None:
    """A gradient that float32 can't hold is refused in float32, without a warning, and changes nothing."""
    optimizer = cls()
    with pytest.raises(ValueNotFinite, match=r"grads holds NaN or an infinity \(in float32\)"):
        optimizer.update(np.ones(1, np.float32), [1e39])
    assert (optimizer.state, optimizer.step) == (None, 0)


@pytest.mark.parametrize(
    ("square_avg", "acc_delta", "error", "message"),
    [
        ([-1e-9], [0.0], InvalidTensors, "square_avg has a negative value"),
        ([0.0], [-5e-324], InvalidTensors, "acc_delta has a negative value"),
        ([0.0], [np.nan], ValueNotFinite, "acc_delta holds NaN"),
        ([0.0, 0.0], [0.0], ShapeMismatch, r"square_avg has shape \[2\], params has \[1\]"),
    ],
)
def test_a_state_that_can_not_be_is_refused(
    square_avg: list[float], acc_delta: list[float], error: type[StepdError], message: str
) -> None:
    """An average of squares is finite, not negative and shaped as the params; -0.0 is not negative."""
    with pytest.raises(error, match=message):
        adadelta_update([1.0], [0.5], square_avg, acc_delta)
    assert adadelta_update([1.0], [0.5], [-0.0], [-0.0])[0] == [MOVED]


def test_sgds_buffer_may_be_negative() -> None:
    """A momentum buffer is no average of squares: negative values are kept."""
    optimizer = SGD(momentum=0.9)
    optimizer.update([1.0], [-2.0])
    assert optimizer.update([1.0], [-2.0]) > 1.0
    assert optimizer.state is not None
    assert optimizer.state["momentum_buffer"] == [0.9 * -2.0 - 2.0]


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: Adadelta(rho=1.0), HyperParameterInvalid),
        (lambda: Adadelta(epsilon=1e-6), HyperParameterUnknown),
        (lambda: SGD(nesterov=True), HyperParameterInvalid),
    ],
)
def test_wrong_hyper_parameters_fail_at_once(make: Callable[[], TextbookOptimizer], error: type[StepdError]) -> None:
    """The class refuses wrong hyper-parameters when it is made, and not at the first update."""
    with pytest.raises(error):
        make()


def test_an_eps_that_vanishes_in_float32_is_refused_at_the_first_step() -> None:
    """eps=1e-50 is fine in float64; float32 params, for which it is 0, are refused."""
    Adadelta(eps=1e-50).update([1.0], [0.5])
    with pytest.raises(HyperParameterInvalid, match="eps is 1e-50, which is 0 in float32"):
        Adadelta(eps=1e-50).update(np.ones(1, np.float32), [0.5])
