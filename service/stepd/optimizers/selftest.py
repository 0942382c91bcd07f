"""What each driver must get right, bit for bit, before it takes its first real step.

golden.json beside this file holds one step per case for every rule and dtype, subnormals and signed zeros included: a
library that switched the processor to flush subnormals, or a miscompiled loop, is found here and not in a user's run.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import NamedTuple

import numpy as np

from stepd.optimizers import CATALOGUE, resolve
from stepd.optimizers.contract import Driver, FloatArray, Optimizer
from stepd.values import DTYPES


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
    """Runs every golden case; raises DriverMismatch at the first difference in bits."""
    covered = set()
    for case in golden_cases():
        new_params = np.empty_like(case.params)
        new_slots = tuple(np.empty_like(slot) for slot in case.slots)
        rule, constants = case.optimizer.rule, case.optimizer.constants(case.params.dtype)
        finite = driver.step(rule, constants, case.grads, case.params, case.slots, new_params, new_slots)
        got = (new_params, *new_slots)
        for name, want, have in zip(("params", *rule.slot_names), (case.new_params, *case.new_slots), got, strict=True):
            if not finite or want.tobytes() != have.tobytes():
                index = next((i for i in range(want.size) if want[i : i + 1].tobytes() != have[i : i + 1].tobytes()), 0)
                raise DriverMismatch(
                    f"driver {driver.name}, case {case.name}: {name}[{index}] is {float(have[index]).hex()}, "
                    f"it must be {float(want[index]).hex()}"
                )
        covered.add((rule.name, case.params.dtype.name))
    missing = {(rule, dtype) for rule in CATALOGUE for dtype in DTYPES} - covered
    if missing:
        raise DriverMismatch(f"golden.json has no case for {sorted(missing)}")
