"""Every published golden value of Adadelta, bit for bit, through every way to take a step."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stepd import Adadelta, adadelta_update
from stepd.optimizers import resolve
from stepd.optimizers.contract import Driver, FloatArray
from tests.optimizers.steps import read_only, take_step

VECTORS = Path(__file__).parents[1] / "vectors" / "adadelta.json"
CASES: list[dict[str, Any]] = json.loads(VECTORS.read_text())["cases"]
HYPER = ("rho", "eps", "lr", "weight_decay", "maximize")
ROLES = ("params", "square_avg", "acc_delta")
each_case = pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])

Trio = tuple[FloatArray, FloatArray, FloatArray]


def flat(case: dict[str, Any], literals: list[str]) -> FloatArray:
    return read_only([float.fromhex(literal) for literal in literals], case["dtype"])


def start(case: dict[str, Any]) -> Trio:
    params, square_avg, acc_delta = (flat(case, case[role]) for role in ROLES)
    return params, square_avg, acc_delta


def hyper(case: dict[str, Any]) -> dict[str, Any]:
    return {name: case[name] for name in HYPER}


def gradients(case: dict[str, Any]) -> Iterator[tuple[int, FloatArray]]:
    for step, grads in enumerate(case["grads"], start=1):
        yield step, flat(case, grads)


def assert_reproduces(case: dict[str, Any], take: Callable[[FloatArray, Trio], Trio]) -> None:
    """Takes the case's steps from its start; compares bytes wherever the case says what must have come out."""
    wanted = {after["step"]: after for after in case["after"]}
    now = start(case)
    for step, grads in gradients(case):
        now = take(grads, now)
        if step in wanted:
            after = wanted.pop(step)
            for role, have in zip(ROLES, now, strict=True):
                want = flat(case, after[role])
                assert have.dtype == want.dtype
                assert have.tobytes() == want.tobytes(), f"{role} after step {step}: {have} is not {want}"
    assert not wanted, "every recorded step was reached"


@each_case
def test_drivers_reproduce_it(case: dict[str, Any], any_driver: Driver) -> None:
    """The blocked driver, the compiled one and its loops uncompiled give the golden bits after every step."""
    optimizer = resolve({"name": "adadelta", **hyper(case)}, np.dtype(case["dtype"]))

    def take(grads: FloatArray, now: Trio) -> Trio:
        step = take_step(any_driver, optimizer, grads, now[0], now[1:])
        assert step.finite
        return step.params, *step.slots  # type: ignore[return-value]

    assert_reproduces(case, take)


@each_case
def test_the_textbook_function_reproduces_it(case: dict[str, Any]) -> None:
    """`adadelta_update`, with state in and state out in the case's shape, gives the golden bits after every step."""

    def take(grads: FloatArray, now: Trio) -> Trio:
        params, square_avg, acc_delta = (vector.reshape(case["shape"]) for vector in now)
        return adadelta_update(params, grads.reshape(case["shape"]), square_avg, acc_delta, **hyper(case))

    assert_reproduces(case, take)


@each_case
def test_the_textbook_class_reproduces_it(case: dict[str, Any]) -> None:
    """`Adadelta.update`, which keeps the state inside, gives the golden bits after every step."""
    optimizer = Adadelta(**hyper(case))
    _, square_avg, acc_delta = (vector.reshape(case["shape"]) for vector in start(case))
    if square_avg.any() or acc_delta.any():  # the class itself starts from zeros
        optimizer.state = {"square_avg": square_avg, "acc_delta": acc_delta}

    def take(grads: FloatArray, now: Trio) -> Trio:
        params = optimizer.update(now[0].reshape(case["shape"]), grads.reshape(case["shape"]))
        assert optimizer.state is not None
        return params, optimizer.state["square_avg"], optimizer.state["acc_delta"]

    assert_reproduces(case, take)


def test_the_vectors_hold_what_they_should() -> None:
    """Both dtypes, both options together, a matrix and a long run are among the cases."""
    assert len(CASES) == 36
    assert {case["dtype"] for case in CASES} == {"float64", "float32"}
    assert any(case["maximize"] and case["weight_decay"] for case in CASES)
    assert {len(case["shape"]) for case in CASES} == {1, 2}
    assert max(len(case["grads"]) for case in CASES) == 1000
