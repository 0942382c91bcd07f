"""The two textbook forms, without a server: a class that keeps the state, and functions with state in and state out.

Both run the catalogue's rules through the blocked driver, so their results equal a session's bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from stepd.errors import InvalidTensors, ShapeMismatch, StepNotFinite, ValueNotFinite
from stepd.optimizers.adadelta import ADADELTA
from stepd.optimizers.adagrad import ADAGRAD
from stepd.optimizers.blocked import BlockedDriver
from stepd.optimizers.contract import FloatArray, Number, Rule
from stepd.optimizers.rmsprop import RMSPROP
from stepd.optimizers.sgd import SGD as SGD_RULE
from stepd.values import DTYPES

_DRIVER = BlockedDriver()


class TextbookOptimizer:
    """One array's optimizer with its state inside. `state` is None until the first update.

    The dtype is that of the first params: float32 stays float32, everything else becomes float64.
    """

    rule: ClassVar[Rule]

    def __init__(self, **hyper: Number) -> None:
        self._hyper = hyper
        self._dtype: np.dtype[Any] | None = None
        self.rule.resolve(hyper, DTYPES["float64"])  # a wrong value fails here and not at the first update
        self.state: dict[str, FloatArray] | None = None
        self.step = 0

    def update(self, params: npt.ArrayLike, grads: npt.ArrayLike) -> FloatArray:
        """Takes one step and returns the new params.

        Args:
            params: any shape; never written to.
            grads: the shape of `params`.

        Returns:
            A new array of the shape of `params`, owned by the caller.

        Raises:
            ShapeMismatch: grads or params have another shape than the state.
            ValueNotFinite: params or grads hold NaN or an infinity.
            StepNotFinite: the result would not be finite. The state is unchanged after every error.
        """
        new_params, state = update(self.rule, self._hyper, params, grads, self.state, dtype=self._dtype)
        self.state, self.step, self._dtype = state, self.step + 1, new_params.dtype
        return new_params


class Adadelta(TextbookOptimizer):
    """Adadelta (Zeiler 2012): `lr=1.0, rho=0.95, eps=1e-6, weight_decay=0.0, maximize=False`.

    >>> optimizer = Adadelta(rho=0.95, eps=1e-6)
    >>> optimizer.update([1.0, 2.0], [0.5, -0.5])
    array([0.99552804, 2.00447196])
    """

    rule = ADADELTA


class Adagrad(TextbookOptimizer):
    """Adagrad: `lr=0.01, eps=1e-10, weight_decay=0.0, maximize=False`.

    >>> Adagrad(lr=0.1).update([1.0], [0.5])
    array([0.9])
    """

    rule = ADAGRAD


class RMSprop(TextbookOptimizer):
    """RMSprop: `lr=0.01, alpha=0.99, eps=1e-8, weight_decay=0.0, maximize=False`.

    >>> RMSprop().update([1.0], [0.5])
    array([0.90000002])
    """

    rule = RMSPROP


class SGD(TextbookOptimizer):
    """Gradient descent: `lr=1e-3, momentum=0.0, nesterov=False, weight_decay=0.0, maximize=False`.

    >>> SGD(lr=0.1).update([1.0], [0.5])
    array([0.95])
    """

    rule = SGD_RULE


# By the rule's name, as the catalogue has them.
TEXTBOOK: Mapping[str, type[TextbookOptimizer]] = {one.rule.name: one for one in (Adadelta, Adagrad, RMSprop, SGD)}


def adadelta_update(
    params: npt.ArrayLike,
    grads: npt.ArrayLike,
    square_avg: npt.ArrayLike,
    acc_delta: npt.ArrayLike,
    **hyper: Number,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """One Adadelta step with state in and state out; writes to none of its arguments.

    Args:
        params, grads, square_avg, acc_delta: arrays or numbers of one shape.
        hyper: `lr, rho, eps, weight_decay, maximize`, as in `Adadelta`.

    Returns:
        New arrays `(params, square_avg, acc_delta)`.

    Raises:
        As `TextbookOptimizer.update`.

    >>> params, square_avg, acc_delta = adadelta_update([1.0], [0.5], [0.0], [0.0])
    >>> params, square_avg
    (array([0.99552804]), array([0.0125]))
    """
    state = {"square_avg": square_avg, "acc_delta": acc_delta}
    new_params, new_state = update(ADADELTA, hyper, params, grads, state)
    return new_params, new_state["square_avg"], new_state["acc_delta"]


def update(
    rule: Rule,
    hyper: dict[str, Number],
    params: npt.ArrayLike,
    grads: npt.ArrayLike,
    state: Any = None,
    *,
    dtype: np.dtype[Any] | None = None,
) -> tuple[FloatArray, dict[str, FloatArray]]:
    """One step of any rule with state in (None: zeros) and state out. `dtype` None: that of `params`."""
    given = np.asarray(params)
    if dtype is None:
        dtype = DTYPES["float32" if given.dtype == np.float32 else "float64"]
    optimizer = rule.resolve(hyper, dtype)
    vectors = [_vector("params", given, dtype, given.shape), _vector("grads", grads, dtype, given.shape)]
    for slot in rule.slots:
        before = np.zeros(given.shape, dtype) if state is None else state[slot.name]
        vectors.append(_vector(slot.name, before, dtype, given.shape))
        if slot.average_of_squares and (vectors[-1] < 0).any():
            raise InvalidTensors(f"{slot.name} has a negative value; an average of squares has none")
    results = [np.empty_like(vectors[0]) for _ in vectors[1:]]
    constants = optimizer.constants(dtype)
    if not _DRIVER.step(rule, constants, vectors[1], vectors[0], tuple(vectors[2:]), results[0], tuple(results[1:])):
        raise StepNotFinite("the step's result would not be finite; nothing has changed")
    shaped = [result.reshape(given.shape) for result in results]
    return shaped[0], dict(zip(rule.slot_names, shaped[1:], strict=True))


def _vector(name: str, given: npt.ArrayLike, dtype: np.dtype[Any], shape: tuple[int, ...]) -> FloatArray:
    array = np.asarray(given)
    if array.shape != shape:
        raise ShapeMismatch(f"{name} has shape {list(array.shape)}, params has {list(shape)}")
    if array.dtype.kind not in "fiu":
        raise InvalidTensors(f"{name} has dtype {array.dtype}; it must hold numbers")
    with np.errstate(over="ignore"):  # what is too large for float32 is refused below
        vector = np.ascontiguousarray(array, dtype).reshape(-1)
    if not np.isfinite(vector).all():
        raise ValueNotFinite(f"{name} holds NaN or an infinity (in {dtype.name})")
    return vector
