"""The proof that a step can go wrong nowhere: never wrong itself, whatever the numbers, and there in ordinary runs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepd.optimizers import CATALOGUE, resolve
from stepd.optimizers.blocked import BlockedDriver
from stepd.optimizers.bounds import ROUNDING, Bounds, prove
from stepd.optimizers.contract import Driver, FloatArray, Optimizer
from stepd.values import largest
from tests.optimizers.steps import VARIANTS, Variant, each_dtype, floats, random_state, take_step, zeros_for

each_rule = pytest.mark.parametrize("name", CATALOGUE)
HARD = settings(deadline=None, max_examples=300)
FEW = [0.0, 1.0, 3.0]


def sizes(dtype: np.dtype[Any], lowest: float = 0.0, below: float = math.inf) -> st.SearchStrategy[float]:
    """Sizes of values: any at all, powers of two from the smallest subnormal to the largest, and the everyday."""
    info = np.finfo(dtype)
    powers = st.integers(info.minexp - info.nmant, info.maxexp - 1).map(lambda power: float(dtype.type(2.0) ** power))
    high = float(info.max) if below == math.inf else float(np.nextafter(dtype.type(below), dtype.type(0)))
    anything = st.one_of(powers, floats(dtype, 0.0, float(info.max)), st.sampled_from([*FEW, 0.95, 1e-6, high]))
    return anything.filter(lambda size: lowest <= size <= high)


def hypers(name: str, dtype: np.dtype[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Whatever hyper-parameters the rule takes, at the very ends of their ranges too."""
    given: dict[str, st.SearchStrategy[Any]] = {}
    for one in CATALOGUE[name].hyper_parameters:
        if one.is_switch:
            given[one.name] = st.booleans()
        elif one.below is not None:
            just_below = float(np.nextafter(dtype.type(one.below), dtype.type(0)))
            given[one.name] = st.one_of(st.sampled_from([0.0, 0.5, 0.9, just_below]), floats(dtype, 0.0, just_below))
        else:
            least = float(np.finfo(dtype).smallest_subnormal) if one.above_minimum else 0.0
            given[one.name] = st.one_of(st.just(one.default), sizes(dtype, least))
    return st.fixed_dictionaries(given)


@st.composite
def optimizers(draw: st.DrawFn, name: str, dtype: np.dtype[Any]) -> Optimizer:
    hyper = draw(hypers(name, dtype))
    if name == "sgd" and hyper["momentum"] == 0:
        hyper["nesterov"] = False
    return resolve({"name": name, **hyper}, dtype)


@st.composite
def vectors(draw: st.DrawFn, dtype: np.dtype[Any], roles: list[bool]) -> list[FloatArray]:
    """A vector per role, no value above a size of its own: that size, parts of it and zero, in every combination.

    A role that is an average of squares has no negative values.
    """
    made = []
    for average in roles:
        most = dtype.type(draw(sizes(dtype)))
        part = dtype.type(draw(st.sampled_from([0.5, 2.0**-11, 2.0**-30, 2.0**-70, 2.0**-300])))
        made.append(np.array([most, most * part, 0.0] if average else [most, -most, most * part, -0.0], dtype))
    return [np.ascontiguousarray(grid.reshape(-1)) for grid in np.meshgrid(*made)]


def assert_true(optimizer: Optimizer, grads: FloatArray, params: FloatArray, slots: list[FloatArray],
                before: Bounds, after: Bounds) -> tuple[FloatArray, list[FloatArray]]:  # fmt: skip
    """Takes the proven step; nothing on the way may overflow, no result may be beyond its bound."""
    assert all(largest(vector) <= bound for vector, bound in zip((params, *slots), before, strict=True)), "the premise"
    constants = optimizer.constants(params.dtype)
    params, slots = params.copy(), [slot.copy() for slot in slots]
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        BlockedDriver().advance(optimizer.rule, constants, grads, params, tuple(slots))
    reached = [largest(vector) for vector in (params, *slots)]
    assert all(have <= bound for have, bound in zip(reached, after, strict=True)), (reached, after)
    return params, slots


