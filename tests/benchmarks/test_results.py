"""What was measured is kept as it was, part by part."""

from pathlib import Path

from benchmarks.results import Figure, Measured, PartResult, Table, Taken, all_figures, load, save


def result(value: float, *, quick: bool = False) -> PartResult:
    taken = Taken(
        "2026-01-01 12:00 UTC", "make bench", quick, {"processor": "one"}, {"Python": "3.11", "commit": "abc"}
    )
    figures = {"kernel.touching": Figure(value, value - 1, value + 1), "kernel.optax_1m": Figure.none("no optax")}
    table = Table("Times", ("Values", "Time"), (("10", "1 µs"), ("100", "2 µs")), "A note.")
    return PartResult(taken, Measured(figures, (table,), {"sizes": [10, 100]}))


def test_results_come_back_from_the_file_as_they_were(tmp_path: Path) -> None:
    """So page and plots can be made again without measuring."""
    results = {"kernel": result(2.0), "http": result(3.0, quick=True)}
    save(tmp_path / "benchmarks.json", results)
    assert load(tmp_path / "benchmarks.json") == results


def test_without_a_file_there_are_no_results(tmp_path: Path) -> None:
    """The first part that is ever measured starts the file."""
    assert load(tmp_path / "benchmarks.json") == {}


def test_figures_of_all_parts_are_found_by_name() -> None:
    """Goals look for them there."""
    assert all_figures({"kernel": result(2.0)})["kernel.touching"].value == 2.0
