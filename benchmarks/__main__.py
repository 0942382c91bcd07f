"""`python -m benchmarks [PART] [--quick]`: measures, prints the table of goals, writes page, plots and results."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import NoReturn

from benchmarks import machine, screen
from benchmarks.effort import FULL, QUICK
from benchmarks.page import write_page
from benchmarks.parts import PARTS
from benchmarks.plots import draw
from benchmarks.results import PartResult, Taken, load, save

ROOT = Path(__file__).parent.parent
DOCS, TRIAL = ROOT / "docs", ROOT / "benchmarks" / "trial"
ALL, PAGE = "all", "page"


def main() -> int:
    """See the module's text; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make bench", description="Measures stepd side by side with its peers.")
    parser.add_argument("part", nargs="?", default=ALL, choices=(ALL, *PARTS, PAGE), help="default: all")
    parser.add_argument("--quick", action="store_true", help="try everything in short; writes to benchmarks/trial")
    given = parser.parse_args()
    names = {ALL: list(PARTS), PAGE: []}.get(given.part, [given.part])
    if names and sys.platform != "linux":
        print("only Linux lets processes be kept on cores and their memory be seen: run it there", file=sys.stderr)
        return 2
    if any(PARTS[name].needs_wrk for name in names) and shutil.which("wrk") is None:
        print("the load comes from wrk, which is not installed: apt install wrk", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _leave)  # so that servers are ended
    folder = TRIAL if given.quick else DOCS
    folder.mkdir(exist_ok=True)
    path = folder / "benchmarks.json"
    for name in names:
        results = load(path)
        results[name] = _measure(name, quick=given.quick, asked=given.part)
        save(path, results)  # after each part: an end before the last loses none of the others
    results = load(path)
    draw(results, folder / "benchmarks")
    write_page(results, folder)
    screen.show(results, names or list(PARTS))
    return 0


def _measure(name: str, *, quick: bool, asked: str) -> PartResult:
    part = PARTS[name]
    measured = part.run(QUICK if quick else FULL)
    unlike = set(part.figures) ^ set(measured.figures)
    assert not unlike, f"the part {name} gave other figures than it declares: {sorted(unlike)}"
    words = ["make bench", *([] if asked == ALL else [f"PART={asked}"]), *(["QUICK=1"] if quick else [])]
    date = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return PartResult(Taken(date, " ".join(words), quick, machine.describe(), machine.versions()), measured)


def _leave(number: int, _: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
