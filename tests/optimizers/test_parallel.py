"""Long vectors in parts on several threads: the same bits, no waiting for busy threads, and failures come to light."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from stepd.optimizers import drivers as module
from stepd.optimizers import parallel
from stepd.optimizers.blocked import BlockedDriver
from stepd.optimizers.compiled import CompiledDriver
from stepd.optimizers.contract import Driver
from stepd.optimizers.drivers import Drivers
from stepd.optimizers.parallel import Helpers, ParallelDriver
from stepd.optimizers.selftest import check_driver
from tests.optimizers.steps import VARIANTS, InPlaceDriver, Variant, random_state, take_step

PART = 100
LONG = 10 * PART + 7


@pytest.fixture(autouse=True)
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of a hundred values: what is long to a test is split."""
    monkeypatch.setattr(parallel, "PART_SIZE", PART)


@pytest.fixture(scope="module")
def helpers() -> Helpers:
    return Helpers(3)


@pytest.mark.parametrize("size", [0, 1, 2 * PART - 1, 2 * PART, 2 * PART + 1, LONG])
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_the_bits_are_those_of_one_thread(variant: Variant, size: int, driver: Driver, helpers: Helpers) -> None:
    """Whatever the length, each verb of each driver gives with helpers what it gives without."""
    grads, params, slots = random_state(variant, size, seed=6)
    alone = take_step(driver, variant.optimizer, grads, params, slots)
    split: Driver = ParallelDriver(driver, helpers)
    assert take_step(split, variant.optimizer, grads, params, slots).bits == alone.bits
    assert take_step(InPlaceDriver(split), variant.optimizer, grads, params, slots).bits == alone.bits


def test_it_passes_the_golden_cases(driver: Driver, helpers: Helpers, monkeypatch: pytest.MonkeyPatch) -> None:
    """With parts so short that golden cases are split, every golden bit comes out."""
    monkeypatch.setattr(parallel, "PART_SIZE", 3)
    check_driver(ParallelDriver(driver, helpers))


@pytest.mark.parametrize("place", [0, PART, LONG - 1])
def test_one_infinity_in_one_part_is_seen(place: int, driver: Driver, helpers: Helpers) -> None:
    """A result is finite where it is so in every part."""
    variant = VARIANTS[0]
    grads, params, slots = random_state(variant, LONG, seed=7)
    assert take_step(ParallelDriver(driver, helpers), variant.optimizer, grads, params, slots).finite
    grads[place] = np.finfo(grads.dtype).max
    assert not take_step(ParallelDriver(driver, helpers), variant.optimizer, grads, params, slots).finite


def test_every_part_is_worked_at_once(helpers: Helpers) -> None:
    """Parts cover the vector, each value once, and are of one length but for the last."""
    parts: list[slice] = []
    helpers.each(LONG, parts.append)
    parts.sort(key=lambda part: part.start)
    assert [index for part in parts for index in range(LONG)[part]] == list(range(LONG))
    assert {part.stop - part.start for part in parts[:-1]} == {PART}


def test_helpers_work_beside_the_caller() -> None:
    """Two parts that each wait for the other to begin come to an end: two threads are at them."""
    both = threading.Barrier(2, timeout=30)
    Helpers(1).each(2 * PART, lambda _: both.wait())


def test_where_all_helpers_are_busy_the_caller_does_everything() -> None:
    """A call neither waits for a helper that is at another's part nor loses one of its own."""
    helpers, release, busy = Helpers(1), threading.Event(), threading.Barrier(3, timeout=30)

    def hold(_: slice) -> None:
        busy.wait()
        assert release.wait(30)

    with ThreadPoolExecutor(1) as other:
        first = other.submit(helpers.each, 2 * PART, hold)
        busy.wait()  # the caller and the only helper are each at a part
        done: set[tuple[int, str]] = set()
        helpers.each(LONG, lambda part: done.add((part.start, threading.current_thread().name)))
        assert done == {(start, threading.current_thread().name) for start in range(0, LONG, PART)}
        assert not first.done()
        release.set()
        first.result(30)


def test_many_callers_share_the_helpers(driver: Driver) -> None:
    """More steps at once than there are threads: each has the bits that it has alone."""
    helpers, variant = Helpers(2), VARIANTS[2]
    split = ParallelDriver(driver, helpers)
    starts = [random_state(variant, LONG, seed) for seed in range(40)]
    with ThreadPoolExecutor(6) as callers:
        at_once = list(callers.map(lambda start: take_step(split, variant.optimizer, *start).bits, starts))
    assert at_once == [take_step(driver, variant.optimizer, *start).bits for start in starts]


class Unlucky(Exception):
    """What goes wrong in a part."""


@pytest.mark.parametrize("in_helper", [True, False], ids=["helper", "caller"])
def test_a_failure_comes_to_light_when_nobody_works_any_more(in_helper: bool) -> None:
    """What one thread raises is raised to the caller, after the other has ended the part that it was at."""
    me, both = threading.current_thread(), threading.Barrier(2, timeout=30)
    failed, begun, ended = threading.Event(), [], []

    def work(part: slice) -> None:
        if not failed.is_set():
            both.wait()
        if (threading.current_thread() is me) != in_helper:
            failed.set()
            raise Unlucky
        begun.append(part)
        assert failed.wait(30)
        ended.append(part)

    with pytest.raises(Unlucky):
        Helpers(1).each(LONG, work)
    assert ended
    assert ended == begun


def test_without_threads_the_caller_does_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the machine gives no further thread a step is taken all the same."""

    def none(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    helpers, parts = Helpers(3), []
    monkeypatch.setattr(threading.Thread, "start", none)
    helpers.each(LONG, parts.append)
    assert len(parts) == 11


@pytest.fixture
def compiling(compiled: CompiledDriver, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(module, "compile_once", lambda: compiled)
    return


def test_drivers_have_helpers_where_there_are_threads(compiled: CompiledDriver, compiling: Any) -> None:
    """With two threads both drivers split what is long; with one neither does."""
    held = Drivers(threads=2)
    assert isinstance(held.current, ParallelDriver)
    assert (held.current.name, type(held.current.driver)) == ("blocked", BlockedDriver)
    held.start_compiling()
    held.wait_compiled()
    assert isinstance(held.current, ParallelDriver)
    assert (held.current.name, held.current.driver, held.compiled) == ("compiled", compiled, "serving")
    assert isinstance(Drivers(threads=1).current, BlockedDriver)
