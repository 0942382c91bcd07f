"""Reading and writing JSON takes no more memory than requests reserve for it, whatever the body: measured."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from stepd.values import DTYPES
from stepd.wire.json import DECODE_BYTES_PER_BYTE, ENCODE_BYTES_PER_VALUE
from tests.wire import peaks
from tests.wire.peaks import READ, WRITTEN

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="needs Linux: /proc/self/clear_refs, which resets a peak"
)
Peaks = dict[str, list[float]]


@pytest.fixture(scope="module")
def measured() -> Peaks:
    """Bytes resident and bytes traced at the peak, of each kind."""
    ended = subprocess.run([sys.executable, peaks.__file__], capture_output=True, text=True, timeout=300, check=True)
    found: Peaks = json.loads(ended.stdout)
    return found


@pytest.mark.parametrize("kind", READ)
def test_reading_takes_no_more_than_is_reserved(kind: str, measured: Peaks) -> None:
    """A body of each kind, with what is made of it, stays below the factor that a request reserves."""
    assert max(measured[kind]) <= DECODE_BYTES_PER_BYTE


def test_a_vector_takes_little_more_than_its_values(measured: Peaks) -> None:
    """Of 19 bytes of text a float64 and a float32 are made, and nothing else that is as many."""
    assert max(measured["a large vector"]) < 1 + (8 + 4) / 19 + 0.5


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", WRITTEN)
def test_writing_takes_no_more_than_is_reserved(kind: str, dtype: str, measured: Peaks) -> None:
    """An answer of the longest decimals, in each shape, stays below what a request reserves for its values."""
    assert max(measured[f"{dtype}, {kind}"]) <= ENCODE_BYTES_PER_VALUE[DTYPES[dtype]]


def test_the_factors_are_not_guessed(measured: Peaks) -> None:
    """Some body needs most of what is reserved, so that nothing is refused for no reason."""
    assert max(max(measured[kind]) for kind in READ) > 0.8 * DECODE_BYTES_PER_BYTE
    for dtype in DTYPES:
        worst = max(max(measured[f"{dtype}, {kind}"]) for kind in WRITTEN)
        assert worst > 0.5 * ENCODE_BYTES_PER_VALUE[DTYPES[dtype]]
