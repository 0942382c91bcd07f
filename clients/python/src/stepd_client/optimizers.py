"""The optimizers of the service's catalogue as frozen dataclasses: names, hyper-parameters and slots, no arithmetic.

A hyper-parameter that is None is left to the service, whose default is in the docstring; ranges are checked there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar


@dataclass(frozen=True, kw_only=True, slots=True)
class Optimizer:
    """What all optimizers have. Use one of Adadelta, Adagrad, RMSprop and SGD.

    Args:
        lr: scales each step; at least 0. Each optimizer has its own default.
        weight_decay: L2 penalty, added to the gradient as weight_decay * params; at least 0. Default 0.
        maximize: turns the gradient around, to climb. Default False.
    """

    name: ClassVar[str]
    slots: ClassVar[tuple[str, ...]]

    lr: float | None = None
    weight_decay: float | None = None
    maximize: bool | None = None

    def document(self) -> dict[str, Any]:
        """As the service takes it: the name, and what is not left to the service.

        >>> Adadelta(rho=0.9).document()
        {'name': 'adadelta', 'rho': 0.9}
        """
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"name": self.name, **{name: value for name, value in given.items() if value is not None}}


@dataclass(frozen=True, kw_only=True, slots=True)
class Adadelta(Optimizer):
    """Adadelta (Zeiler 2012). Its default `lr` is 1: the paper has no learning rate.

    Args:
        rho: decay of both running averages; 0 <= rho < 1. Default 0.95.
        eps: inside both roots; above 0. Default 1e-6.
    """

    name: ClassVar[str] = "adadelta"
    slots: ClassVar[tuple[str, ...]] = ("square_avg", "acc_delta")

    rho: float | None = None
    eps: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Adagrad(Optimizer):
    """Adagrad (Duchi, Hazan, Singer 2011). Its default `lr` is 0.01.

    Args:
        eps: added to the root; above 0. Default 1e-10.
    """

    name: ClassVar[str] = "adagrad"
    slots: ClassVar[tuple[str, ...]] = ("sum",)

    eps: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RMSprop(Optimizer):
    """RMSprop (Tieleman, Hinton 2012). Its default `lr` is 0.01.

    Args:
        alpha: decay of the running average; 0 <= alpha < 1. Default 0.99.
        eps: added to the root; above 0. Default 1e-8.
    """

    name: ClassVar[str] = "rmsprop"
    slots: ClassVar[tuple[str, ...]] = ("square_avg",)

    alpha: float | None = None
    eps: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SGD(Optimizer):
    """Gradient descent with (Nesterov) momentum. Its default `lr` is 0.001.

    Args:
        momentum: decay of the momentum buffer; 0 <= momentum < 1. Default 0.
        nesterov: looks one momentum step ahead; needs a momentum above 0. Default False.
    """

    name: ClassVar[str] = "sgd"
    slots: ClassVar[tuple[str, ...]] = ("momentum_buffer",)

    momentum: float | None = None
    nesterov: bool | None = None


def optimizer_document(optimizer: Optimizer | Mapping[str, Any]) -> dict[str, Any]:
    """As the service takes it. A mapping goes as it is, for rules that this version does not know."""
    return optimizer.document() if isinstance(optimizer, Optimizer) else dict(optimizer)


_SLOTS = {optimizer.name: optimizer.slots for optimizer in (Adadelta, Adagrad, RMSprop, SGD)}


def slot_order(name: str, slots: Iterable[str]) -> list[str]:
    """The slots of an optimizer in the order of the catalogue; those that this version does not know as they come.

    >>> slot_order("adadelta", ["acc_delta", "square_avg"])
    ['square_avg', 'acc_delta']
    """
    known = _SLOTS.get(name, ())
    return sorted(slots, key=lambda slot: known.index(slot) if slot in known else len(known))
