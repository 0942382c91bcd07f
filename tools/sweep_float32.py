"""Sends float32 bit patterns through the JSON of stepd and back, and reports every one that comes back as another.

    python -m tools.sweep_float32 [--start BITS] [--stop BITS] [--chunk VALUES]

Infinities and NaNs are left out: JSON carries finite numbers only. The report also names the patterns that would come
back wrong if `stepd.wire.json` wrote every value by its shortest decimal. The whole range takes minutes.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from stepd.values import DTYPES, Tensors, Values
from stepd.wire.arrays import decode_values
from stepd.wire.json import dumps_vectors, encoded, parse

ALL_PATTERNS = 2**32
CHUNK = 2**20
FLOAT32 = DTYPES["float32"]

Bits = npt.NDArray[np.uint32]


@dataclass
class Report:
    """What a sweep found. `odd` are the patterns that only a special case brings back."""

    swept: int = 0
    lost: list[int] = field(default_factory=list)
    odd: list[int] = field(default_factory=list)


def sweep(start: int, stop: int, chunk: int) -> Report:
    """Every finite pattern from start to below stop."""
    report = Report()
    for first in range(start, stop, chunk):
        bits = np.arange(first, min(first + chunk, stop), dtype=np.uint64).astype(np.uint32)
        bits = bits[np.isfinite(bits.view(FLOAT32))]
        if bits.size:
            _sweep_chunk(bits, report)
    return report


def _sweep_chunk(bits: Bits, report: Report) -> None:
    tensors = Tensors.unnamed((bits.size,), FLOAT32)
    plain = bits.view(FLOAT32)
    written = encoded(Values(tensors, plain))
    lost = _changed(written, tensors, bits)
    report.swept += bits.size
    report.lost += lost
    # An array is handed over as it is unless a value in it needs more digits than the shortest decimal has.
    report.odd += lost if isinstance(written, np.ndarray) else _changed(plain, tensors, bits)


def _changed(written: object, tensors: Tensors, bits: Bits) -> list[int]:
    document = parse(dumps_vectors({"params": written}))
    back = decode_values(document["params"], ("params",), FLOAT32, expected=tensors, max_tensors=1).flat
    changed: list[int] = bits[back.view(np.uint32) != bits].tolist()
    return changed


def main(arguments: Sequence[str] | None = None) -> int:
    """Sweeps, reports and returns 1 where a pattern was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--start", type=_bits, default=0, help="first bit pattern, as 0x7f000000 (default 0)")
    parser.add_argument("--stop", type=_bits, default=ALL_PATTERNS, help="the pattern behind the last (default 2**32)")
    parser.add_argument("--chunk", type=_bits, default=CHUNK, help=f"patterns at a time (default {CHUNK})")
    options = parser.parse_args(arguments)
    if not 0 <= options.start < options.stop <= ALL_PATTERNS or options.chunk < 1:
        parser.error("it must hold that 0 <= start < stop <= 2**32 and chunk >= 1")
    began = time.perf_counter()
    report = sweep(options.start, options.stop, options.chunk)
    seconds = time.perf_counter() - began
    print(
        f"swept {report.swept} finite patterns of 0x{options.start:08x} to 0x{options.stop - 1:08x} in {seconds:.0f} s"
    )
    print(f"come back as another value: {_shown(report.lost)}")
    print(f"would without the special case: {_shown(report.odd)}")
    return 1 if report.lost else 0


def _bits(text: str) -> int:
    return int(text, 0)


def _shown(patterns: Sequence[int]) -> str:
    shown = ", ".join(f"0x{bits:08x}" for bits in patterns[:20])
    return f"{len(patterns)}{f' ({shown})' if shown else ''}{' ...' if len(patterns) > 20 else ''}"


if __name__ == "__main__":
    sys.exit(main())
