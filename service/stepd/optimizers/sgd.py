"""Gradient descent with (Nesterov) momentum as torch has it. Only the rule and its description belong here."""

from collections.abc import Mapping
from typing import Any

from stepd.errors import FieldError, HyperParameterInvalid
from stepd.optimizers.contract import MAXIMIZE, WEIGHT_DECAY, HyperParameter, Number, Reach, Rule, Slot, learning_rate


def sgd(g: Any, momentum_buffer: Any, momentum: Any, nesterov: bool) -> tuple[Any, Any]:
    """One step: the delta before `lr`, and the momentum buffer (the gradient itself where momentum is 0)."""
    momentum_buffer = momentum * momentum_buffer + g
    delta = -(g + momentum * momentum_buffer) if nesterov else -momentum_buffer
    return delta, momentum_buffer


def sgd_bound(_: float, g: float, momentum_buffer: float, momentum: float, nesterov: bool) -> Reach:
    """How far one step can go, see `BoundFunction`."""
    momentum_buffer = momentum * momentum_buffer + g
    delta = g + momentum * momentum_buffer if nesterov else momentum_buffer
    return Reach(max(momentum_buffer, delta), delta, (momentum_buffer,))


def nesterov_needs_momentum(hyper: Mapping[str, Number]) -> None:
    """Raises HyperParameterInvalid where nesterov would look ahead along no momentum, as torch does."""
    if hyper["nesterov"] and hyper["momentum"] == 0:
        detail = "nesterov is true and momentum is 0.0; nesterov needs a momentum above 0"
        raise HyperParameterInvalid(detail, errors=[FieldError("/optimizer/nesterov", detail)])


SGD = Rule(
    name="sgd",
    function=sgd,
    bound=sgd_bound,
    slots=(Slot("momentum_buffer", False, "the decaying sum of gradients"),),
    hyper_parameters=(
        learning_rate(1e-3),
        HyperParameter("momentum", 0.0, "decay of the momentum buffer", below=1.0),
        HyperParameter("nesterov", False, "looks one momentum step ahead"),
        WEIGHT_DECAY,
        MAXIMIZE,
    ),
    derive=lambda hyper: (hyper["momentum"], hyper["nesterov"]),
    formula=(
        "momentum_buffer = momentum * momentum_buffer + g",
        "delta = -momentum_buffer, or with nesterov -(g + momentum * momentum_buffer)",
        "params = params + lr * delta",
    ),
    reference="Sutskever et al., On the importance of initialization and momentum, ICML 2013; torch.optim.SGD",
    consistent=nesterov_needs_momentum,
)
