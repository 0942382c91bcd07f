"""A driver must reproduce golden.json before it serves: every way to be wrong that it is meant to find is found."""

from __future__ import annotations

import ctypes
import mmap
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from stepd.optimizers import CATALOGUE, selftest
from stepd.optimizers.blocked import BlockedDriver
from stepd.optimizers.contract import Constants, Driver, FloatArray, Rule
from stepd.optimizers.selftest import DriverMismatch, GoldenCase, check_driver, golden_cases
from stepd.values import DTYPES
from tests.optimizers.steps import CarelessDriver

each_place = pytest.mark.parametrize(("name", "dtype"), [(name, dtype) for name in CATALOGUE for dtype in DTYPES])

# Each verb, and how a mismatch is told of it.
each_verb = pytest.mark.parametrize(("verb", "told"), [("step", ""), ("advance", " in place")], ids=["step", "advance"])

# What spoils a step: changes the results in place.
Spoil = Callable[[FloatArray, tuple[FloatArray, ...]], object]


class SpoiledDriver:
    """The blocked driver, one of whose verbs has its results spoiled for one rule and dtype."""

    name = "spoiled"

    def __init__(self, spoil: Spoil, rule: str, dtype: str, verb: str) -> None:
        self.spoil, self.rule, self.dtype, self.verb = spoil, rule, dtype, verb

    def step(self, rule: Rule, constants: Constants, grads: FloatArray, params: FloatArray, *rest: Any) -> bool:
        finite = BlockedDriver().step(rule, constants, grads, params, *rest)
        self.spoil_after("step", rule, *rest[1:])
        return finite

    def advance(self, rule: Rule, constants: Constants, grads: FloatArray, *state: Any) -> None:
        BlockedDriver().advance(rule, constants, grads, *state)
        self.spoil_after("advance", rule, *state)

    def spoil_after(self, verb: str, rule: Rule, params: FloatArray, slots: tuple[FloatArray, ...]) -> None:
        if (verb, rule.name, params.dtype.name) == (self.verb, self.rule, self.dtype):
            self.spoil(params, slots)


def flush(*vectors: FloatArray) -> None:
    """What a processor set to flush subnormals makes of results."""
    for vector in vectors:
        vector[np.abs(vector) < np.finfo(vector.dtype).tiny] = 0.0


def last_bit(vector: FloatArray) -> None:
    vector[-1] = np.nextafter(vector[-1], np.inf)


def drop_sign_of_zero(vector: FloatArray) -> None:
    vector[vector == 0.0] = 0.0


def test_both_drivers_pass(driver: Driver) -> None:
    """The drivers that serve give every golden bit."""
    check_driver(driver)


def test_the_uncompiled_loops_pass(interpreted: Driver) -> None:
    """So do the compiled driver's loops when the interpreter runs them."""
    with np.errstate(all="ignore"):
        check_driver(interpreted)


@each_verb
@each_place
def test_flushed_subnormals_are_found(name: str, dtype: str, verb: str, told: str) -> None:
    """For each rule and dtype a driver that flushes subnormal params, or subnormal state, is refused."""
    spoils: list[Spoil] = [lambda params, slots: flush(params), lambda params, slots: flush(*slots)]
    for spoil in spoils:
        with pytest.raises(DriverMismatch, match=f"driver spoiled{told}, case {name}-edges-{dtype}: "):
            check_driver(SpoiledDriver(spoil, name, dtype, verb))


@each_verb
@each_place
def test_a_lost_sign_is_found(name: str, dtype: str, verb: str, told: str) -> None:
    """A driver that turns -0.0 into 0.0, or negates its results, is refused."""
    with pytest.raises(DriverMismatch, match=rf"spoiled{told}, .*params\[0\] is 0x0.0p\+0, it must be -0x0.0p\+0"):
        check_driver(SpoiledDriver(lambda params, slots: drop_sign_of_zero(params), name, dtype, verb))
    with pytest.raises(DriverMismatch, match=f"spoiled{told}, case {name}-ordinary-{dtype}: params"):
        check_driver(SpoiledDriver(lambda params, slots: np.negative(params, out=params), name, dtype, verb))


