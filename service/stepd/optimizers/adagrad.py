"""Adagrad (Duchi, Hazan, Singer 2011) as torch has it. Only the rule and its description belong here."""

from typing import Any

from numpy import sqrt

from stepd.optimizers.contract import MAXIMIZE, WEIGHT_DECAY, HyperParameter, Rule, Slot, learning_rate


def adagrad(g: Any, sum: Any, eps: Any) -> tuple[Any, Any]:  # noqa: A002 - the slot's name on the wire and in torch
    """One step: the delta before `lr`, and the sum of squared gradients, which only grows."""
    sum = sum + g * g  # noqa: A001 - as above
    delta = -(g / (sqrt(sum) + eps))
    return delta, sum


ADAGRAD = Rule(
    name="adagrad",
    function=adagrad,
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
