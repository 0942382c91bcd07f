"""What `make bench` prints at its end: the table of goals, and what was left out."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from rich.console import Console
from rich.table import Table

from benchmarks.goals import GOALS, HEADER, rows
from benchmarks.results import PartResult, all_figures

# Where nobody says how wide it may be.
PIPE_WIDTH = 180
STYLES = {"reached": "green", "missed": "bold red", "reported": "", "not measured": "dim"}


def show(results: Mapping[str, PartResult], parts: Collection[str]) -> None:
    """Prints the goals of these parts."""
    table = Table(title="Goals")
    for name in HEADER:
        table.add_column(name, overflow="fold")
    for goal, (*cells, verdict) in zip(GOALS, rows(all_figures(results)), strict=True):
        if goal.part in parts:
            table.add_row(*cells, verdict, style=STYLES.get(verdict, "dim"))
    console = Console(emoji=False, highlight=False, markup=False)
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    console.print(table)
