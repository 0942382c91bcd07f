"""Which of the vectors that a session is given it may keep and write to, and what is made of the others."""

from __future__ import annotations

import numpy as np

from stepd.values import FloatArray


def owned(vector: FloatArray, *others: FloatArray) -> FloatArray:
    """The vector itself where a session may keep and step it in place, else a copy. Whoever gave it lets go of it.

    Copied is what may not be written to, what shares memory with one of the others, what keeps more memory from being
    freed than it takes (a part of a request's body, say), and what drivers can't read as it is.

    >>> given = np.zeros(3)
    >>> owned(given) is given, owned(given[:2]) is given
    (True, False)
    """
    whole = vector.flags.carray and _memory(vector) == vector.nbytes
    shared = any(np.may_share_memory(vector, other) for other in others)
    return vector if whole and not shared else np.array(vector, order="C")


def readable(vector: FloatArray) -> FloatArray:
    """The vector itself where it lies in memory as drivers read it, contiguous and aligned, else a copy."""
    return vector if vector.flags.c_contiguous and vector.flags.aligned else np.array(vector, order="C")


def lent(vector: FloatArray) -> FloatArray:
    """The same memory for somebody who may only read it. A session that is given that takes a copy."""
    view = vector.view()
    view.flags.writeable = False
    return view


def _memory(vector: FloatArray) -> int:
    """Bytes of what the vector keeps from being freed."""
    holder: object = vector
    while isinstance(holder, np.ndarray) and holder.base is not None:
        holder = holder.base
    try:
        return memoryview(holder).nbytes  # type: ignore[arg-type]
    except TypeError:  # memory of something that does not say how much it is
        return -1
