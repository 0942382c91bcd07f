"""The driver that runs a rule over cache-sized slices with NumPy. Always there; the reference for the compiled one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from stepd.optimizers.contract import Constants, FloatArray, Rule
from stepd.optimizers.program import Program, program_of
from stepd.values import largest

# Bytes of one vector's slice. A step goes over its vectors and scratch some twenty times: small, they stay near the
# processor; large, NumPy is called less often.
BLOCK_BYTES = 128 * 1024


Vectors = tuple[FloatArray, ...]


class BlockedDriver:
    """Runs rules with NumPy, slice after slice, so that values on the way stay in the cache."""

    name = "blocked"

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
        finite = True
        with np.errstate(all="ignore"):  # what overflows is found and refused
            for slices in _step_slices(rule, constants, (grads, params, *slots, new_params, *new_slots)):
                finite = finite and max(map(largest, slices[-len(new_slots) - 1 :])) < math.inf
        return finite

    def advance(
        self,
        rule: Rule,
        constants: Constants,
        grads: FloatArray,
        params: FloatArray,
        slots: tuple[FloatArray, ...],
    ) -> None:
        for _ in _step_slices(rule, constants, (grads, params, *slots, params, *slots)):
            pass


def _step_slices(rule: Rule, constants: Constants, vectors: Vectors) -> Iterable[Vectors]:
    """Steps slice after slice, and gives each that is done; the vectors themselves where they are short.

    All memory is taken before anything is written.

    Args:
        vectors: gradients, params, slots, new params, new slots, of which the new may be the old.
    """
    program, numbers = program_of(rule.function, len(rule.slots), constants)
    first = vectors[0]
    if first.nbytes <= BLOCK_BYTES:
        program.run(vectors, _scratch(program, first.size, first.dtype), numbers)
        return (vectors,)
    return _slices(program, numbers, vectors)


def _slices(program: Program, numbers: Sequence[Any], vectors: Vectors) -> Iterator[Vectors]:
    size, dtype = vectors[0].size, vectors[0].dtype
    length = BLOCK_BYTES // dtype.itemsize
    scratch = _scratch(program, length, dtype)
    for start in range(0, size, length):
        slices = tuple([vector[start : start + length] for vector in vectors])
        if size - start < length:
            scratch = [vector[: size - start] for vector in scratch]
        program.run(slices, scratch, numbers)
        yield slices


def _scratch(program: Program, size: int, dtype: np.dtype[Any]) -> list[FloatArray]:
    return [np.empty(size, dtype) for _ in range(program.scratch)]
