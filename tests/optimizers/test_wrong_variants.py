"""Each known way to get Adadelta wrong gives a value that ours does not: no test here passes for a wrong variant.

From a param of 0, three gradients of 1 with lr 0.1, rho 0.9 and eps 1e-6. One step, or lr 1, would not tell them apart.
"""

from collections.abc import Callable

import numpy as np
import pytest

from stepd import Adadelta
from stepd.optimizers import resolve
from stepd.optimizers.adadelta import adadelta
from stepd.optimizers.contract import Driver, FloatArray
from stepd.values import DTYPES
from tests.optimizers.steps import each_dtype, take_step

RHO, REST, EPS, LR = np.float64(0.9), np.float64(1.0 - 0.9), np.float64(1e-6), np.float64(0.1)
OURS = -9.707462346758635e-4

# From (x, v, u, g) to the next (x, v, u); v is square_avg and u is acc_delta.
Wrong = Callable[[float, float, float, float], tuple[float, float, float]]


def ours() -> float:
    """The param after the three steps, by the class that users call."""
    optimizer = Adadelta(rho=0.9, eps=1e-6, lr=0.1)
    x = 0.0
    for _ in range(3):
        x = float(optimizer.update(x, 1.0))
    return x


def after_three_steps(wrong: Wrong) -> float:
    x = v = u = 0.0
    for _ in range(3):
        x, v, u = wrong(x, v, u, 1.0)
    return x


def assert_told_apart(wrong: Wrong, value: float, half_a_digit: float) -> None:
    """Ours is exactly the right value, and the wrong formula gives exactly the wrong one that is known for it."""
    assert ours() == OURS
    assert after_three_steps(wrong) == pytest.approx(value, rel=0, abs=half_a_digit)
    assert abs(value - OURS) > 100 * half_a_digit


def test_lr_inside_the_accumulator() -> None:
    """Accumulating lr * delta, as climin does, gives -7.4025e-4."""

    def wrong(x: float, v: float, u: float, g: float) -> tuple[float, float, float]:
        v = RHO * v + REST * (g * g)
        delta = -LR * (np.sqrt(u + EPS) / np.sqrt(v + EPS)) * g
        return x + delta, v, RHO * u + REST * (delta * delta)

    assert_told_apart(wrong, -7.4025e-4, 5e-9)


def test_eps_outside_the_roots() -> None:
    """Adding eps to the roots instead of under them gives -1.3002e-6."""

    def wrong(x: float, v: float, u: float, g: float) -> tuple[float, float, float]:
        v = RHO * v + REST * (g * g)
        delta = -((np.sqrt(u) + EPS) / (np.sqrt(v) + EPS)) * g
        return x + LR * delta, v, RHO * u + REST * (delta * delta)

    assert_told_apart(wrong, -1.3002e-6, 5e-11)


def test_the_new_acc_delta_in_the_numerator() -> None:
    """Moving the params by the acc_delta that this very step made, as a lazy kernel did, gives -1.21818e-3."""

    def wrong(x: float, v: float, u: float, g: float) -> tuple[float, float, float]:
        v = RHO * v + REST * (g * g)
        delta = -(np.sqrt(u + EPS) / np.sqrt(v + EPS)) * g
        u = RHO * u + REST * (delta * delta)
        return x + LR * -(np.sqrt(u + EPS) / np.sqrt(v + EPS)) * g, v, u

    assert_told_apart(wrong, -1.21818e-3, 5e-9)


def scattered(dtype: np.dtype[np.floating], count: int = 100_000) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Gradients, square_avg and acc_delta of everyday sizes."""
    source = np.random.default_rng(21)
    g, v, u = source.normal(size=count), source.uniform(0, 1, count), source.uniform(0, 1e-3, count)
    return g.astype(dtype), v.astype(dtype), u.astype(dtype)


@each_dtype
def test_the_root_of_a_ratio(dtype: np.dtype[np.floating]) -> None:
    """sqrt(a / b) for sqrt(a) / sqrt(b) is as right in mathematics and gives other bits in about three of ten."""
    g, v, u = scattered(dtype)
    rho, rest, eps = dtype.type(0.95), dtype.type(1 - 0.95), dtype.type(1e-6)
    delta, new_v, _ = adadelta(g, v, u, rho, rest, eps)
    wrong = -np.sqrt((u + eps) / (new_v + eps)) * g
    assert np.allclose(wrong, delta, rtol=1e-6, atol=0)
    assert 0.2 < (wrong != delta).mean() < 0.45


def test_one_minus_rho_in_float32(driver: Driver) -> None:
    """1 - rho taken in float32 is another number than the rounded one, and changes a fifth of the values."""
    dtype = DTYPES["float32"]
    rho = np.float32(0.95)
    rounded, wrong = np.float32(1.0 - 0.95), np.float32(1) - rho
    assert rounded != wrong
    g, v, u = scattered(dtype)
    step = take_step(driver, resolve({"name": "adadelta", "rho": 0.95}, dtype), g, np.zeros_like(g), (v, u))
    right_v, wrong_v = (rho * v + rest * (g * g) for rest in (rounded, wrong))
    assert step.slots[0].tobytes() == right_v.tobytes()
    assert (wrong_v != right_v).mean() > 0.2


def test_a_fused_multiply_add(driver: Driver) -> None:
    """Rounding rho * v + rest * g^2 once instead of twice, as an fma does, gives other bits; no driver does that."""
    dtype = DTYPES["float32"]
    rho, rest = np.float32(0.95), np.float32(1.0 - 0.95)
    g, v, u = scattered(dtype)
    step = take_step(driver, resolve({"name": "adadelta", "rho": 0.95}, dtype), g, np.zeros_like(g), (v, u))
    # A float32 product is exact in float64: one rounding, at the sum, is left.
    fused = (np.float64(rho) * v.astype("f8") + (rest * (g * g)).astype("f8")).astype("f4")
    assert (fused != step.slots[0]).mean() > 0.1
