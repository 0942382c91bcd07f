"""The sweep over float32, on a sample: every 1,024th block of bits, each exponent's ends, and around the odd one."""

import numpy as np
import pytest

from stepd.wire.json import ODD_FLOAT32_BITS
from tools import sweep_float32
from tools.sweep_float32 import main, sweep


@pytest.mark.parametrize("sign", [0, 0x80000000])
def test_the_odd_one_is_found_and_comes_back(sign: int) -> None:
    """Around the odd one nothing is lost, and it alone would be without its nine digits."""
    odd = sign | ODD_FLOAT32_BITS
    report = sweep(odd - 40_000, odd + 40_000, chunk=7_000)
    assert (report.swept, report.lost, report.odd) == (80_000, [], [odd])


def test_every_exponent_comes_back() -> None:
    """The first and last 128 patterns of every exponent of either sign, and infinities and NaNs left out."""
    swept = 0
    for start in range(0, 2**32, 2**23):
        for first in (start, start + 2**23 - 128):
            report = sweep(first, first + 128, chunk=128)
            assert (report.lost, report.odd) == ([], [])
            swept += report.swept
    assert swept == 2 * 255 * 256


def test_samples_of_all_mantissas_come_back() -> None:
    """Blocks spread over the whole range, at places that follow no power of two."""
    for first in range(0, 2**32 - 256, 2**32 // 997):
        assert sweep(first, first + 256, chunk=256).lost == []


def test_a_lost_pattern_is_reported(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Were the special case gone, the sweep would say so and fail."""
    monkeypatch.setattr(sweep_float32, "encoded", lambda values: np.array(values.flat))
    start, stop = hex(ODD_FLOAT32_BITS - 10), hex(ODD_FLOAT32_BITS + 10)
    assert main(["--start", start, "--stop", stop, "--chunk", "6"]) == 1
    assert "come back as another value: 1 (0x15ae43fd)" in capsys.readouterr().out


def test_the_report(capsys: pytest.CaptureFixture[str]) -> None:
    """What was swept, what was lost and what would have been."""
    assert main(["--start", "0x15ae43f0", "--stop", "0x15ae4400"]) == 0
    swept, lost, odd = capsys.readouterr().out.splitlines()
    assert swept.startswith("swept 16 finite patterns of 0x15ae43f0 to 0x15ae43ff in ")
    assert (lost, odd) == ("come back as another value: 0", "would without the special case: 1 (0x15ae43fd)")


@pytest.mark.parametrize("wrong", [["--start", "5", "--stop", "5"], ["--stop", "0x100000001"], ["--chunk", "0"]])
def test_wrong_ranges_are_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A range that holds nothing, or more than there is, is refused by name."""
    with pytest.raises(SystemExit):
        main(wrong)
    assert "0 <= start < stop <= 2**32" in capsys.readouterr().err
