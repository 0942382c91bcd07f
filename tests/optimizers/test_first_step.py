"""How far Adadelta's first step goes from zero state: by formula, and never beyond its bound."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stepd.optimizers import resolve
from stepd.optimizers.contract import Driver
from stepd.values import DTYPES
from tests.optimizers.steps import DEEP, each_dtype, floats, take_step

# Rounding inside a step, relative: some units in the last place.
ROUNDING = {"float64": 16 * 2.0**-53, "float32": 16 * 2.0**-24}


def hypers(dtype: np.dtype[Any]) -> st.SearchStrategy[dict[str, float]]:
    return st.fixed_dictionaries(
        {
            "rho": floats(dtype, 0.0, 0.9990234375),
            "eps": floats(dtype, 2.0**-40, 1.0),
            "lr": floats(dtype, 2.0**-10, 8.0),
        }
    )


def first_step(driver: Driver, dtype: np.dtype[Any], hyper: dict[str, float], g: float) -> float:
    """The length of the first step, taken from params of zero so that nothing rounds it off."""
    zero = np.zeros(1, dtype)
    step = take_step(driver, resolve({"name": "adadelta", **hyper}, dtype), np.array([g], dtype), zero, (zero, zero))
    assert step.finite
    return -math.copysign(1.0, g) * float(step.params[0])


@DEEP
@given(data=st.data())
@each_dtype
def test_it_is_the_formulas(dtype: np.dtype[Any], driver: Driver, data: st.DataObject) -> None:
    """The first step is lr |g| sqrt(eps / ((1-rho) g^2 + eps)), downhill."""
    hyper = data.draw(hypers(dtype))
    g = data.draw(floats(dtype, 2.0**-60, 2.0**60)) * data.draw(st.sampled_from([1.0, -1.0]))
    rest = 1.0 - hyper["rho"]
    wanted = hyper["lr"] * abs(g) * math.sqrt(hyper["eps"] / (rest * g * g + hyper["eps"]))
    assert first_step(driver, dtype, hyper, g) == pytest.approx(wanted, rel=ROUNDING[dtype.name], abs=0)


@DEEP
@given(data=st.data())
@each_dtype
def test_it_is_never_beyond_the_bound(dtype: np.dtype[Any], driver: Driver, data: st.DataObject) -> None:
    """No gradient, however large or small, makes the first step longer than lr sqrt(eps / (1-rho))."""
    hyper, g = data.draw(hypers(dtype)), data.draw(floats(dtype, -(2.0**60), 2.0**60))
    bound = hyper["lr"] * math.sqrt(hyper["eps"] / (1.0 - hyper["rho"]))
    assert 0.0 <= first_step(driver, dtype, hyper, g) <= bound * (1 + ROUNDING[dtype.name])


@DEEP
@given(data=st.data())
@each_dtype
def test_it_is_near_the_bound_once_the_gradient_is_large(
    dtype: np.dtype[Any], driver: Driver, data: st.DataObject
) -> None:
    """Where (1-rho) g^2 >= 1e6 eps the first step is within 1e-6 of lr sqrt(eps / (1-rho))."""
    hyper = data.draw(hypers(dtype))
    least = math.sqrt(1e6 * hyper["eps"] / (1.0 - hyper["rho"]))
    g = float(dtype.type(least * data.draw(st.floats(1.0, 1e6))))
    assume((1.0 - hyper["rho"]) * g * g >= 1e6 * hyper["eps"])
    bound = hyper["lr"] * math.sqrt(hyper["eps"] / (1.0 - hyper["rho"]))
    assert first_step(driver, dtype, hyper, g) == pytest.approx(bound, rel=1e-6 + ROUNDING[dtype.name], abs=0)


def test_a_smaller_gradient_is_not_near_the_bound(driver: Driver) -> None:
    """At (1-rho) g^2 = 1e5 eps the first step is shorter than the bound by more than 1e-6."""
    hyper = {"rho": 0.95, "eps": 1e-6, "lr": 1.0}
    bound = math.sqrt(hyper["eps"] / (1.0 - hyper["rho"]))
    g = math.sqrt(1e5 * hyper["eps"] / (1.0 - hyper["rho"]))
    assert first_step(driver, DTYPES["float64"], hyper, g) < bound * (1 - 1e-6)
