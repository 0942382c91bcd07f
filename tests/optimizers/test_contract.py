"""Hyper-parameters are checked in the session's dtype; every refusal names the field, the value and the bound."""

import math
from typing import Any

import numpy as np
import pytest

from stepd.errors import HyperParameterInvalid, HyperParameterUnknown, MissingField, OptimizerUnknown, StepdError
from stepd.optimizers import CATALOGUE, resolve
from stepd.values import DTYPES

RHO, EPS, LR, DECAY = "0 <= rho < 1", "0 < eps < infinity", "0 <= lr < infinity", "0 <= weight_decay < infinity"

# dtype, rule, hyper-parameter, value, how the message shows the value, what the message says of the bound
OUT_OF_RANGE: list[tuple[str, str, str, Any, str, str]] = [
    ("float64", "adadelta", "rho", 1, "1", RHO),
    ("float64", "adadelta", "rho", 1.0, "1.0", RHO),
    ("float64", "adadelta", "rho", 1.1, "1.1", RHO),
    ("float64", "adadelta", "rho", -0.1, "-0.1", RHO),
    ("float64", "adadelta", "rho", math.nan, "nan", RHO),
    ("float64", "adadelta", "rho", math.inf, "inf", RHO),
    ("float64", "adadelta", "rho", 0.99999999999999999, "1.0", RHO),
    ("float32", "adadelta", "rho", 0.999999999, "0.999999999, which is 1 in float32", RHO),
    ("float64", "adadelta", "eps", 0, "0", EPS),
    ("float64", "adadelta", "eps", 0.0, "0.0", EPS),
    ("float64", "adadelta", "eps", -1e-6, "-1e-06", EPS),
    ("float64", "adadelta", "eps", math.inf, "inf", EPS),
    ("float32", "adadelta", "eps", 1e-50, "1e-50, which is 0 in float32", EPS),
    ("float32", "adadelta", "eps", 1e39, "1e+39, which is inf in float32", EPS),
    ("float64", "adadelta", "lr", -1.0, "-1.0", LR),
    ("float64", "adadelta", "lr", math.nan, "nan", LR),
    ("float64", "adadelta", "lr", math.inf, "inf", LR),
    ("float64", "adadelta", "lr", -math.inf, "-inf", LR),
    ("float64", "adadelta", "lr", 10**400, "1" + "0" * 36 + "...", LR),
    ("float64", "adadelta", "lr", 10**5000, "an int too long to show", LR),
    ("float32", "adadelta", "lr", 1e39, "1e+39, which is inf in float32", LR),
    ("float64", "adadelta", "weight_decay", -1e-9, "-1e-09", DECAY),
    ("float32", "adadelta", "weight_decay", 1e39, "1e+39, which is inf in float32", DECAY),
    ("float64", "adagrad", "eps", 0.0, "0.0", EPS),
    ("float64", "rmsprop", "alpha", 1.0, "1.0", "0 <= alpha < 1"),
    ("float64", "rmsprop", "eps", 0.0, "0.0", EPS),
    ("float64", "sgd", "momentum", 1.0, "1.0", "0 <= momentum < 1"),
    ("float32", "sgd", "momentum", 0.999999999, "0.999999999, which is 1 in float32", "0 <= momentum < 1"),
]
NOT_A_NUMBER = [
    ("0.9", "'0.9'"),
    (True, "true"),
    (False, "false"),
    (None, "null"),
    ([0.9], "list"),
    ({"value": 0.9}, "dict"),
    (1j, "1j"),
    ("x" * 100, "'" + "x" * 36 + "..."),
]


def refused(name: str, hyper: dict[str, Any], dtype: str = "float64") -> StepdError:
    with pytest.raises(StepdError) as raised:
        resolve({"name": name, **hyper}, DTYPES[dtype])
    return raised.value


@pytest.mark.parametrize(
    ("dtype", "rule", "field", "value", "shown", "bound"),
    OUT_OF_RANGE,
    ids=[f"{rule}-{dtype}-{field}-{shown}" for dtype, rule, field, _, shown, _ in OUT_OF_RANGE],
)
def test_a_value_out_of_range_is_refused(
    dtype: str, rule: str, field: str, value: object, shown: str, bound: str
) -> None:
    """The message names field, value, what the value is in the dtype, and the bound; the pointer names the field."""
    error = refused(rule, {field: value}, dtype)
    assert isinstance(error, HyperParameterInvalid)
    assert error.detail == f"{field} is {shown}; it must hold that {bound}"
    assert [(place.pointer, place.detail) for place in error.errors] == [(f"/optimizer/{field}", error.detail)]


@pytest.mark.parametrize(("value", "shown"), NOT_A_NUMBER, ids=str)
@pytest.mark.parametrize("rule", CATALOGUE)
def test_what_is_not_a_number_is_refused(rule: str, value: object, shown: str) -> None:
    """A string, boolean, null, list, object or complex number is no hyper-parameter, and is never converted."""
    error = refused(rule, {"lr": value})
    assert isinstance(error, HyperParameterInvalid)
    assert error.detail == f"lr must be a number, not {shown}"


@pytest.mark.parametrize(("value", "shown"), [(1, "1"), (0, "0"), ("true", "'true'"), (None, "null"), (1.0, "1.0")])
@pytest.mark.parametrize("rule", CATALOGUE)
def test_a_switch_takes_only_true_and_false(rule: str, value: object, shown: str) -> None:
    """maximize=1 is refused: a number is no switch."""
    error = refused(rule, {"maximize": value})
    assert isinstance(error, HyperParameterInvalid)
    assert error.detail == f"maximize must be true or false, not {shown}"
    assert error.errors[0].pointer == "/optimizer/maximize"


