"""Touching the arrays of a step once, with next to no arithmetic: the time that memory alone takes.

Four arrays are read and three written in place, seven streams, as in a step that works in place.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from benchmarks.peers.arrays import Arrays
from benchmarks.peers.textbook import Vector

Touch = Callable[[Vector, Vector, Vector, Vector], None]


@cache
def touch_loop() -> Touch:
    """The loop, compiled."""
    import numba  # noqa: PLC0415 - an extra, and slow to import

    def touch(grads: Any, params: Any, square_avg: Any, acc_delta: Any) -> None:
        for i in range(params.size):
            params[i] += grads[i]
            square_avg[i] += grads[i]
            acc_delta[i] += grads[i]

    compiled: Touch = numba.njit("void(f8[::1], f8[::1], f8[::1], f8[::1])", nogil=True)(touch)
    return compiled


def touching(given: Arrays) -> Callable[[], object]:
    """One pass over all four arrays."""
    touch = touch_loop()
    return lambda: touch(given.grads, given.params, given.square_avg, given.acc_delta)


def touching_with(threads: ThreadPoolExecutor, count: int, given: Arrays) -> Callable[[], object]:
    """One pass, the arrays split evenly among that many threads."""
    touch = touch_loop()
    vectors = (given.grads, given.params, given.square_avg, given.acc_delta)
    share = -(-given.params.size // count)
    parts = [[vector[start : start + share] for vector in vectors] for start in range(0, given.params.size, share)]

    def run() -> None:
        for running in [threads.submit(touch, *part) for part in parts]:
            running.result()

    return run
