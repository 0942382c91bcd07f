"""Adadelta (Zeiler 2012), in the paper's order. Only the rule and its description belong here."""

import math
from typing import Any

from numpy import sqrt

from stepd.optimizers.contract import MAXIMIZE, WEIGHT_DECAY, HyperParameter, Reach, Rule, Slot, learning_rate


def adadelta(g: Any, square_avg: Any, acc_delta: Any, rho: Any, one_minus_rho: Any, eps: Any) -> tuple[Any, Any, Any]:
    """One step of Algorithm 1: the delta and the two running averages, before `lr` scales the delta."""
    square_avg = rho * square_avg + one_minus_rho * (g * g)
    # The OLD acc_delta, eps inside both roots, two roots and not the root of a ratio: each change gives other bits.
    delta = -(sqrt(acc_delta + eps) / sqrt(square_avg + eps)) * g
    acc_delta = rho * acc_delta + one_minus_rho * (delta * delta)
    return delta, square_avg, acc_delta


def adadelta_bound(
    tiny: float, g: float, square_avg: float, acc_delta: float, rho: float, one_minus_rho: float, eps: float
) -> Reach:
    """How far one step can go, see `BoundFunction`.

    The new square_avg is neither below 0 nor, but for an underflow that eps makes good, below one_minus_rho * (g * g).
    So the root by which the gradient is divided is at least sqrt(eps), and at least sqrt(one_minus_rho) * g.
    """
    squared = g * g
    square_avg = rho * square_avg + one_minus_rho * squared
    root = math.sqrt(acc_delta + eps)
    ratio = root / math.sqrt(eps)
    # The quotient of the roots may be subnormal; the gradient multiplies its error.
    delta = min(ratio * g, root / math.sqrt(one_minus_rho)) + tiny * (g + 1.0)
    within = max(squared, square_avg + eps, acc_delta + eps, ratio, delta * delta)
    return Reach(within, delta, (square_avg, rho * acc_delta + one_minus_rho * (delta * delta)))


ADADELTA = Rule(
    name="adadelta",
    function=adadelta,
    bound=adadelta_bound,
    slots=(
        Slot("square_avg", True, "E[g^2], the running average of squared gradients"),
        Slot("acc_delta", True, "E[dx^2], the running average of squared deltas, before lr"),
    ),
    hyper_parameters=(
        learning_rate(1.0, "scales the delta; the paper has none, which is 1; never part of the state"),
        HyperParameter("rho", 0.95, "decay of both running averages", below=1.0),
        HyperParameter("eps", 1e-6, "inside both roots; sets the size of the first steps", above_minimum=True),
        WEIGHT_DECAY,
        MAXIMIZE,
    ),
    derive=lambda hyper: (hyper["rho"], 1.0 - hyper["rho"], hyper["eps"]),
    formula=(
        "square_avg = rho * square_avg + (1 - rho) * (g * g)",
        "delta = -(sqrt(acc_delta + eps) / sqrt(square_avg + eps)) * g",
        "acc_delta = rho * acc_delta + (1 - rho) * (delta * delta)",
        "params = params + lr * delta",
    ),
    reference="Zeiler, ADADELTA: An Adaptive Learning Rate Method, 2012, arXiv:1212.5701, Algorithm 1",
)
