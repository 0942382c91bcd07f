"""Golden values that other libraries publish for Adadelta: ours are theirs, to all the digits that they give."""

import numpy as np
import pytest

from stepd import Adadelta
from stepd.optimizers.contract import FloatArray


def ones(size: int) -> FloatArray:
    return np.ones(size)


def test_lasagne() -> None:
    """Ten steps on 0.1 x0^2 + 0.2 x1^2 + 0.3 x2^2 end where Lasagne's test, which took them from Lua torch, ends."""
    optimizer, params = Adadelta(lr=1.0, rho=0.95, eps=1e-6), ones(3)
    for _ in range(10):
        params = optimizer.update(params, 2 * np.array([0.1, 0.2, 0.3]) * params)
    assert params == pytest.approx([0.95453237704725, 0.9545237471374, 0.95452214847397], rel=0, abs=6e-15)


def test_keras_steps() -> None:
    """Keras' five golden params, and these steps' own digits, which are tighter than Keras' tolerance."""
    optimizer, params = Adadelta(lr=1.0, rho=0.8, eps=1e-6), ones(10)
    params = optimizer.update(params, np.full(10, 0.01))
    seen = []
    for _ in range(5):
        seen.append(params[0])
        params = optimizer.update(params, np.arange(0.1, 1.1, 0.1))
    assert seen == pytest.approx([0.9978, 0.9947, 0.9915, 0.9882, 0.9849], rel=0, abs=5e-5)
    assert seen == pytest.approx([0.9978178211, 0.9947066111, 0.9915077790, 0.9882457241, 0.9849322865], abs=5e-11)


def test_keras_single_step() -> None:
    """One step from 1, 2, 3, 4 at lr 0.5 is Keras', with its eps."""
    params = Adadelta(lr=0.5, rho=0.95, eps=1e-7).update([1.0, 2.0, 3.0, 4.0], [1.0, 6.0, 7.0, 2.0])
    assert params == pytest.approx([0.9993, 1.9993, 2.9993, 3.9993], rel=0, abs=5e-5)
    assert params == pytest.approx([0.9992928939, 1.9992928932, 2.9992928932, 3.9992928934], abs=5e-11)


def test_optax() -> None:
    """Five steps on the sum of squares at lr 10 lower it as optax' docstring shows."""
    optimizer, params = Adadelta(lr=10.0, rho=0.9, eps=1e-6), ones(3).cumsum()
    seen = []
    for _ in range(5):
        params = optimizer.update(params, 2 * params)
        seen.append(float(params @ params))
    assert [f"{value:.2E}" for value in (seen[0], seen[-1])] == ["1.36E+01", "1.21E+01"]
    assert seen == pytest.approx([13.6235, 13.2464, 12.8728, 12.5051, 12.1442], abs=5e-5)
