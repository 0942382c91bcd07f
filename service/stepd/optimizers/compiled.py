"""The driver that runs a rule inside one numba loop: the same function, the same bits, at memory speed.

numba is imported only when `compile_driver` is called, so that everything works without it. Nothing here may enable
fast-math: no fused multiply-add, no re-association.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from stepd.optimizers.contract import Constants, FloatArray, Rule
from stepd.values import DTYPES

# A function, or numba's dispatcher for one.
Kernel = Any


class Kernels(NamedTuple):
    """The loops of one rule: beside the state, and in place."""

    step: Kernel
    advance: Kernel


def one_slot_kernels(rule: Callable[..., Any], isfinite: Callable[..., Any]) -> Kernels:
    """The loops of a rule with one slot, to be compiled or interpreted."""

    def step(lr, decays, weight_decay, maximize, constants, grads, params, slot, new_params, new_slot):  # type: ignore[no-untyped-def]
        finite = True
        for i in range(params.size):
            g = -grads[i] if maximize else grads[i]
            if decays:
                g = g + weight_decay * params[i]
            delta, new_slot[i] = rule(g, slot[i], *constants)
            new_params[i] = params[i] + lr * delta
            finite &= isfinite(new_params[i]) & isfinite(new_slot[i])
        return finite

    def advance(lr, decays, weight_decay, maximize, constants, grads, params, slot):  # type: ignore[no-untyped-def]
        for i in range(params.size):
            g = -grads[i] if maximize else grads[i]
            if decays:
                g = g + weight_decay * params[i]
            delta, slot[i] = rule(g, slot[i], *constants)
            params[i] = params[i] + lr * delta

    return Kernels(step, advance)


def two_slot_kernels(rule: Callable[..., Any], isfinite: Callable[..., Any]) -> Kernels:
    """The loops of a rule with two slots, to be compiled or interpreted."""

    def step(lr, decays, weight_decay, maximize, constants, grads, params, first, second, new_params, new_first, new_second):  # type: ignore[no-untyped-def]  # fmt: skip
        finite = True
        for i in range(params.size):
            g = -grads[i] if maximize else grads[i]
            if decays:
                g = g + weight_decay * params[i]
            delta, new_first[i], new_second[i] = rule(g, first[i], second[i], *constants)
            new_params[i] = params[i] + lr * delta
            finite &= isfinite(new_params[i]) & isfinite(new_first[i]) & isfinite(new_second[i])
        return finite

    def advance(lr, decays, weight_decay, maximize, constants, grads, params, first, second):  # type: ignore[no-untyped-def]
        for i in range(params.size):
            g = -grads[i] if maximize else grads[i]
            if decays:
                g = g + weight_decay * params[i]
            delta, first[i], second[i] = rule(g, first[i], second[i], *constants)
            params[i] = params[i] + lr * delta

    return Kernels(step, advance)


# One pair of loops per number of slots: numba can't unroll over a tuple of arrays.
KERNELS = {1: one_slot_kernels, 2: two_slot_kernels}


class CompiledDriver:
    """Runs rules through the loops that were made for them.

    `kernels` holds them by the rule's name and the dtype's character, `dispatchers` by the rule's name what compiled
    them, which shows their code.
    """

    name = "compiled"

    def __init__(
        self, kernels: Mapping[tuple[str, str], Kernels], dispatchers: Mapping[str, Kernels] | None = None
    ) -> None:
        self.kernels = kernels
        self.dispatchers = dispatchers or {}

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
        kernel = self.kernels[rule.name, params.dtype.char].step
        return bool(kernel(*_scalars(constants), grads, params, *slots, new_params, *new_slots))

    def advance(
        self,
        rule: Rule,
        constants: Constants,
        grads: FloatArray,
        params: FloatArray,
        slots: tuple[FloatArray, ...],
    ) -> None:
        self.kernels[rule.name, params.dtype.char].advance(*_scalars(constants), grads, params, *slots)


def _scalars(constants: Constants) -> tuple[Any, ...]:
    decay = constants.weight_decay
    # Where nothing decays the number is not used, but it has a type.
    return constants.lr, decay is not None, constants.lr if decay is None else decay, constants.maximize, constants.rule


def interpreted_driver(rules: Iterable[Rule]) -> CompiledDriver:
    """The compiled driver's loops, run by the interpreter: slow, and for tests of the loops themselves."""
    kernels: dict[tuple[str, str], Kernels] = {}
    for rule in rules:
        pair = KERNELS[len(rule.slots)](rule.function, math.isfinite)
        kernels |= {(rule.name, dtype.char): pair for dtype in DTYPES.values()}
    return CompiledDriver(kernels)


def compile_driver(rules: Iterable[Rule]) -> CompiledDriver:
    """Compiles every rule for every dtype. Takes seconds; raises ImportError where numba is not installed.

    What it keeps are the compiled functions themselves and not numba's dispatchers in front of them, which look at the
    type of every argument in every call. A function converts its arguments to the types it was compiled for, and
    refuses arrays of another dtype.
    """
    numba: Any = importlib.import_module("numba")  # an extra, and slow to import
    compiled = numba.njit(error_model="numpy", fastmath=False, nogil=True)
    kernels: dict[tuple[str, str], Kernels] = {}
    dispatchers: dict[str, Kernels] = {}
    for rule in rules:
        function = numba.njit(error_model="numpy", fastmath=False)(rule.function)
        pair = dispatchers[rule.name] = Kernels(*map(compiled, KERNELS[len(rule.slots)](function, np.isfinite)))
        for dtype in DTYPES.values():
            of_step, of_advance = _signatures(numba, rule, dtype)
            kernels[rule.name, dtype.char] = Kernels(pair.step.compile(of_step), pair.advance.compile(of_advance))
    return CompiledDriver(kernels, dispatchers)


def _signatures(numba: Any, rule: Rule, dtype: np.dtype[Any]) -> tuple[Any, Any]:
    """What the two loops of a rule are compiled for. What is only read may be read-only."""
    scalar = numba.from_dtype(dtype)
    read, write = numba.types.Array(scalar, 1, "C", readonly=True), scalar[::1]
    defaults = {parameter.name: parameter.default for parameter in rule.hyper_parameters}
    derived = numba.types.Tuple([numba.boolean if isinstance(each, bool) else scalar for each in rule.derive(defaults)])
    given = (scalar, numba.boolean, scalar, numba.boolean, derived, read)
    count = 1 + len(rule.slots)
    return numba.boolean(*given, *[read] * count, *[write] * count), numba.void(*given, *[write] * count)
