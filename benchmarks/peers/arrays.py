"""The arrays of one step, the same for every contestant: gradients, params and Adadelta's two slots, in float64."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from benchmarks.peers.textbook import Vector

LR, RHO, EPS = 1.0, 0.95, 1e-6


@dataclass(slots=True)
class Arrays:
    """Everything that a step reads and writes."""

    grads: Vector
    params: Vector
    square_avg: Vector = field(init=False)
    acc_delta: Vector = field(init=False)

    def __post_init__(self) -> None:
        self.square_avg, self.acc_delta = np.zeros_like(self.params), np.zeros_like(self.params)


def arrays(size: int) -> Arrays:
    """Arrays of one's own: normally distributed, the same values in every run."""
    random = np.random.default_rng(7)
    return Arrays(random.standard_normal(size), random.standard_normal(size))
