"""Under a constant gradient Adagrad's step shrinks without end and Adadelta's does not: why Adadelta was made."""

from typing import Any

import numpy as np
import pytest

from stepd.optimizers.contract import Driver, FloatArray
from tests.optimizers.steps import Variant, each_dtype, take_step, zeros_for

gradients = pytest.mark.parametrize("g", [0.01, 1.0, 100.0])


def step_lengths(driver: Driver, variant: Variant, g: float, count: int) -> FloatArray:
    """How far each of `count` steps goes; params are set back to zero so that nothing rounds a step off."""
    zero, grads = np.zeros(1, variant.dtype), np.full(1, g, variant.dtype)
    slots, lengths = zeros_for(variant.optimizer, zero), []
    for _ in range(count):
        step = take_step(driver, variant.optimizer, grads, zero, slots)
        slots = step.slots
        lengths.append(-float(step.params[0]))
    return np.array(lengths)


@gradients
@each_dtype
def test_adagrads_step_shrinks_with_the_root_of_the_count(dtype: np.dtype[Any], blocked: Driver, g: float) -> None:
    """Every step is shorter than the one before, and step k is lr / sqrt(k) long."""
    lengths = step_lengths(blocked, Variant("adagrad", {"lr": 0.5}, dtype), g, 3000)
    assert (np.diff(lengths) < 0).all()
    assert lengths == pytest.approx(0.5 / np.sqrt(np.arange(1, 3001)), rel=1e-4)


@gradients
@each_dtype
def test_adadeltas_step_does_not_shrink(dtype: np.dtype[Any], blocked: Driver, g: float) -> None:
    """No step is shorter than the first, and after thousands of steps it goes farther than after ten."""
    lengths = step_lengths(blocked, Variant("adadelta", {}, dtype), g, 3000)
    assert lengths.min() == lengths[0]
    assert lengths[9] < lengths[99] < lengths[2999]


@each_dtype
def test_rmsprops_step_settles_at_lr(dtype: np.dtype[Any], blocked: Driver) -> None:
    """RMSprop's step neither vanishes nor grows: it settles at lr."""
    lengths = step_lengths(blocked, Variant("rmsprop", {"lr": 0.5}, dtype), 1.0, 3000)
    assert lengths[-1] == pytest.approx(0.5, rel=1e-5)
