"""Reading safetensors takes no more memory than requests reserve for it, whatever the body: measured."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.wire import tensor_peaks
from tests.wire.tensor_peaks import BODIES

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="needs Linux: /proc/self/clear_refs, which resets a peak"
)
ROOT = Path(__file__).parents[2]
Parts = dict[str, list[float]]


@pytest.fixture(scope="module")
def measured() -> Parts:
    """Of each kind what is resident and what is traced at the peak, as a part of what is reserved."""
    script = [sys.executable, "-m", tensor_peaks.__name__]
    ended = subprocess.run(script, capture_output=True, text=True, timeout=300, check=True, cwd=ROOT)
    found: Parts = json.loads(ended.stdout)
    return found


@pytest.mark.parametrize("kind", BODIES)
def test_reading_takes_no_more_than_is_reserved(kind: str, measured: Parts) -> None:
    """A body of each kind, with what is made of it."""
    assert max(measured[kind]) <= 1


def test_what_is_reserved_is_not_guessed(measured: Parts) -> None:
    """Some header and some values need most of it, so that nothing is refused for no reason."""
    assert max(measured["metadata of deep objects"]) > 0.5
    assert max(measured["values, unaligned"]) > 0.9
