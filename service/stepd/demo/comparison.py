"""The same run without a service: the textbook class, fed the same gradients, and where the two first differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stepd.demo.softmax import Params
from stepd.optimizers.textbook import TEXTBOOK


class Difference(NamedTuple):
    """The first value whose bits differ."""

    step: int
    place: str
    service: float
    textbook: float


class Comparison:
    """A textbook optimizer for each tensor, going the way of a session beside it.

    Args:
        optimizer: a name of the catalogue under `name`, and hyper-parameters, as a session has them.
        params: those that the session starts from; not written to.

    Raises:
        KeyError: there is no textbook class of that name.

    >>> comparison = Comparison({"name": "adadelta", "rho": 0.95}, {"w": np.array([1.0])})
    >>> comparison.step({"w": np.array([0.5])}, {"w": np.array([0.9955280429197062])})
    >>> comparison.step({"w": np.array([0.5])}, {"w": np.array([0.9])})
    >>> comparison.difference
    Difference(step=2, place='params of w[0]', service=0.9, textbook=0.9910559763796385)
    """

    def __init__(self, optimizer: Mapping[str, Any], params: Params) -> None:
        hyper = {name: value for name, value in optimizer.items() if name != "name"}
        self.textbook = TEXTBOOK[optimizer["name"]]
        self._optimizers = {tensor: self.textbook(**hyper) for tensor in params}
        self._params = dict(params)
        self.steps = 0
        self.difference: Difference | None = None

    def step(self, grads: Params, params: Params) -> None:
        """Takes the textbook step with these gradients; `params` are what the service made of them."""
        self.steps += 1
        for tensor, optimizer in self._optimizers.items():
            self._params[tensor] = optimizer.update(self._params[tensor], grads[tensor])
            self._compare(f"params of {tensor}", params[tensor], self._params[tensor])

    def state(self, slots: Mapping[str, Params]) -> None:
        """Compares the optimizer state, which the service gives as values of each tensor for each slot."""
        for tensor, optimizer in self._optimizers.items():
            for slot, values in (optimizer.state or {}).items():
                self._compare(f"{slot} of {tensor}", slots[slot][tensor], values)

    def _compare(self, place: str, service: npt.NDArray[Any], textbook: npt.NDArray[Any]) -> None:
        differing = np.argwhere(service.view(np.uint64) != textbook.view(np.uint64))
        if self.difference is None and differing.size:
            index = tuple(map(int, differing[0]))
            where = f"{place}[{', '.join(map(str, index))}]"
            self.difference = Difference(self.steps, where, float(service[index]), float(textbook[index]))