@pytest.mark.parametrize(
    ("rule", "given", "meant"),
    [
        ("adadelta", "epsilon", "eps"),
        ("adadelta", "weightdecay", "weight_decay"),
        ("adadelta", "maximise", "maximize"),
        ("rmsprop", "alfa", "alpha"),
        ("sgd", "nestorov", "nesterov"),
    ],
)
def test_a_name_nearly_right_gets_a_suggestion(rule: str, given: str, meant: str) -> None:
    """An unknown name is refused with the nearest known one: epsilon, did you mean eps?"""
    error = refused(rule, {given: 1e-6})
    assert isinstance(error, HyperParameterUnknown)
    assert error.detail == f"{rule} has no hyper-parameter '{given}': did you mean {meant}?"
    assert error.errors[0].pointer == f"/optimizer/{given}"


def test_a_name_like_no_other_gets_the_list() -> None:
    """An unknown name without a near one is answered with all that there are."""
    error = refused("adadelta", {"q/q": 1})
    assert error.detail == "adadelta has no hyper-parameter 'q/q'; it has lr, rho, eps, weight_decay, maximize"
    assert error.errors[0].pointer == "/optimizer/q~1q"


@pytest.mark.parametrize("name", ["adam", "Adadelta", "", None, 3, ["adadelta"], "x" * 1000])
def test_an_unknown_optimizer_is_refused_with_the_list(name: object) -> None:
    """A name that is not in the catalogue, or no string at all, is answered with the catalogue's names."""
    with pytest.raises(OptimizerUnknown, match="it must be one of adadelta, adagrad, rmsprop, sgd") as raised:
        resolve({"name": name}, DTYPES["float64"])
    assert len(raised.value.detail) < 150
    assert raised.value.errors[0].pointer == "/optimizer/name"


def test_a_missing_name_is_refused() -> None:
    """An optimizer without a name is refused and told which there are."""
    with pytest.raises(MissingField, match="adadelta, adagrad, rmsprop, sgd"):
        resolve({"rho": 0.9}, DTYPES["float64"])


def test_nesterov_needs_momentum() -> None:
    """nesterov without a momentum is refused; with one it is taken."""
    error = refused("sgd", {"nesterov": True})
    assert error.detail == "nesterov is true and momentum is 0.0; nesterov needs a momentum above 0"
    assert error.errors[0].pointer == "/optimizer/nesterov"
    assert resolve({"name": "sgd", "nesterov": True, "momentum": 0.5}, DTYPES["float64"]).hyper["nesterov"] is True


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_ends_of_each_range_are_taken(dtype: str) -> None:
    """0 for rho, lr and weight_decay, the smallest eps and the rho just below 1 are all in range."""
    ends = np.finfo(dtype)
    hyper = {"rho": 0.0, "lr": 0, "weight_decay": 0.0, "eps": float(ends.smallest_subnormal)}
    assert resolve({"name": "adadelta", **hyper}, DTYPES[dtype]).hyper == {**hyper, "maximize": False}
    below_one = float(np.nextafter(np.array(1, dtype), np.array(0, dtype)))
    assert resolve({"name": "adadelta", "rho": below_one}, DTYPES[dtype]).hyper["rho"] == below_one


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CATALOGUE)
def test_the_defaults_are_in_range_and_resolved_in_full(name: str, dtype: str) -> None:
    """With nothing given every hyper-parameter is resolved, by its own check, in the catalogue's order."""
    resolved = resolve({"name": name}, DTYPES[dtype]).resolved()
    assert list(resolved) == ["name", *(parameter.name for parameter in CATALOGUE[name].hyper_parameters)]
    assert resolve(resolved, DTYPES[dtype]).resolved() == resolved


def test_an_lr_for_one_step_is_checked_as_lr_is() -> None:
    """A step's own lr has the bounds of the session's, in the session's dtype, and replaces it."""
    optimizer = resolve({"name": "adadelta"}, DTYPES["float32"])
    with pytest.raises(HyperParameterInvalid, match=r"lr is 1e\+39, which is inf in float32"):
        optimizer.check_lr(1e39, DTYPES["float32"])
    constants = optimizer.constants(DTYPES["float32"], lr=optimizer.check_lr(0.1, DTYPES["float32"]))
    assert constants.lr.tobytes() == np.float32(0.1).tobytes()


def test_constants_are_derived_in_float64_and_rounded_once() -> None:
    """1 - rho is taken in float64 and then rounded; every constant is a scalar of the dtype."""
    constants = resolve({"name": "adadelta", "rho": 0.95, "weight_decay": 0.1}, DTYPES["float32"]).constants(
        DTYPES["float32"]
    )
    wanted = [np.float32(0.95), np.float32(1.0 - 0.95), np.float32(1e-6)]
    assert [value.tobytes() for value in constants.rule] == [value.tobytes() for value in wanted]
    assert {type(value) for value in (*constants.rule, constants.lr, constants.weight_decay)} == {np.float32}
    assert constants.rule[1] != np.float32(1) - np.float32(0.95)


@pytest.mark.parametrize("decay", [0.0, -0.0, 1e-50])
def test_no_decay_adds_nothing(decay: float) -> None:
    """A weight_decay that is 0 in the dtype adds nothing, which would turn a gradient of -0.0 into 0.0."""
    optimizer = resolve({"name": "sgd", "weight_decay": decay}, DTYPES["float32"])
    assert optimizer.constants(DTYPES["float32"]).weight_decay is None
