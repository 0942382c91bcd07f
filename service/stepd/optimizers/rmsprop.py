"""RMSprop (Tieleman, Hinton 2012) as torch has it. Only the rule and its description belong here."""

import math
from typing import Any

from numpy import sqrt

from stepd.optimizers.contract import MAXIMIZE, WEIGHT_DECAY, HyperParameter, Reach, Rule, Slot, learning_rate


def rmsprop(g: Any, square_avg: Any, alpha: Any, one_minus_alpha: Any, eps: Any) -> tuple[Any, Any]:
    """One step: the delta before `lr`, and the running average of squared gradients."""
    square_avg = alpha * square_avg + one_minus_alpha * (g * g)
    delta = -(g / (sqrt(square_avg) + eps))
    return delta, square_avg


def rmsprop_bound(tiny: float, g: float, square_avg: float, alpha: float, one_minus_alpha: float, eps: float) -> Reach:
    """How far one step can go, see `BoundFunction`.

    The root of the new square_avg is not below sqrt(one_minus_alpha) * g unless a square underflows, which an eps
    whose own square does not makes good.
    """
    squared = g * g
    square_avg = alpha * square_avg + one_minus_alpha * squared
    delta = g / eps
    if eps * eps > tiny:
        delta = min(delta, 1.0 / math.sqrt(one_minus_alpha))
    return Reach(max(squared, square_avg, math.sqrt(square_avg) + eps), delta, (square_avg,))


RMSPROP = Rule(
    name="rmsprop",
    function=rmsprop,
    bound=rmsprop_bound,
    slots=(Slot("square_avg", True, "the running average of squared gradients"),),
    hyper_parameters=(
        learning_rate(0.01),
        HyperParameter("alpha", 0.99, "decay of the running average", below=1.0),
        HyperParameter("eps", 1e-8, "added to the root; keeps the division finite", above_minimum=True),
        WEIGHT_DECAY,
        MAXIMIZE,
    ),
    derive=lambda hyper: (hyper["alpha"], 1.0 - hyper["alpha"], hyper["eps"]),
    formula=(
        "square_avg = alpha * square_avg + (1 - alpha) * (g * g)",
        "delta = -(g / (sqrt(square_avg) + eps))",
        "params = params + lr * delta",
    ),
    reference="Tieleman, Hinton, Lecture 6.5 of Neural Networks for Machine Learning, 2012; torch.optim.RMSprop",
)
