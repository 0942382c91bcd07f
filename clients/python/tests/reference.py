"""Adadelta as the paper has it, for comparison: nothing of the service's or the client's code is in it."""

import numpy as np


class ReferenceAdadelta:
    """Plain NumPy in the session's dtype, constants derived in float64."""

    def __init__(self, params, rho=0.95, eps=1e-6, lr=1.0):
        self.params = np.array(params)
        scalar = self.params.dtype.type
        self.rho, self.one_minus_rho, self.eps, self.lr = scalar(rho), scalar(1.0 - rho), scalar(eps), scalar(lr)
        self.square_avg = np.zeros_like(self.params)
        self.acc_delta = np.zeros_like(self.params)

    def step(self, grads):
        """One step; returns the new params."""
        g = np.asarray(grads, self.params.dtype)
        self.square_avg = self.rho * self.square_avg + self.one_minus_rho * (g * g)
        delta = -(np.sqrt(self.acc_delta + self.eps) / np.sqrt(self.square_avg + self.eps)) * g
        self.acc_delta = self.rho * self.acc_delta + self.one_minus_rho * (delta * delta)
        self.params = self.params + self.lr * delta
        return self.params
