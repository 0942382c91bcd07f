"""The driver that runs a rule inside one numba loop: the same function, the same bits, at memory speed.

numba is imported only when `compile_driver` is called, so that everything works without it. Nothing here may enable
fast-math: no fused multiply-add, no re-association.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from stepd.optimizers.contract import Constants, FloatArray, Rule
from stepd.values import DTYPES

Kernel = Callable[..., bool]


def one_slot_kernel(rule: Callable[..., Any], isfinite: Callable[..., Any]) -> Kernel:
    """The loop of a rule with one slot, to be compiled or interpreted."""

    def kernel(lr, decays, weight_decay, maximize, constants, grads, params, slot, new_params, new_slot):  # type: ignore[no-untyped-def]
        finite = True
        for i in range(params.size):
            g = -grads[i] if maximize else grads[i]
            if decays:
                g = g + weight_decay * params[i]
            delta, new_slot[i] = rule(g, slot[i], *constants)
            new_params[i] = params[i] + lr * delta
            finite &= isfinite(new_params[i]) & isfinite(new_slot[i])
        return finite

    return kernel


def two_slot_kernel(rule: Callable[..., Any], isfinite: Callable[..., Any]) -> Kernel:
    """The loop of a rule with two slots, to be compiled or interpreted."""

    def kernel(lr, decays, weight_decay, maximize, constants, grads, params, first, second, new_params, new_first, new_second):  # type: ignore[no-untyped-def]  # fmt: skip
        finite = True
        for i in range(params.size):
            g = -grads[i] if maximize else grads[i]
            if decays:
                g = g + weight_decay * params[i]
            delta, new_first[i], new_second[i] = rule(g, first[i], second[i], *constants)
            new_params[i] = params[i] + lr * delta
            finite &= isfinite(new_params[i]) & isfinite(new_first[i]) & isfinite(new_second[i])
        return finite

    return kernel


# One loop per number of slots: numba can't unroll over a tuple of arrays.
KERNELS = {1: one_slot_kernel, 2: two_slot_kernel}


class CompiledDriver:
    """Runs rules through one kernel per rule; a kernel holds code for each dtype."""

    name = "compiled"

    def __init__(self, kernels: Mapping[str, Kernel]) -> None:
        self.kernels = kernels

    def step(
        self,
        rule: Rule,
        constants: Constants,
        grads: FloatArray,
        params: FloatArray,
        slots: tuple[FloatArray, ...],
        new_params: FloatArray,
        new_slots: tuple[FloatArray, ...],
    ) -> bool:
        decays = constants.weight_decay is not None
        return bool(
            self.kernels[rule.name](
                constants.lr,
                decays,
                constants.weight_decay if decays else constants.lr,  # unused where nothing decays, but typed
                constants.maximize,
                constants.rule,
                grads,
                params,
                *slots,
                new_params,
                *new_slots,
            )
        )


def interpreted_driver(rules: Iterable[Rule]) -> CompiledDriver:
    """The compiled driver's loops, run by the interpreter: slow, and for tests of the loops themselves."""
    return CompiledDriver({rule.name: KERNELS[len(rule.slots)](rule.function, math.isfinite) for rule in rules})


def compile_driver(rules: Iterable[Rule]) -> CompiledDriver:
    """Compiles every rule for every dtype. Takes seconds; raises ImportError where numba is not installed."""
    import numba  # noqa: PLC0415 - an extra, and slow to import

    kernels = {}
    for rule in rules:
        function = numba.njit(error_model="numpy", fastmath=False)(rule.function)
        kernel = numba.njit(error_model="numpy", fastmath=False, nogil=True)(
            KERNELS[len(rule.slots)](function, np.isfinite)
        )
        for dtype in DTYPES.values():
            kernel.compile(_signature(numba, rule, dtype))
        # Else numba would compile anew, in the middle of a step, for each mix of read-only and writeable arrays.
        kernel.disable_compile()
        kernels[rule.name] = kernel
    return CompiledDriver(kernels)


def _signature(numba: Any, rule: Rule, dtype: np.dtype[Any]) -> Any:
    scalar = numba.from_dtype(dtype)
    read = numba.types.Array(scalar, 1, "C", readonly=True)
    write = scalar[::1]
    defaults = {parameter.name: parameter.default for parameter in rule.hyper_parameters}
    constants = numba.types.Tuple(
        [numba.boolean if isinstance(value, bool) else scalar for value in rule.derive(defaults)]
    )
    count = len(rule.slots)
    return numba.boolean(
        scalar, numba.boolean, scalar, numba.boolean, constants, read, read, *[read] * count, write, *[write] * count
    )
