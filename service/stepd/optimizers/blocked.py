"""The driver that runs a rule over cache-sized slices with NumPy. Always there; the reference for the compiled one."""

from __future__ import annotations

import numpy as np

from stepd.optimizers.contract import Constants, FloatArray, Rule

# Bytes of one vector's slice. A rule touches about ten such slices (its inputs, outputs and temporaries), which
# together must stay in the second-level cache.
BLOCK_BYTES = 64 * 1024


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
        block = BLOCK_BYTES // params.itemsize
        finite = True
        with np.errstate(all="ignore"):  # what overflows is found below and refused
            for start in range(0, params.size, block):
                part = slice(start, start + block)
                g, p = grads[part], params[part]
                if constants.maximize:
                    g = -g
                if constants.weight_decay is not None:
                    g = g + constants.weight_decay * p
                delta, *results = rule.function(g, *[slot[part] for slot in slots], *constants.rule)
                new_params[part] = p + constants.lr * delta
                finite = finite and bool(np.isfinite(new_params[part]).all())
                for new_slot, result in zip(new_slots, results, strict=True):
                    new_slot[part] = result
                    finite = finite and bool(np.isfinite(result).all())
        return finite
