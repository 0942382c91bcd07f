"""A gradient of zero moves nothing and only lets the averages decay."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepd.optimizers import CATALOGUE
from stepd.optimizers.contract import Driver, FloatArray
from tests.optimizers.steps import SEARCH, Variant, each_dtype, states, take_step, zeros_for

DECAY = {"adadelta": "rho", "rmsprop": "alpha", "sgd": "momentum"}


def zeros(data: st.DataObject, like: FloatArray) -> FloatArray:
    """Zeros of either sign."""
    signs = data.draw(st.lists(st.sampled_from([0.0, -0.0]), min_size=like.size, max_size=like.size))
    return np.array(signs, like.dtype)


@SEARCH
@given(data=st.data())
@each_dtype
@pytest.mark.parametrize("name", CATALOGUE)
def test_params_stay(name: str, dtype: np.dtype[Any], driver: Driver, data: st.DataObject) -> None:
    """Without decay and momentum, from any state, a zero gradient leaves every param equal."""
    variant = Variant(name, {}, dtype)
    _, params, slots = data.draw(states(variant))
    step = take_step(driver, variant.optimizer, zeros(data, params), params, slots)
    assert (step.params == params).all()


@SEARCH
@given(data=st.data())
@each_dtype
@pytest.mark.parametrize("name", ["adadelta", "rmsprop"])
def test_averages_only_decay(name: str, dtype: np.dtype[Any], driver: Driver, data: st.DataObject) -> None:
    """A zero gradient makes each average its decay times what it was, bit for bit."""
    decay = data.draw(st.sampled_from([0.0, 0.5, 0.9, 0.95, 0.999]))
    variant = Variant(name, {DECAY[name]: decay}, dtype)
    _, params, slots = data.draw(states(variant))
    slots = tuple(slot + dtype.type(0) for slot in slots)  # an average of squares is never -0.0
    step = take_step(driver, variant.optimizer, zeros(data, params), params, slots)
    for before, after in zip(slots, step.slots, strict=True):
        assert after.tobytes() == (dtype.type(decay) * before).tobytes()


@SEARCH
@given(data=st.data())
@each_dtype
def test_adagrads_sum_stays(dtype: np.dtype[Any], driver: Driver, data: st.DataObject) -> None:
    """A zero gradient leaves Adagrad's sum as it is: it forgets nothing."""
    variant = Variant("adagrad", {}, dtype)
    _, params, slots = data.draw(states(variant))
    step = take_step(driver, variant.optimizer, zeros(data, params), params, slots)
    assert (step.slots[0] == slots[0]).all()


@each_dtype
def test_momentum_goes_on_and_decay_pulls(dtype: np.dtype[Any], driver: Driver) -> None:
    """What the premise leaves out does move params: momentum that is left, and weight decay."""
    params, zero = np.ones(1, dtype), np.zeros(1, dtype)
    moving = take_step(driver, Variant("sgd", {"momentum": 0.9}, dtype).optimizer, zero, params, (params,))
    assert moving.params < params
    for name in CATALOGUE:
        optimizer = Variant(name, {"weight_decay": 0.1}, dtype).optimizer
        assert take_step(driver, optimizer, zero, params, zeros_for(optimizer, params)).params < params
