"""A result that overflows in one place only, params or a single slot, is seen by every driver."""

from typing import Any

import numpy as np
import pytest

from stepd.optimizers import CATALOGUE, resolve
from stepd.optimizers.contract import Driver
from stepd.values import DTYPES
from tests.optimizers.steps import take_step

# rule, hyper-parameters, gradient, param, slots, and the only result that overflows; in float64
ALONE: list[tuple[str, dict[str, float], float, float, list[float], str]] = [
    ("adadelta", {"lr": 1e200}, 1.0, 0.0, [0.0, 1e216], "params"),
    ("adadelta", {}, 1e155, 1.0, [0.0, 0.0], "square_avg"),
    ("adadelta", {}, 1.0, 0.0, [0.0, 1e308], "acc_delta"),
    ("adagrad", {"lr": 1e308}, 1.0, -1e308, [0.0], "params"),
    ("adagrad", {}, 1e155, 1.0, [0.0], "sum"),
    ("rmsprop", {"lr": 1e308}, 1.0, -1e308, [0.0], "params"),
    ("rmsprop", {}, 1e156, 1.0, [0.0], "square_avg"),
    ("sgd", {"lr": 1e308}, 1.0, -1e308, [0.0], "params"),
]


@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize(("name", "hyper", "g", "x", "slots", "role"), ALONE)
def test_one_overflow_alone_is_seen(
    name: str, hyper: dict[str, float], g: float, x: float, slots: list[float], role: str, size: int, any_driver: Driver
) -> None:
    """The step is reported as not finite although every other result is."""
    grads, params, *state = (np.full(size, value) for value in (g, x, *slots))
    step = take_step(any_driver, resolve({"name": name, **hyper}, DTYPES["float64"]), grads, params, state)
    results: dict[str, Any] = dict(
        zip(("params", *CATALOGUE[name].slot_names), (step.params, *step.slots), strict=True)
    )
    assert [name for name, values in results.items() if not np.isfinite(values).all()] == [role]
    assert not step.finite


def test_every_result_that_can_overflow_alone_is_tried() -> None:
    """Every rule's params and slots are in the table, but for SGD's buffer, which takes the params with it."""
    everything = {(name, role) for name, rule in CATALOGUE.items() for role in ("params", *rule.slot_names)}
    assert {(name, role) for name, *_, role in ALONE} == everything - {("sgd", "momentum_buffer")}
