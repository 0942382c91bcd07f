"""Stepping long vectors in parts, on several threads at once. Rules are elementwise: the bits stay the same."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress

from stepd.optimizers.contract import Constants, Driver, FloatArray, Rule

# Values of one part. A vector that has not two of them is stepped by the caller alone, sooner than a thread wakes up.
PART_SIZE = 256 * 1024


class Helpers:
    """Threads that take parts of other threads' work.

    Whoever asks for help works too, and takes every part that nobody has begun. A helper waits for nothing but the part
    that it is at, so no call ever waits for a helper that is busy elsewhere: where all are, the caller does everything.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="stepd-part")

    def each(self, size: int, work: Callable[[slice], object]) -> None:
        """Calls `work` with every part of a vector of that size, each once, on this and other threads at once.

        Returns, or raises what one call raised, when nobody is at it any more.
        """
        parts = deque(slice(start, min(start + PART_SIZE, size)) for start in range(0, size, PART_SIZE))

        def take_parts() -> None:
            while parts:
                try:
                    part = parts.popleft()
                except IndexError:  # another thread took the last
                    return
                try:
                    work(part)
                except BaseException:
                    parts.clear()
                    raise

        asked: list[Future[None]] = []
        try:
            # Where the machine gives no thread, or the process is ending, the caller does it alone.
            with suppress(RuntimeError, MemoryError):
                asked.extend(self._pool.submit(take_parts) for _ in range(min(self._count, len(parts) - 1)))
            take_parts()
        finally:
            begun = [helper for helper in asked if not helper.cancel()]
            wait(begun)
        for helper in begun:
            helper.result()


class ParallelDriver:
    """Runs another driver on parts of long vectors, with helpers."""

    def __init__(self, driver: Driver, helpers: Helpers) -> None:
        self.driver = driver
        self.name = driver.name
        self._helpers = helpers

    def step(
        self,
        rule: Rule,
        constants: Constants,
        grads: FloatArray,
        params: FloatArray,
        slots: tuple[FloatArray, ...],
        new_params: FloatArray,
        new_slots: tuple[FloatArray, ...],
    ) -> bool:
        if params.size < 2 * PART_SIZE:
            return self.driver.step(rule, constants, grads, params, slots, new_params, new_slots)
        finite = []

        def step(part: slice) -> None:
            before, after = tuple(slot[part] for slot in slots), tuple(slot[part] for slot in new_slots)
            at = params[part]
            finite.append(self.driver.step(rule, constants, grads[part], at, before, new_params[part], after))

        self._helpers.each(params.size, step)
        return all(finite)

    def advance(
        self,
        rule: Rule,
        constants: Constants,
        grads: FloatArray,
        params: FloatArray,
        slots: tuple[FloatArray, ...],
    ) -> None:
        if params.size < 2 * PART_SIZE:
            self.driver.advance(rule, constants, grads, params, slots)
            return

        def advance(part: slice) -> None:
            self.driver.advance(rule, constants, grads[part], params[part], tuple(slot[part] for slot in slots))

        self._helpers.each(params.size, advance)
