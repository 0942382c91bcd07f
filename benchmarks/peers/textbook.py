"""The textbook class: the published formula in NumPy, line by line, as found in courses and blog posts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.floating[Any]]


class Adadelta:
    """Keeps the state; takes params and gradients, gives new params."""

    def __init__(self, lr: float = 1.0, rho: float = 0.95, eps: float = 1e-6) -> None:
        self.lr, self.rho, self.eps = lr, rho, eps
        self.square_avg: Vector | None = None
        self.acc_delta: Vector | None = None

    def update(self, params: Vector, grads: Vector) -> Vector:
        """One step."""
        if self.square_avg is None or self.acc_delta is None:
            self.square_avg, self.acc_delta = np.zeros_like(params), np.zeros_like(params)
        self.square_avg = self.rho * self.square_avg + (1 - self.rho) * (grads * grads)
        delta = -(np.sqrt(self.acc_delta + self.eps) / np.sqrt(self.square_avg + self.eps)) * grads
        self.acc_delta = self.rho * self.acc_delta + (1 - self.rho) * (delta * delta)
        return params + self.lr * delta
