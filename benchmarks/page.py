"""docs/benchmarks.md, made from the results alone: machine, goals, and what each part found."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path

from benchmarks.goals import HEADER, rows
from benchmarks.parts import PARTS
from benchmarks.plots import PLOTS
from benchmarks.results import PartResult, Table, all_figures

INTRODUCTION = """stepd side by side with what else a user might pick, and with what the machine allows. `make bench`
measures all of this and writes this page; `make bench PART=kernel` does so for one part and leaves the others as they
are, and `make bench PART=page` makes the page anew from `docs/benchmarks.json`. The load comes from wrk (`apt install
wrk`), the peers are installed into an environment of their own.

Figures are ratios, because times differ between machines: both sides are measured in the same run, in turns, round by
round. Shown are the median over the rounds and, in brackets, the quartiles: half of all rounds lie between them. A
goal is judged by the median. Servers run on one core and the load on another. Steps carry no `Idempotency-Key` and no
`If-Match` unless it says so; the column *with key and If-Match* is the same row with both, as the clients send them."""

WIDTH = 125

TRIAL = (
    "**Some of these figures are from a quick trial** (`QUICK=1`), which shows that everything runs and nothing else."
)


def write_page(results: Mapping[str, PartResult], folder: Path) -> None:
    """Writes benchmarks.md into the folder, over what is there."""
    (folder / "benchmarks.md").write_text(page(results, folder), "utf-8")


def page(results: Mapping[str, PartResult], folder: Path) -> str:
    """The page as text; plots are shown where they lie in the folder."""
    blocks = ["# Benchmarks", *map(prose, INTRODUCTION.split("\n\n"))]
    if any(result.taken.quick for result in results.values()):
        blocks.append(TRIAL)
    blocks += ["## Goals", _table(HEADER, rows(all_figures(results)))]
    blocks += ["## Where and when", *_where(results)]
    for name, part in PARTS.items():
        blocks += [f"## {part.title}", prose(part.how)]
        result = results.get(name)
        if result is None:
            blocks.append(f"Not measured yet: `make bench PART={name}`.")
            continue
        blocks += [
            f"![{plot.says}](benchmarks/{plot.file})"
            for plot in PLOTS
            if plot.part == name and (folder / "benchmarks" / plot.file).exists()
        ]
        blocks += [block for table in result.measured.tables for block in _with_title(table)]
    return "\n\n".join(blocks) + "\n"


def prose(text: str) -> str:
    """A paragraph in lines of the page's width, none of which ends within a piece of code.

    >>> prose("one\\ntwo `make bench`")
    'one two `make bench`'
    """
    whole = re.sub(r"`[^`]+`", lambda code: code[0].replace(" ", "\0"), " ".join(text.split()))
    return textwrap.fill(whole, WIDTH, break_long_words=False, break_on_hyphens=False).replace("\0", " ")


def _where(results: Mapping[str, PartResult]) -> Iterable[str]:
    if not results:
        yield "Nothing is measured yet."
        return
    parts = [(name, results[name].taken) for name in PARTS if name in results]
    machines = {tuple(one.machine.items()): None for _, one in parts}
    numbers = {machine: number for number, machine in enumerate(machines, 1)}
    taken = [
        (name, one.date, f"`{one.command}`", numbers[tuple(one.machine.items())], f"`{one.versions['commit']}`")
        for name, one in parts
    ]
    yield _table(("Part", "Date", "Command", "Machine", "Commit"), taken)
    names = list(parts[0][1].machine)
    yield _table(
        ("Machine", *names), [(number, *(dict(machine)[name] for name in names)) for machine, number in numbers.items()]
    )
    versions: dict[str, dict[str, None]] = {}
    for _, one in parts:
        for name, version in one.versions.items():
            if name != "commit":
                versions.setdefault(name, {})[version] = None
    yield "Versions: " + ", ".join(f"{name} {' and '.join(found)}" for name, found in versions.items()) + "."


def _with_title(table: Table) -> list[str]:
    return [f"### {table.title}", *([table.note] if table.note else []), _table(table.header, table.rows)]


def _table(header: Iterable[str], body: Iterable[Iterable[object]]) -> str:
    """A Markdown table."""
    head = list(header)
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)