@each_verb
@each_place
def test_a_last_bit_of_params_is_found(name: str, dtype: str, verb: str, told: str) -> None:
    """One bit in the last param is found and named."""
    with pytest.raises(DriverMismatch, match=f"spoiled{told}, case {name}-ordinary-{dtype}: params.3. is "):
        check_driver(SpoiledDriver(lambda params, slots: last_bit(params), name, dtype, verb))


@each_verb
@pytest.mark.parametrize(
    ("name", "dtype", "number", "slot"),
    [(name, dtype, *slot) for name in CATALOGUE for dtype in DTYPES for slot in enumerate(CATALOGUE[name].slot_names)],
)
def test_a_last_bit_of_state_is_found(name: str, dtype: str, number: int, slot: str, verb: str, told: str) -> None:
    """One bit in the last value of any slot is found and named."""
    with pytest.raises(DriverMismatch, match=f"spoiled{told}, case {name}-ordinary-{dtype}: {slot}.3. is "):
        check_driver(SpoiledDriver(lambda params, slots: last_bit(slots[number]), name, dtype, verb))


@each_verb
def test_a_wrong_vectorized_loop_is_found(verb: str, told: str) -> None:
    """A driver that is right over short vectors and wrong within long ones is refused."""

    def wrong_within(params: FloatArray, slots: tuple[FloatArray, ...]) -> None:
        if params.size > 64:
            last_bit(params[:64])

    with pytest.raises(DriverMismatch, match=rf"spoiled{told}, case sgd-ordinary-float32: params\[63\] is "):
        check_driver(SpoiledDriver(wrong_within, "sgd", "float32", verb))


def test_an_overflow_that_is_not_seen_is_found() -> None:
    """A driver that takes every result for finite is refused."""
    with pytest.raises(DriverMismatch, match="adadelta, float32: an infinite result passed for finite"):
        check_driver(CarelessDriver(answer=True))


def test_an_overflow_that_is_not_there_is_found() -> None:
    """A driver that takes finite results for infinite, and so would refuse every step, is refused."""
    with pytest.raises(DriverMismatch, match="a finite result passed for one that is not"):
        check_driver(CarelessDriver(answer=False))


@each_place
def test_a_missing_case_is_found(name: str, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule without golden values in some dtype can't be judged, and so may not serve."""

    def others() -> tuple[GoldenCase, ...]:
        return tuple(case for case in golden_cases() if not case.name.startswith(name) or not case.name.endswith(dtype))

    monkeypatch.setattr(selftest, "golden_cases", others)
    with pytest.raises(DriverMismatch, match=f"no case for .*{name}.*{dtype}"):
        check_driver(BlockedDriver())


@contextmanager
def flushing_processor() -> Iterator[None]:
    """Sets this thread's processor to take and give zero for subnormals, as a library built with fast-math does."""
    # ldmxcsr [rdi]; ret: loads the processor's floating-point control register.
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(b"\x0f\xae\x17\xc3")
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    load = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(address)
    flushing, normal = ctypes.c_uint32(0x9FC0), ctypes.c_uint32(0x1F80)
    load(ctypes.addressof(flushing))
    try:
        yield
    finally:
        load(ctypes.addressof(normal))


@pytest.mark.skipif(platform.machine() != "x86_64", reason="needs an x86-64 processor: its control register is set")
def test_a_processor_that_flushes_is_found(driver: Driver) -> None:
    """Where the processor itself flushes subnormals the test says so, even if the golden values were read before."""
    golden_cases()
    with flushing_processor(), pytest.raises(DriverMismatch, match="set to flush subnormals to zero"):
        check_driver(driver)
    check_driver(driver)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="needs an x86-64 processor: its control register is set")
@pytest.mark.parametrize("case", golden_cases(), ids=lambda case: case.name)
def test_each_edge_case_alone_finds_it(case: GoldenCase, driver: Driver) -> None:
    """Under a flushing processor the edge case of every rule and dtype, and no other case, gives other bits."""
    new_params, *new_slots = (np.empty_like(vector) for vector in (case.params, *case.slots))
    constants = case.optimizer.constants(case.params.dtype)
    with flushing_processor():
        driver.step(case.optimizer.rule, constants, case.grads, case.params, case.slots, new_params, tuple(new_slots))
    same = [
        have.tobytes() == want.tobytes()
        for have, want in zip((new_params, *new_slots), (case.new_params, *case.new_slots), strict=True)
    ]
    assert not any(same) if "edges" in case.name else all(same)
