"""The training loop: a gradient here, a step in the service, and what the model can do after it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from stepd.demo import softmax
from stepd.demo.comparison import Comparison
from stepd.demo.digits import Digits
from stepd.demo.softmax import Evaluation
from stepd_client import Session


class Point(NamedTuple):
    """A point of the learning curve: how well the params do after so many steps."""

    step: int
    train: Evaluation
    test: Evaluation


class Training(NamedTuple):
    """What came of it.

    Attributes:
        curve: a point for the start and for each step.
        seconds: what the whole loop took: gradients, requests, evaluations, comparison.
        round_trips_s: what each step took from its call to its answer, in seconds.
    """

    curve: list[Point]
    seconds: float
    round_trips_s: list[float]


def train(
    session: Session, digits: Digits, steps: int, comparison: Comparison, watch: Callable[[Point], None]
) -> Training:
    """Takes so many steps, each with the gradient of all training images, from the session's params on.

    Args:
        session: holds params as `softmax.zeros()` has them.
        digits: to train and to test on.
        steps: at least 1.
        comparison: is fed the same gradients, and the params that come back.
        watch: is called with each point of the curve.

    Raises:
        stepd_client.StepdError: as `Session.step`.
    """
    curve: list[Point] = []
    round_trips_s: list[float] = []

    def note(train: Evaluation, params: softmax.Params) -> None:
        curve.append(Point(len(curve), train, softmax.evaluate(params, digits.test)))
        watch(curve[-1])

    start = time.perf_counter()
    params: softmax.Params = session.params
    for _ in range(steps):
        evaluation, grads = softmax.evaluate_with_gradient(params, digits.train)
        note(evaluation, params)
        sent = time.perf_counter()
        params = session.step(grads)
        round_trips_s.append(time.perf_counter() - sent)
        comparison.step(grads, params)
    note(softmax.evaluate(params, digits.train), params)
    return Training(curve, time.perf_counter() - start, round_trips_s)
