"""Memory that a request gave back is there for the next one, where the C library can be told to keep it."""

import platform
import subprocess
import sys

import pytest

from stepd.allocator import keep_freed_memory

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc, whose heap this sets")

# Counts the pages that the system had to make for vectors which come and go as a step's body and answer do.
COUNT = """
import resource, sys
import numpy as np
from stepd.allocator import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
def use():
    body = np.ones(100_000)
    answer = body.tobytes()
for _ in range(5):
    use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50):
    use()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def pages_made(how: str) -> int:
    ran = subprocess.run([sys.executable, "-c", COUNT, how], capture_output=True, text=True, check=True, timeout=120)
    return int(ran.stdout)


def test_freed_memory_is_kept_for_the_next_vectors() -> None:
    """Vectors of 800 kB come and go without a page being made for them; as glibc is by itself, pages are."""
    assert pages_made("kept") < 50
    assert pages_made("as it is") > 1000


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no mallopt nothing is set, and that is said."""

    class Library:
        def __init__(self, _: None) -> None: ...

    monkeypatch.setattr("ctypes.CDLL", Library)
    assert not keep_freed_memory()
