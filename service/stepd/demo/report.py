"""What the demo says, line by line, as text; it prints nothing."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

from stepd.demo import softmax
from stepd.demo.comparison import Comparison
from stepd.demo.digits import Digits
from stepd.demo.training import Point, Training


def called(optimizer: Mapping[str, Any]) -> str:
    """An optimizer as its textbook class is called.

    >>> called({"name": "adadelta", "lr": 1.0, "rho": 0.95})
    'adadelta(lr=1.0, rho=0.95)'
    """
    return f"{optimizer['name']}({', '.join(f'{name}={value}' for name, value in optimizer.items() if name != 'name')})"


def heading(digits: Digits, optimizer: Mapping[str, Any], service: str) -> list[str]:
    """What is trained, on what, with what, and where; and the head of the table."""
    train, test = len(digits.train.labels), len(digits.test.labels)
    shapes = " and ".join(f"{name} {array.shape}" for name, array in softmax.zeros().items())
    return [
        f"data       {train + test:,} handwritten digits: {train:,} to train on, {test:,} to test on",
        f"model      softmax regression: {shapes}, from zeros",
        f"optimizer  {called(optimizer)}",
        f"service    {service}",
        "",
        "  step    loss   train    test",
    ]


def line(point: Point) -> str:
    """A line of the table: loss on the images to train on, accuracy on both parts."""
    return f"{point.step:6}{point.train.loss:8.3f}{point.train.accuracy:8.1%}{point.test.accuracy:8.1%}"


def speed(training: Training) -> str:
    """How fast it was, gradients, evaluations and comparison included, and what a step over HTTP takes of that."""
    steps = len(training.round_trips_s)
    return (
        f"{steps} steps in {training.seconds:.1f} s: {steps / training.seconds:.0f} steps per second, "
        f"each {1000 * median(training.round_trips_s):.1f} ms from request to answer"
    )


def verdict(comparison: Comparison) -> str:
    """Whether the run through the service is the textbook's, bit for bit; if not, where they part."""
    name, difference = f"stepd.{comparison.textbook.__name__}", comparison.difference
    if difference is None:
        return (
            f"bit for bit equal: params after each of {comparison.steps} steps, and the state at the end, "
            f"are those of {name} in this process"
        )
    return (
        f"NOT EQUAL: after step {difference.step}, {difference.place} is {difference.service!r}; "
        f"{name} in this process, fed the same gradients, has {difference.textbook!r}"
    )
