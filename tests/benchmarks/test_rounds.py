"""Contestants take turns, and what is shown of the rounds is what the rounds were."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchmarks.rounds import fastest, ratio, seconds_per_call, spread, take_turns, total


def test_every_round_goes_through_all_contestants_in_their_order() -> None:
    """A B A B, and not A A B B: what slows the machine for a while slows both."""
    order: list[str] = []

    def contestant(name: str) -> int:
        order.append(name)
        return len(order)

    taken = take_turns({"a": lambda: contestant("a"), "b": lambda: contestant("b")}, rounds=3)
    assert order == ["a", "b", "a", "b", "a", "b"]
    assert taken == {"a": [1, 3, 5], "b": [2, 4, 6]}


def test_a_ratio_is_taken_within_each_round() -> None:
    """A round in which everything took ten times as long does not change it; the ratio of the medians would be 3."""
    found = ratio(over=[2.0, 30.0, 3.0], under=[1.0, 15.0, 1.0])
    assert found.median == 2.0
    assert found.low == 2.0
    assert found.high == 2.5


def test_half_of_the_rounds_lie_between_the_quartiles() -> None:
    """One value far out moves neither median nor quartiles."""
    assert spread([5.0, 1.0, 4.0, 2.0, 1e9]) == spread([5.0, 1.0, 4.0, 2.0, 6.0])
    assert (spread([1.0, 2.0, 3.0, 4.0, 5.0]).low, spread([1.0, 2.0, 3.0, 4.0, 5.0]).high) == (2.0, 4.0)


def test_a_sum_is_taken_round_by_round() -> None:
    """Each round's parts make that round's sum."""
    assert total([1.0, 2.0], [10.0, 20.0], [100.0, 200.0]) == [111.0, 222.0]
    with pytest.raises(ValueError, match="argument 2"):
        total([1.0], [1.0, 2.0])


def test_the_fastest_is_judged_by_its_median() -> None:
    """One lucky round wins nothing."""
    assert fastest({"steady": [2.0, 2.0, 2.0], "lucky": [0.1, 9.0, 9.0]}) == "steady"


def test_every_call_of_a_contestant_runs_in_its_place() -> None:
    """Calls that are not counted too: what they set up must be where the counted ones run."""
    places: list[str] = []

    @contextmanager
    def place(name: str) -> Iterator[None]:
        places.append(name)
        yield
        places.pop()

    seen: list[list[str]] = []
    found = seconds_per_call({"a": lambda: seen.append(list(places))}, rounds=2, least_s=0.0, place=place)
    assert len(found["a"]) == 2
    assert seen
    assert all(inside == ["a"] for inside in seen)
