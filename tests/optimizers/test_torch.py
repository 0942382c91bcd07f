"""Our rules are torch's: the same steps in float64, to rounding, and the same defaults.

The reference is torch itself where it is installed, else what tools/make_torch_vectors.py stored of it.
"""

import importlib.util
import json
from typing import Any

import numpy as np
import pytest

from stepd.optimizers import CATALOGUE, resolve
from stepd.optimizers.contract import Driver, FloatArray
from stepd.values import DTYPES
from tests.optimizers.steps import take_step, zeros_for
from tools.make_torch_vectors import CLASSES, OPTIMIZERS, TORCH_VECTORS, document

STORED: dict[str, Any] = json.loads(TORCH_VECTORS.read_text())


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    return document() if importlib.util.find_spec("torch") else STORED


def vector(literals: list[str]) -> FloatArray:
    return np.array([float.fromhex(literal) for literal in literals])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_steps_are_torchs(name: str, reference: dict[str, Any], driver: Driver) -> None:
    """Twenty steps give torch's params after each, and torch's state at the end, to 1e-12."""
    case = next(case for case in reference["cases"] if case["name"] == name)
    optimizer = resolve(case["optimizer"], DTYPES["float64"])
    params = vector(reference["params"])
    slots = zeros_for(optimizer, params)
    for grads, after in zip(reference["grads"], case["after"], strict=True):
        finite, params, slots = take_step(driver, optimizer, vector(grads), params, slots)
        assert finite
        assert params == pytest.approx(vector(after), rel=1e-12, abs=1e-15)
    assert len(reference["grads"]) == 20
    state = dict(zip(optimizer.rule.slot_names, slots, strict=True))
    for slot, values in case["state"].items():
        assert state[slot] == pytest.approx(vector(values), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("name", ["adagrad", "rmsprop", "sgd"])
def test_the_defaults_are_torchs(name: str, reference: dict[str, Any]) -> None:
    """Every hyper-parameter has the default that it has in torch."""
    ours = {parameter.name: parameter.default for parameter in CATALOGUE[name].hyper_parameters}
    theirs = reference["defaults"][name]
    assert ours == {parameter: theirs[parameter] for parameter in ours}


def test_adadeltas_defaults_are_the_papers_and_not_torchs() -> None:
    """Adadelta keeps the paper's rho of 0.95, where torch has 0.9; all else is the same."""
    ours = {parameter.name: parameter.default for parameter in CATALOGUE["adadelta"].hyper_parameters}
    assert ours == {"lr": 1.0, "rho": 0.95, "eps": 1e-6, "weight_decay": 0.0, "maximize": False}
    assert {name for name in ours if ours[name] != STORED["defaults"]["adadelta"][name]} == {"rho"}


def test_every_rule_is_compared() -> None:
    """No rule of the catalogue lacks a case, and the stored cases are those that the tool would make."""
    assert set(CLASSES) == set(CATALOGUE)
    assert {optimizer["name"] for optimizer in OPTIMIZERS.values()} == set(CATALOGUE)
    assert {case["name"]: case["optimizer"] for case in STORED["cases"]} == OPTIMIZERS
