"""What each driver must get right, bit for bit, before it takes its first real step.

golden.json beside this file holds one step per case for every rule and dtype, subnormals and signed zeros included: a
library that switched the processor to flush subnormals, or a miscompiled loop, is found here and not in a user's run.
"""

from __future__ import annotations

import json
import sys
from functools import cache
from importlib import resources
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from stepd.optimizers import CATALOGUE, resolve
from stepd.optimizers.contract import Driver, FloatArray, Optimizer, Rule
from stepd.values import DTYPES

# A vectorized loop takes most of a long vector and a scalar one the rest: each case runs as it is, and repeated so
# often that both loops have their share.
REPEATS = (1, 37)


class GoldenCase(NamedTuple):
    """One step: from params and slots, by grads, to exactly new_params and new_slots."""

    name: str
    optimizer: Optimizer
    grads: FloatArray
    params: FloatArray
    slots: tuple[FloatArray, ...]
    new_params: FloatArray
    new_slots: tuple[FloatArray, ...]


class DriverMismatch(Exception):
    """A driver gave other bits than the golden values. The message names driver, case and array."""


@cache
def golden_cases() -> tuple[GoldenCase, ...]:
    """The cases of golden.json, floats read from their hexadecimal literals."""
    text = resources.files("stepd.optimizers").joinpath("golden.json").read_text(encoding="utf-8")
    cases = []
    for case in json.loads(text)["cases"]:
        dtype = DTYPES[case["dtype"]]
        optimizer = resolve(case["optimizer"], dtype)

        def vector(literals: list[str], dtype: np.dtype[np.floating] = dtype) -> FloatArray:
            return np.array([float.fromhex(literal) for literal in literals], dtype)

        before, after = case["before"], case["after"]
        cases.append(
            GoldenCase(
                name=case["name"],
                optimizer=optimizer,
                grads=vector(case["grads"]),
                params=vector(before["params"]),
                slots=tuple(vector(before["state"][slot]) for slot in optimizer.rule.slot_names),
                new_params=vector(after["params"]),
                new_slots=tuple(vector(after["state"][slot]) for slot in optimizer.rule.slot_names),
            )
        )
    return tuple(cases)


def check_driver(driver: Driver) -> None:
    """Runs every golden case beside the state and in place; raises DriverMismatch at the first difference in bits."""
    if sys.float_info.min / 2 == 0.0:  # then the golden values themselves would be read wrongly
        raise DriverMismatch(f"driver {driver.name}: this thread's processor is set to flush subnormals to zero")
    everything = set(product(CATALOGUE, DTYPES))
    missing = everything - {(case.optimizer.rule.name, case.params.dtype.name) for case in golden_cases()}
    if missing:
        raise DriverMismatch(f"golden.json has no case for {sorted(missing)}")
    for case, repeats in product(golden_cases(), REPEATS):
        _check_case(driver, case, repeats)
    for rule, dtype in sorted(everything):
        _check_overflow_is_seen(driver, CATALOGUE[rule], DTYPES[dtype])


def _check_case(driver: Driver, case: GoldenCase, repeats: int) -> None:
    grads, params, *slots = (np.tile(vector, repeats) for vector in (case.grads, case.params, *case.slots))
    results = [np.empty_like(vector) for vector in (params, *slots)]
    rule, constants = case.optimizer.rule, case.optimizer.constants(params.dtype)
    finite = driver.step(rule, constants, grads, params, tuple(slots), results[0], tuple(results[1:]))
    _check_bits(f"driver {driver.name}, case {case.name}", case, repeats, results)
    if not finite:
        raise DriverMismatch(f"driver {driver.name}, case {case.name}: a finite result passed for one that is not")
    driver.advance(rule, constants, grads, params, tuple(slots))
    _check_bits(f"driver {driver.name} in place, case {case.name}", case, repeats, [params, *slots])


def _check_bits(where: str, case: GoldenCase, repeats: int, results: list[FloatArray]) -> None:
    names = ("params", *case.optimizer.rule.slot_names)
    for name, once, have in zip(names, (case.new_params, *case.new_slots), results, strict=True):
        want = np.tile(once, repeats)
        if want.tobytes() != have.tobytes():
            index = next(i for i in range(want.size) if want[i : i + 1].tobytes() != have[i : i + 1].tobytes())
            raise DriverMismatch(
                f"{where}: {name}[{index}] is {float(have[index]).hex()}, it must be {float(want[index]).hex()}"
            )


def _check_overflow_is_seen(driver: Driver, rule: Rule, dtype: np.dtype[Any]) -> None:
    # Fast-math lets a compiler take every value for finite and drop the check that keeps infinities out of a state.
    largest = np.full(1, np.finfo(dtype).max, dtype)
    slots = tuple(np.zeros_like(largest) for _ in rule.slots)
    new_slots = tuple(np.empty_like(largest) for _ in rule.slots)
    constants = rule.resolve({}, dtype).constants(dtype)
    if driver.step(rule, constants, -largest, largest, slots, np.empty_like(largest), new_slots):
        raise DriverMismatch(f"driver {driver.name}, {rule.name}, {dtype.name}: an infinite result passed for finite")
