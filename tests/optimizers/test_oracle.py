"""Adadelta judged by an independent oracle: single steps in 200-bit arithmetic, from the same state and constants.

The oracle shares no formula code with the rule. It is handed what the rule is handed, the rounded constants, so what is
measured is rounding inside the step alone: at most 16 units in the last place anywhere.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import MPContext, mpf  # type: ignore[import-untyped]

from stepd.optimizers import resolve
from stepd.optimizers.adadelta import adadelta
from stepd.optimizers.contract import Driver, FloatArray
from tests.optimizers.steps import DEEP, each_dtype, floats, take_step

EXACT = MPContext()
EXACT.prec = 200

# Half a unit in the last place, relative.
UNIT = {"float64": mpf(2) ** -53, "float32": mpf(2) ** -24}
HYPER = [
    {"rho": 0.95, "eps": 1e-6, "lr": 1.0},
    {"rho": 0.9, "eps": 1e-7, "lr": 0.3},
    {"rho": 0.999, "eps": 1e-12, "lr": 1e-3},
    {"rho": 0.0, "eps": 1e-2, "lr": 10.0},
]


class Oracle(NamedTuple):
    """What one coordinate becomes, to 200 bits."""

    square_avg: Any
    delta: Any
    acc_delta: Any
    params: Any


def oracle(row: list[float], constants: list[float]) -> Oracle:
    """The published step: RMS of past deltas over RMS of gradients, both with eps under the root."""
    g, x, v, u = map(EXACT.mpf, row)
    rho, rest, eps, lr = map(EXACT.mpf, constants)
    new_v = rho * v + rest * g**2
    delta = -EXACT.sqrt((u + eps) / (new_v + eps)) * g
    return Oracle(new_v, delta, rho * u + rest * delta**2, x + lr * delta)


def judge(dtype: np.dtype[Any], hyper: dict[str, float], rows: FloatArray, driver: Driver) -> int:
    """Compares a step over rows of (g, x, square_avg, acc_delta) with the oracle; returns how many it judged."""
    grads, params, square_avg, acc_delta = (np.ascontiguousarray(column) for column in rows.T)
    scalar, unit, normal = dtype.type, UNIT[dtype.name], float(np.finfo(dtype).tiny)
    rho, rest = scalar(hyper["rho"]), scalar(np.float64(1.0) - np.float64(hyper["rho"]))
    eps, lr = scalar(hyper["eps"]), scalar(hyper["lr"])
    step = take_step(driver, resolve({"name": "adadelta", **hyper}, dtype), grads, params, (square_avg, acc_delta))
    with np.errstate(all="ignore"):
        deltas, *_ = adadelta(grads, square_avg, acc_delta, rho, rest, eps)
    judged = 0
    constants = [float(rho), float(rest), float(eps), float(lr)]
    for row, *have in zip(
        rows.tolist(),
        step.slots[0].tolist(),
        deltas.tolist(),
        step.slots[1].tolist(),
        step.params.tolist(),
        strict=True,
    ):
        if not np.isfinite(have).all():
            continue  # refused as a whole: there is no result to judge
        want = oracle(row, constants)
        # Below the smallest normal value a unit in the last place is no longer relative.
        for value, exact in zip(have, want[:3], strict=False):
            if abs(exact) >= normal:
                assert abs(value - exact) <= 16 * unit * abs(exact), (row, value, exact)
                judged += 1
        moved = abs(EXACT.mpf(constants[-1]) * want.delta)
        if min(abs(want.delta), moved) >= normal:
            assert abs(have[3] - want.params) <= unit * abs(have[3]) + 16 * unit * moved, (row, have[3], want.params)
            judged += 1
    return judged


def scattered(dtype: np.dtype[Any], count: int, seed: int) -> FloatArray:
    """Rows of (g, x, square_avg, acc_delta) over many orders of magnitude, states of zero and far from it."""
    source = np.random.default_rng(seed)
    reach = 140 if dtype.itemsize == 8 else 17  # squares stay finite
    exponents = source.uniform(-reach, reach, (count, 4))
    exponents[: count // 2] = source.uniform(-6, 3, (count // 2, 4))
    rows = source.uniform(1, 10, (count, 4)) * 10.0**exponents
    rows[:, :2] *= source.choice([-1.0, 1.0], (count, 2))
    rows[:, 2:] *= source.random((count, 2)) > 0.1
    return rows.astype(dtype)


@each_dtype
@pytest.mark.parametrize("hyper", HYPER, ids=str)
def test_random_steps_are_within_the_bound(hyper: dict[str, float], dtype: np.dtype[Any], driver: Driver) -> None:
    """Thousands of random steps at every scale lie within 16 half units of the exact step."""
    assert judge(dtype, hyper, scattered(dtype, 1500, seed=11), driver) > 5900


@DEEP
@given(data=st.data())
@each_dtype
def test_any_step_is_within_the_bound(dtype: np.dtype[Any], driver: Driver, data: st.DataObject) -> None:
    """Whatever finite state, gradient and hyper-parameters: a finite result is within 16 half units of exact."""
    signed, square = floats(dtype), floats(dtype, 0.0)
    row = data.draw(st.tuples(signed, signed, square, square))
    hyper = {
        "rho": data.draw(floats(dtype, 0.0, 0.9990234375)),
        "eps": data.draw(floats(dtype, 2.0**-100, 1.0)),
        "lr": data.draw(floats(dtype, 0.0, 1024.0)),
    }
    judge(dtype, hyper, np.array([row], dtype), driver)


@each_dtype
def test_the_bound_tells_a_wrong_constant(dtype: np.dtype[Any], blocked: Driver) -> None:
    """A rho that is off by 32 half units fails: the bound is not so wide that it proves nothing."""

    class Wrong:
        name = "wrong"

        def step(self, rule: Any, constants: Any, *arrays: Any) -> bool:
            rho, *others = constants.rule
            nudged = dtype.type(float(rho) * (1 + 32 * float(UNIT[dtype.name])))
            return blocked.step(rule, type(constants)(*constants_but_rule(constants), (nudged, *others)), *arrays)

    with pytest.raises(AssertionError):
        judge(dtype, HYPER[0], scattered(dtype, 700, seed=12), Wrong())


def constants_but_rule(constants: Any) -> tuple[Any, Any, Any]:
    return constants.lr, constants.weight_decay, constants.maximize