@HARD
@given(data=st.data())
@each_dtype
@each_rule
def test_what_is_proven_is_true(name: str, dtype: np.dtype[Any], data: st.DataObject) -> None:
    """From any finite state, gradient and hyper-parameters: a step that is proven overflows nowhere, step after step.

    The bounds that it leaves hold, and are carried through further gradients without a look at the values.
    """
    optimizer = data.draw(optimizers(name, dtype))
    averages = [slot.average_of_squares for slot in optimizer.rule.slots]
    grads, params, *slots = data.draw(vectors(dtype, [False, False, *averages]))
    bounds: Bounds | None = tuple(largest(vector) for vector in (params, *slots))
    constants = optimizer.constants(dtype)
    for factor in (1.0, 0.5, 1.0, 2.0**-60, 1.0):
        assert bounds is not None
        gradient = grads * dtype.type(factor)
        after = prove(optimizer.rule, constants, dtype, largest(gradient), bounds)
        if after is None:
            break
        params, slots = assert_true(optimizer, gradient, params, slots, bounds, after)
        bounds = after


def tight(dtype: np.dtype[Any], power: float) -> float:
    """A power of two that is scaled to the dtype: -1 is the smallest normal value, 1 the largest power."""
    info = np.finfo(dtype)
    return float(dtype.type(2.0) ** int(-power * info.minexp if power < 0 else power * (info.maxexp - 1)))


@HARD
@given(
    data=st.data(),
    powers=st.tuples(*[st.floats(-1.1, 1.0)] * 6),
)
@each_dtype
@each_rule
def test_what_is_proven_is_true_where_bounds_are_met(
    name: str, dtype: np.dtype[Any], data: st.DataObject, powers: tuple[float, ...]
) -> None:
    """The same where every size is drawn evenly over all the orders of magnitude that the dtype has."""
    gradient, params, first, second, eps, lr = (tight(dtype, power) for power in powers)
    hyper: dict[str, Any] = {"lr": lr}
    known = {one.name: one for one in CATALOGUE[name].hyper_parameters}
    if "eps" in known:
        hyper["eps"] = max(eps, float(np.finfo(dtype).smallest_subnormal))
    for decay in {"rho", "alpha", "momentum"} & set(known):
        hyper[decay] = data.draw(st.sampled_from([0.0, 0.9, float(np.nextafter(dtype.type(1), dtype.type(0)))]))
    optimizer = resolve({"name": name, **hyper}, dtype)
    made = [np.array([size, size / 3, 0.0], dtype) for size in (gradient, params, first, second)]
    grids = [np.ascontiguousarray(grid.reshape(-1)) for grid in np.meshgrid(*made[: 2 + len(optimizer.rule.slots)])]
    bounds = tuple(largest(vector) for vector in grids[1:])
    after = prove(optimizer.rule, optimizer.constants(dtype), dtype, largest(grids[0]), bounds)
    if after is not None:
        assert_true(optimizer, grids[0], grids[1], grids[2:], bounds, after)


@each_rule
@each_dtype
def test_a_root_that_underflows_is_not_taken_for_large(name: str, dtype: np.dtype[Any]) -> None:
    """Gradients whose square vanishes, over an eps that is smaller still: their quotient is large, and is proven so."""
    if name == "sgd":
        pytest.skip("SGD divides by nothing")
    info = np.finfo(dtype)
    optimizer = resolve({"name": name, "eps": float(info.tiny)}, dtype)
    grads, params = np.full(3, math.sqrt(float(info.smallest_subnormal)) / 2, dtype), np.ones(3, dtype)
    assert not (grads * grads).any()
    slots, bounds = list(zeros_for(optimizer, params)), (1.0, *[0.0] * len(optimizer.rule.slots))
    after = prove(optimizer.rule, optimizer.constants(dtype), dtype, largest(grads), bounds)
    assert after is not None
    moved, _ = assert_true(optimizer, grads, params, slots, bounds, after)
    assert largest(moved) > 1e3 or name == "adadelta"


