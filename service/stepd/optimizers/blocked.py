"""The driver that runs a rule over cache-sized slices with NumPy. Always there; the reference for the compiled one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np

from stepd.optimizers.contract import Constants, FloatArray, Rule
from stepd.values import largest

# Bytes of one vector's slice. A rule touches about ten such slices (its inputs, outputs and temporaries): small, they
# stay near the processor; large, NumPy is called less often. glibc may give chunks beyond 64 KiB back to the system as
# soon as they are free, and zeroing them anew for the next slice takes longer than the rule does.
BLOCK_BYTES = 64 * 1024

# Gradients, params and slots, and where the new params and slots go.
Block = tuple[FloatArray, FloatArray, tuple[FloatArray, ...], FloatArray, tuple[FloatArray, ...]]


class BlockedDriver:
    """Runs rules with NumPy, slice after slice, so that temporaries stay in the cache."""

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
            for g, now, state, after, new_state in _blocks((grads, params, slots, new_params, new_slots)):
                _apply(rule, constants, g, now, state, after, new_state)
                finite = finite and largest(after) < math.inf and max(map(largest, new_state)) < math.inf
        return finite

    def advance(
        self,
        rule: Rule,
        constants: Constants,
        grads: FloatArray,
        params: FloatArray,
        slots: tuple[FloatArray, ...],
    ) -> None:
        for block in _blocks((grads, params, slots, params, slots)):
            _apply(rule, constants, *block)


def _blocks(vectors: Block) -> Iterable[Block]:
    """The vectors slice after slice; as they are where they are short."""
    size = BLOCK_BYTES // vectors[0].itemsize
    return (vectors,) if vectors[0].size <= size else _slices(size, *vectors)


def _slices(
    size: int,
    grads: FloatArray,
    params: FloatArray,
    slots: tuple[FloatArray, ...],
    new_params: FloatArray,
    new_slots: tuple[FloatArray, ...],
) -> Iterator[Block]:
    for start in range(0, params.size, size):
        part = slice(start, start + size)
        state, new_state = tuple(slot[part] for slot in slots), tuple(slot[part] for slot in new_slots)
        yield grads[part], params[part], state, new_params[part], new_state


def _apply(
    rule: Rule,
    constants: Constants,
    g: FloatArray,
    params: FloatArray,
    slots: tuple[FloatArray, ...],
    new_params: FloatArray,
    new_slots: tuple[FloatArray, ...],
) -> None:
    """One step of one slice.

    The new vectors may be the old ones. All memory that NumPy needs is taken before anything is written.
    """
    constants = _as_arrays(constants)
    if constants.maximize:
        g = -g
    if constants.weight_decay is not None:
        g = g + constants.weight_decay * params
    delta, *results = rule.function(g, *slots, *constants.rule)
    np.add(params, constants.lr * delta, new_params)
    for slot, result in zip(new_slots, results, strict=True):
        slot[...] = result


@lru_cache(maxsize=64)
def _as_arrays(constants: Constants) -> Constants:
    """The constants as arrays without dimensions, which NumPy combines with vectors sooner than scalars."""
    return constants.each(np.asarray)
