"""Vectors of the longest decimals are written within the writer's own memory: under an allocator that checks its ends.

orjson 3.12 and 3.13 write beyond their buffer where most values of a float64 array take 24 characters; without the
detour in `stepd.wire.json` the subprocess below is aborted.
"""

import subprocess
import sys

import numpy as np
import pytest

from tests.wire.documents import assert_same, decode, encode, unnamed

LONGEST = {
    "float64": [-1.2345678901234568e-05, -2.2250738585072014e-308, -1.7976931348623157e308],
    "float32": [-6.3184107e-06, -1.1754944e-38],
}
WRITE = """
import numpy as np
from stepd.values import DTYPES, Tensors, Values
from stepd.wire.json import dumps_vectors, encoded

def written(array, shape):
    values = Values(Tensors.unnamed(shape, array.dtype), array)
    return dumps_vectors({"params": encoded(values), "state": {"sum": encoded(values)}})

for dtype in DTYPES.values():
    for longest in LONGEST[dtype.name]:
        for size in SIZES:
            for shape in ((size,), (size, 1), (1, size), (2, size // 2)) if size % 2 == 0 else ((size,),):
                written(np.full(size, longest, dtype), shape)
print("written")
"""
# Every size up to where the first buffers end, then the ends of larger ones.
SIZES = [*range(1, 400), 660, 1330, 2650, 5300, 10_600, 21_200, 42_400]


def test_writing_stays_within_its_buffers() -> None:
    """Python's debug allocator, which looks at the ends of each block it is given back, finds nothing overwritten."""
    program = f"LONGEST = {LONGEST!r}\nSIZES = {SIZES!r}\n{WRITE}"
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONMALLOC": "debug"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (0, "written\n"), ended.stderr[:400]


@pytest.mark.parametrize(("dtype", "longest"), [(dtype, value) for dtype, some in LONGEST.items() for value in some])
def test_the_longest_decimals_come_back(dtype: str, longest: float) -> None:
    """They are as long as they can be, and exact."""
    values = unnamed(np.full(1000, longest), dtype)
    text = encode(values)
    assert_same(decode(text, dtype), values)
    assert len(text) >= 1000 * (25 if dtype == "float64" else 15)
