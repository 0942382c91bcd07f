"""docs/benchmarks.md says how it was made, what was measured and what was not."""

import re
from pathlib import Path

import pytest

from benchmarks.goals import GOALS
from benchmarks.page import page
from benchmarks.parts import PARTS
from benchmarks.plots import PLOTS, draw
from benchmarks.results import Measured, PartResult, Taken, load

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGE = (DOCS / "benchmarks.md").read_text("utf-8")

# What the plots of each part are drawn from.
CURVES = {
    "kernel": {"sizes": [10, 1_000_000], "ns_per_value": {"blocked": [5.0, 4.0], "torch": [90.0, 20.0]}},
    "http": {
        "rates": {"10": {"stepd": 9e3, "echo": 2e4}, "100,000, params and grads": {"stepd": 20.0, "naive": 2.0}},
        "times": {"1M, raw": {"stepd": 9.0, "stepd keyed": 9.5, "echo": 7.0, "kernel": 1.0}},
    },
    "fairness": {"latency_ms": {"alone": {"p50": 0.3, "p99": 0.5, "p100": 0.9}}},
    "connections": {"connections": [4, 256], "rates": {"stepd": [9e3, 9.1e3]}},
}


def result(part: str, *, quick: bool = False, processor: str = "one") -> PartResult:
    taken = Taken(
        "2026-01-01", f"make bench PART={part}", quick, {"processor": processor}, {"Python": "3", "commit": "a"}
    )
    return PartResult(taken, Measured({}, (), CURVES.get(part, {})))


def test_the_page_is_made_from_the_results() -> None:
    """Nobody has written into it; `make bench PART=page` would change nothing."""
    assert page(load(DOCS / "benchmarks.json"), DOCS) == PAGE


def test_the_page_names_the_commands() -> None:
    """For all, for one part, and for the page alone; and what the load needs."""
    for command in ("`make bench`", "`make bench PART=kernel`", "`make bench PART=page`", "`apt install wrk`"):
        assert command in PAGE


def test_the_page_shows_every_goal() -> None:
    """One row each, whether it was measured or not."""
    for goal in GOALS:
        assert f"| {goal.measure} | {goal.goal} |" in PAGE


def test_a_part_that_was_not_measured_says_how_to(tmp_path: Path) -> None:
    """The others stand there as measured."""
    text = page({"memory": result("memory")}, tmp_path)
    for name, part in PARTS.items():
        assert f"## {part.title}\n" in text
        assert (f"Not measured yet: `make bench PART={name}`." in text) == (name != "memory")


def test_a_trial_is_called_one(tmp_path: Path) -> None:
    """Figures of a quick trial can't be taken for others."""
    assert "quick trial" in page({"client": result("client", quick=True)}, tmp_path)
    assert "quick trial" not in page({"client": result("client")}, tmp_path)


def test_parts_from_different_machines_are_told_apart(tmp_path: Path) -> None:
    """Each part names the machine that it was measured on."""
    text = page({"client": result("client"), "memory": result("memory", processor="another")}, tmp_path)
    assert re.search(r"^\| memory \|.*\| 1 \| `a` \|$", text, re.MULTILINE)
    assert re.search(r"^\| client \|.*\| 2 \| `a` \|$", text, re.MULTILINE)
    assert "| 1 | another |" in text
    assert "| 2 | one |" in text


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.file)
def test_plots_are_drawn_from_the_results_and_shown(plot: object, tmp_path: Path) -> None:
    """A part that was measured has its plots on the page; the same results make the same file."""
    results = {plot.part: result(plot.part)}
    draw(results, tmp_path / "benchmarks")
    before = (tmp_path / "benchmarks" / plot.file).read_bytes()
    assert b"<svg" in before
    assert f"](benchmarks/{plot.file})" in page(results, tmp_path)
    draw(results, tmp_path / "benchmarks")
    assert (tmp_path / "benchmarks" / plot.file).read_bytes() == before
