"""The proof that a step can produce nothing that is not finite, from upper bounds of what goes into it.

With `reach` in hand a step may write over the old state: where the proof succeeds no result needs to be looked at. Each
rule says how far it can go (`Rule.bound`); here belong what drivers do around a rule, what rounding adds, and the
judgement.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from stepd.optimizers.contract import Constants, Rule
from stepd.values import DTYPES

# An upper bound of |params|, then of each |slot|.
Bounds = tuple[float, ...]


class Rounding(NamedTuple):
    """What arithmetic in one dtype adds to exact bounds, and where they are too near its largest value.

    `growth` covers the relative errors of 64 roundings one upon another, where no rule has thirty, its bound's own
    included. `tiny`, the smallest normal value, covers the absolute errors of millions among subnormals. `limit` is so
    far below the largest value that neither matters to what is compared with it.
    """

    growth: float
    tiny: float
    limit: float

    @classmethod
    def of(cls, dtype: np.dtype[Any]) -> Rounding:
        info = np.finfo(dtype)
        return cls(1.0 + 64.0 * float(info.epsneg), float(info.tiny), float(info.max) * 2.0**-10)


ROUNDING: Mapping[str, Rounding] = {dtype.char: Rounding.of(dtype) for dtype in DTYPES.values()}


def prove(rule: Rule, constants: Constants, dtype: np.dtype[Any], largest: float, bounds: Bounds) -> Bounds | None:
    """Bounds that hold after the step, where every value that it computes is finite for certain; else None.

    Args:
        largest: an upper bound of |gradient|.
        bounds: upper bounds of |params| and each |slot| before the step.

    >>> from stepd.optimizers import resolve
    >>> sgd, double = resolve({"name": "sgd", "lr": 0.5}, DTYPES["float64"]), DTYPES["float64"]
    >>> params, momentum_buffer = prove(sgd.rule, sgd.constants(double), double, 2.0, (1.0, 0.0))
    >>> 2.0 < params < 2.0 + 1e-13, 2.0 < momentum_buffer < 2.0 + 1e-13
    (True, True)
    >>> prove(sgd.rule, sgd.constants(double), double, 1e308, (1.0, 0.0)) is None
    True
    """
    growth, tiny, limit = ROUNDING[dtype.char]
    known = constants.each(float)
    params = bounds[0]
    if known.weight_decay is not None:
        largest = (largest + known.weight_decay * params) * growth + tiny
    within, delta, slots = rule.bound(tiny, largest, *bounds[1:], *known.rule)
    moved = params + known.lr * delta
    # A sum of two bounds covers either, what is computed from the gradient covers it, and NaN is below nothing.
    if not (within < limit and delta < limit and moved < limit):
        return None
    return (moved * growth + tiny, *[slot * growth + tiny for slot in slots])
