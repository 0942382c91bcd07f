"""What was measured, as plain data: figures for the goals, tables and curves for the page; kept in a JSON file.

One part measured again replaces its own results there and leaves the others as they were.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.rounds import Spread


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that a goal can be held against; without a value, why there is none.

    `unit` is empty for ratios. `low` and `high` are the quartiles over the rounds, where there were rounds.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    missing: str = ""

    @classmethod
    def of(cls, found: Spread, unit: str = "") -> Figure:
        """From the median and quartiles of rounds."""
        return cls(found.median, found.low, found.high, unit)

    @classmethod
    def none(cls, missing: str) -> Figure:
        """Where it can't be measured, and why."""
        return cls(None, missing=missing)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the page, its cells as they are shown."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one part found. `curves` is what its plot is drawn from: lists and objects of numbers and names."""

    figures: Mapping[str, Figure]
    tables: tuple[Table, ...] = ()
    curves: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Taken:
    """When, where and with what a part was measured."""

    date: str
    command: str
    quick: bool
    machine: Mapping[str, str]
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PartResult:
    """A part's results as the file keeps them."""

    taken: Taken
    measured: Measured


def load(path: Path) -> dict[str, PartResult]:
    """The results by part; none where there is no file yet."""
    if not path.exists():
        return {}
    document = json.loads(path.read_text("utf-8"))
    return {part: _result(of) for part, of in document.items()}


def save(path: Path, results: Mapping[str, PartResult]) -> None:
    """Writes all results, by part in the order of their names."""
    document = {part: asdict(results[part]) for part in sorted(results)}
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _result(document: Mapping[str, Any]) -> PartResult:
    measured = document["measured"]
    figures = {name: Figure(**figure) for name, figure in measured["figures"].items()}
    tables = tuple(
        Table(one["title"], tuple(one["header"]), tuple(map(tuple, one["rows"])), one["note"])
        for one in measured["tables"]
    )
    return PartResult(Taken(**document["taken"]), Measured(figures, tables, measured["curves"]))


def all_figures(results: Mapping[str, PartResult]) -> dict[str, Figure]:
    """The figures of all parts, by name."""
    return {name: figure for result in results.values() for name, figure in result.measured.figures.items()}
