"""A pause weighs as much as it lasts, seen on a clock that the test moves."""

from collections.abc import Iterable

import pytest

from benchmarks.parts.fairness import EVERY_S, paced


class Clock:
    """Moves when somebody sleeps or steps, and by itself never."""

    def __init__(self, steps_s: Iterable[float]) -> None:
        self.now = 100.0
        self.sent: list[float] = []
        self._steps = iter(steps_s)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def step(self) -> None:
        self.sent.append(self.now - 100.0)
        self.now += next(self._steps, EVERY_S / 2)


def watch(*steps: float, count: int = 6) -> tuple[list[float], list[float]]:
    """Times, and when steps were sent, in units of the pace."""
    clock = Clock(EVERY_S * one for one in steps)
    times = paced(clock.step, (count - 0.5) * EVERY_S, clock, clock.sleep)
    return [one / EVERY_S for one in times], [one / EVERY_S for one in clock.sent]


def test_quick_steps_are_sent_at_the_pace() -> None:
    """Each counts with its own time."""
    times, sent = watch()
    assert times == pytest.approx([0.5] * 6)
    assert sent == pytest.approx([0, 1, 2, 3, 4, 5])


def test_a_pause_counts_for_every_step_that_was_due() -> None:
    """One of 3.5 paces counts as 3.5, 2.5, 1.5 and 0.5, and the next step is on time again."""
    times, sent = watch(0.5, 3.5)
    assert times == pytest.approx([0.5, 3.5, 2.5, 1.5, 0.5, 0.5])
    assert sent == pytest.approx([0, 1, 5])
