"""What the C library does with memory that is given back: keeps enough of it for the next request's vectors.

glibc returns the end of its heap to the system as soon as some of it is free, and the system zeroes every page anew
when the next request writes there: a step of 100,000 values spent a sixth of its time so (docs/decisions/0013).
"""

from __future__ import annotations

import ctypes

# Bytes of a vector from which on the system is asked for memory of its own, which goes back to it at once: on the heap
# it would leave a hole that the next, a little longer, does not fit in.
OWN_MEMORY_BYTES = 16 * 2**20
# Bytes at the end of the heap that are kept when they are free.
KEPT_BYTES = 64 * 2**20

# As <malloc.h> has them.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def keep_freed_memory() -> bool:
    """Sets this for the process; returns False where the C library is another, which is left as it is."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # musl and macOS have none, Windows has no name for the process itself
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, OWN_MEMORY_BYTES) and mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES))