@pytest.mark.parametrize("place", ["gradient", "params", "slot", "lr", "weight_decay"])
@each_dtype
@each_rule
def test_nothing_is_proven_near_the_end(name: str, dtype: np.dtype[Any], place: str) -> None:
    """A gradient, param, slot or hyper-parameter so large that a result may overflow leaves the step unproven."""
    most = float(np.finfo(dtype).max)
    hyper = {place: most} if place in {"lr", "weight_decay"} else {}
    optimizer = resolve({"name": name, **hyper}, dtype)
    bounds = [most if place == "params" else 1.0] + [most if place == "slot" else 1.0] * len(optimizer.rule.slots)
    steepest = most if place == "gradient" else 2.0
    if (name, place) == ("sgd", "slot"):
        optimizer = resolve({"name": name, "momentum": 0.9}, dtype)
    if place == "weight_decay":
        bounds[0] = 2.0
    assert prove(optimizer.rule, optimizer.constants(dtype), dtype, steepest, tuple(bounds)) is None


@each_dtype
def test_a_quotient_of_roots_that_overflows_is_seen(dtype: np.dtype[Any]) -> None:
    """Large deltas remembered over a tiny eps: where the gradient is zero their quotient alone would be infinite."""
    info = np.finfo(dtype)
    optimizer = resolve({"name": "adadelta", "eps": float(info.smallest_subnormal)}, dtype)
    known = (0.0, 0.0, float(dtype.type(2.0) ** (info.maxexp - 20)))
    assert prove(optimizer.rule, optimizer.constants(dtype), dtype, 0.0, known) is None
    zero = np.zeros(1, dtype)
    assert not take_step(BlockedDriver(), optimizer, zero, zero, (zero, zero + dtype.type(known[2]))).finite


@pytest.mark.parametrize("unknown", [math.inf, math.nan])
@each_dtype
@each_rule
def test_what_is_not_finite_proves_nothing(name: str, dtype: np.dtype[Any], unknown: float) -> None:
    """A gradient, param or slot that is not finite never passes for one that is."""
    for hyper in ({}, {"rho": 0.0} if name == "adadelta" else {"alpha": 0.0} if name == "rmsprop" else {}):
        optimizer = resolve({"name": name, **hyper}, dtype)
        constants, known = optimizer.constants(dtype), [0.0] * (1 + len(optimizer.rule.slots))
        assert prove(optimizer.rule, constants, dtype, unknown, tuple(known)) is None
        assert prove(optimizer.rule, constants, dtype, 1.0, (unknown, *known[1:])) is None


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_ordinary_runs_are_proven(variant: Variant, compiled: Driver) -> None:
    """Ten thousand steps of everyday sizes are all proven, from maxima that were taken anew a hundred times at most."""
    optimizer, constants = variant.optimizer, variant.optimizer.constants(variant.dtype)
    _, params, _ = random_state(variant, 64, seed=1)
    slots = zeros_for(optimizer, params)
    gradients = [random_state(variant, 64, seed)[0] for seed in range(50)]
    steepest = [largest(gradient) for gradient in gradients]
    bounds: Bounds = tuple(largest(vector) for vector in (params, *slots))
    taken = 0
    for number in range(10_000):
        after = prove(optimizer.rule, constants, variant.dtype, steepest[number % 50], bounds)
        if after is None:
            taken += 1
            bounds = tuple(largest(vector) for vector in (params, *slots))
            after = prove(optimizer.rule, constants, variant.dtype, steepest[number % 50], bounds)
        assert after is not None
        compiled.advance(optimizer.rule, constants, gradients[number % 50], params, slots)
        bounds = after
    assert all(largest(vector) <= bound for vector, bound in zip((params, *slots), bounds, strict=True))
    assert taken <= 100


@each_dtype
def test_the_limits_leave_room(dtype: np.dtype[Any]) -> None:
    """What is compared with the limit may be a thousand times too small before anything overflows."""
    growth, tiny, limit = ROUNDING[dtype.char]
    assert 1000.0 * limit < float(np.finfo(dtype).max)
    assert growth - 1.0 >= 64 * 2.0 ** -(np.finfo(dtype).nmant + 1)
    assert tiny == float(np.finfo(dtype).tiny)
