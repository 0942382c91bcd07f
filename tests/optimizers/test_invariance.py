"""Adadelta, Adagrad and RMSprop don't see the scale of the gradients where eps is too small to count; SGD does."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepd.optimizers import resolve
from stepd.optimizers.contract import Driver, FloatArray
from stepd.values import DTYPES
from tests.optimizers.steps import SEARCH, Step, each_dtype, floats, take_step

ADAPTIVE = ["adadelta", "adagrad", "rmsprop"]
EPS = {"float64": 1e-40, "float32": 1e-30}

# The slot that holds squares of gradients, which grow with the square of the scale. It is each rule's first.
SQUARES = 0


@st.composite
def runs(draw: st.DrawFn, dtype: np.dtype[Any]) -> tuple[FloatArray, list[FloatArray], FloatArray]:
    """Params, the gradients of some steps, and averages of squares to start from: none so small that eps counts."""
    size = draw(st.integers(1, 4))

    def vector(low: float, high: float) -> FloatArray:
        return np.array(draw(st.lists(floats(dtype, low, high), min_size=size, max_size=size)), dtype)

    sign = draw(st.sampled_from([1, -1]))
    gradients = [sign * vector(2.0**-10, 2.0**10) for _ in range(draw(st.integers(1, 5)))]
    return vector(-4.0, 4.0), gradients, vector(2.0**-10, 4.0) * draw(st.sampled_from([0, 1]))


def run(
    driver: Driver, name: str, eps: float, dtype: np.dtype[Any], start: tuple[FloatArray, list[FloatArray], FloatArray]
) -> list[Step]:
    params, gradients, squares = start
    optimizer = resolve({"name": name, "eps": eps}, dtype)
    slots = tuple(
        squares if number == SQUARES else np.zeros_like(squares) for number in range(len(optimizer.rule.slots))
    )
    steps = [Step(True, params, slots)]
    for grads in gradients:
        steps.append(take_step(driver, optimizer, grads, steps[-1].params, steps[-1].slots))
    return steps[1:]


def assert_eps_does_not_count(name: str, eps: float, steps: list[Step]) -> None:
    """The premise: eps is below half a unit in the last place of whatever it is added to."""
    for step in steps:
        squares = step.slots[SQUARES]
        added_to = squares if name == "adadelta" else np.sqrt(squares)
        assert (eps < np.spacing(added_to) / 2).all()


@SEARCH
@given(data=st.data(), exponent=st.integers(-8, 20))
@each_dtype
@pytest.mark.parametrize("name", ADAPTIVE)
def test_a_power_of_two_on_the_gradients_changes_no_bit(
    name: str, dtype: np.dtype[Any], driver: Driver, data: st.DataObject, exponent: int
) -> None:
    """Gradients times 2^k, from zero state or from squares times 4^k, give the same params after every step."""
    params, gradients, squares = data.draw(runs(dtype))
    scale = dtype.type(2.0**exponent)
    eps = EPS[dtype.name]
    plain = run(driver, name, eps, dtype, (params, gradients, squares))
    scaled = run(driver, name, eps, dtype, (params, [g * scale for g in gradients], squares * scale * scale))
    assert_eps_does_not_count(name, eps, plain)
    assert_eps_does_not_count(name, eps, scaled)
    for one, other in zip(plain, scaled, strict=True):
        assert one.params.tobytes() == other.params.tobytes()
        assert (one.slots[SQUARES] * scale * scale).tobytes() == other.slots[SQUARES].tobytes()
        # What Adadelta remembers of its deltas is unaffected.
        assert [slot.tobytes() for slot in one.slots[1:]] == [slot.tobytes() for slot in other.slots[1:]]


@pytest.mark.parametrize("name", ADAPTIVE)
def test_the_scale_is_seen_where_eps_counts(name: str, driver: Driver) -> None:
    """With an eps of the squares' own size the same scaling does change the params."""
    dtype = DTYPES["float64"]
    params, gradients, squares = np.ones(2), [np.array([0.5, -0.25])] * 3, np.zeros(2)
    plain = run(driver, name, 1e-2, dtype, (params, gradients, squares))
    scaled = run(driver, name, 1e-2, dtype, (params, [g * 4 for g in gradients], squares))
    assert (plain[-1].params != scaled[-1].params).all()


def test_sgd_sees_the_scale(driver: Driver) -> None:
    """SGD's step grows with the gradient: twice the gradient, twice the step."""
    optimizer, zero = resolve({"name": "sgd"}, DTYPES["float64"]), np.zeros(1)
    one, two = (take_step(driver, optimizer, np.array([g]), zero, (zero,)).params for g in (1.0, 2.0))
    assert two == 2 * one
