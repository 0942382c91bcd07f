"""Turns: contestants run one after another, round by round, so that what slows the machine slows all of them alike.

Here belong the taking of turns, and the medians, spreads and ratios of what was measured. No contestant is known here.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Spread:
    """A median, and the quartiles around it: half of all rounds lie between `low` and `high`."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """The median and quartiles of one value per round.

    >>> spread([1.0, 2.0, 3.0, 4.0, 100.0])
    Spread(median=3.0, low=2.0, high=4.0)
    """
    low, median, high = np.quantile(values, (0.25, 0.5, 0.75)).tolist()
    return Spread(median, low, high)


def ratio(over: Sequence[float], under: Sequence[float]) -> Spread:
    """The ratio of two contestants: taken within each round, where both met the same machine, then the median of those.

    >>> ratio([2.0, 40.0, 6.0], [1.0, 10.0, 3.0]).median
    2.0
    """
    return spread([a / b for a, b in zip(over, under, strict=True)])


def total(*parts: Sequence[float]) -> list[float]:
    """The sum of several contestants, round by round.

    >>> total([1.0, 2.0], [10.0, 20.0])
    [11.0, 22.0]
    """
    return [sum(values) for values in zip(*parts, strict=True)]


def fastest(of: Mapping[str, Sequence[float]]) -> str:
    """The name of the one with the lowest median.

    >>> fastest({"a": [3.0, 3.0], "b": [1.0, 2.0]})
    'b'
    """
    return min(of, key=lambda name: spread(of[name]).median)


def take_turns(contestants: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """What each contestant gave, one value per round; every round goes through all of them, in their order."""
    taken: dict[str, list[T]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            taken[name].append(contestant())
    return taken


def seconds_per_call(
    contestants: Mapping[str, Callable[[], object]],
    rounds: int,
    least_s: float,
    place: Callable[[str], AbstractContextManager[None]] = lambda _: nullcontext(),
) -> dict[str, list[float]]:
    """How long one call of each takes, one value per round: the mean over as many calls as `least_s` hold.

    A first call of each, which may compile or touch memory, and the calls that find out how many fit, are not counted.
    Each turn runs within what `place` gives for the contestant's name, such as a core.
    """
    timers = {name: _timer(contestant, least_s, partial(place, name)) for name, contestant in contestants.items()}
    with _no_collection():
        return take_turns(timers, rounds)


def _timer(
    contestant: Callable[[], object], least_s: float, place: Callable[[], AbstractContextManager[None]]
) -> Callable[[], float]:
    calls = 1
    with place():
        contestant()
        while (took := _time(contestant, calls)) < least_s:
            calls = max(2 * calls, int(calls * least_s / max(took, 1e-9)))

    def turn() -> float:
        with place():
            contestant()  # finds caches that others have filled, and is not counted
            return _time(contestant, calls) / calls

    return turn


def _time(contestant: Callable[[], object], calls: int) -> float:
    began = time.perf_counter()
    for _ in range(calls):
        contestant()
    return time.perf_counter() - began


@contextmanager
def _no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
