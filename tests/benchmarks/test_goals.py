"""Every goal is measured by a part, nothing is measured for nothing, and a goal is judged as it is worded."""

import pytest

from benchmarks.goals import GOALS, HEADER, Goal, rows, verdict
from benchmarks.parts import PARTS
from benchmarks.results import Figure

DECLARED = [figure for part in PARTS.values() for figure in part.figures]


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: goal.figure)
def test_every_row_of_the_goals_has_a_measurement(goal: Goal) -> None:
    """Its part declares every figure that the row shows; that it also gives them is checked when it has run."""
    assert set(goal.figures) <= set(PARTS[goal.part].figures)


def test_every_figure_is_shown_by_a_goal() -> None:
    """A part that measures a figure which no row shows, or declares one twice, has lost a goal."""
    shown = [figure for goal in GOALS for figure in goal.figures]
    assert sorted(shown) == sorted(DECLARED)


def test_figures_are_named_for_their_part() -> None:
    """So a goal finds its part by its figure's name."""
    assert all(figure.startswith(f"{name}.") for name, part in PARTS.items() for figure in part.figures)


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: goal.figure)
def test_a_row_with_a_bound_names_it(goal: Goal) -> None:
    """The number that judges stands in the words of the goal; a row without a bound says that it is reported."""
    bound = goal.at_least if goal.at_least is not None else goal.at_most
    if bound is None:
        assert goal.goal.startswith("reported")
    else:
        assert ("no error" if bound == 0 else f"{bound:,g}") in goal.goal
    if goal.or_at_least is not None:
        assert f"{goal.or_at_least[1]:g}" in goal.goal


@pytest.mark.parametrize(
    ("goal", "value", "expected"),
    [
        (Goal("", "", "x.y", at_least=0.5), 0.5, "reached"),
        (Goal("", "", "x.y", at_least=0.5), 0.499, "missed"),
        (Goal("", "", "x.y", at_most=1.25), 1.25, "reached"),
        (Goal("", "", "x.y", at_most=1.25), 1.26, "missed"),
        (Goal("", "", "x.y", at_most=0), 0, "reached"),
        (Goal("", "", "x.y", at_most=0), 1, "missed"),
        (Goal("", "", "x.y"), 7, "reported"),
    ],
)
def test_bounds_are_included(goal: Goal, value: float, expected: str) -> None:
    """At least and at most both take the bound itself."""
    assert verdict(goal, {"x.y": Figure(value)}) == expected


@pytest.mark.parametrize(("other", "expected"), [(0.85, "reached"), (0.84, "missed"), (None, "missed")])
def test_the_other_bound_is_enough(other: float | None, expected: str) -> None:
    """Two threads need not be faster than the memory allows."""
    goal = Goal("", "", "x.y", at_least=1.7, or_at_least=("x.z", 0.85))
    assert verdict(goal, {"x.y": Figure(1.1), "x.z": Figure(other)}) == expected


def test_what_could_not_be_measured_says_why() -> None:
    """No part has run, or the part has left the figure out."""
    goal = Goal("", "", "x.y", at_least=1)
    assert verdict(goal, {}) == "not measured"
    assert verdict(goal, {"x.y": Figure.none("torch is not installed")}) == "torch is not installed"


def test_a_row_shows_the_figure_the_keyed_figure_and_the_verdict() -> None:
    """With quartiles where there were rounds, and the unit where it is no ratio."""
    goal = next(goal for goal in GOALS if goal.figure == "fairness.raw_p99")
    figures = {"fairness.raw_p99": Figure(9.5, 9.0, 12.0, "ms"), "fairness.raw_p99_keyed": Figure(11.0, unit="ms")}
    row = rows(figures)[GOALS.index(goal)]
    assert len(row) == len(HEADER)
    assert row == (goal.measure, goal.goal, "9.5 (9 to 12) ms", "11 ms", "reached")
