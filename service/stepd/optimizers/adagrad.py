"""Adagrad (Duchi, Hazan, Singer 2011) as torch has it. Only the rule and its description belong here."""

import math
from typing import Any

from numpy import sqrt

from stepd.optimizers.contract import MAXIMIZE, WEIGHT_DECAY, HyperParameter, Reach, Rule, Slot, learning_rate


def adagrad(g: Any, sum: Any, eps: Any) -> tuple[Any, Any]:  # noqa: A002 - the slot's name on the wire and in torch
    """One step: the delta before `lr`, and the sum of squared gradients, which only grows."""
    sum = sum + g * g  # noqa: A001 - as above
    delta = -(g / (sqrt(sum) + eps))
    return delta, sum


def adagrad_bound(tiny: float, g: float, sum: float, eps: float) -> Reach:  # noqa: A002 - as above
    """How far one step can go, see `BoundFunction`.

    The root of the new sum is not below g unless g * g underflows, which an eps whose own square does not makes good.
    """
    squared = g * g
    sum = sum + squared  # noqa: A001 - as above
    delta = g / eps
    if eps * eps > tiny:
        delta = min(delta, 1.0)
    return Reach(max(sum, math.sqrt(sum) + eps), delta, (sum,))


ADAGRAD = Rule(
    name="adagrad",
    function=adagrad,
    bound=adagrad_bound,
    slots=(Slot("sum", True, "the sum of squared gradients since step 0"),),
    hyper_parameters=(
        learning_rate(0.01),
        HyperParameter("eps", 1e-10, "added to the root; keeps the first division finite", above_minimum=True),
        WEIGHT_DECAY,
        MAXIMIZE,
    ),
    derive=lambda hyper: (hyper["eps"],),
    formula=("sum = sum + g * g", "delta = -(g / (sqrt(sum) + eps))", "params = params + lr * delta"),
    reference="Duchi, Hazan, Singer, Adaptive Subgradient Methods, JMLR 12, 2011; torch.optim.Adagrad",
)
