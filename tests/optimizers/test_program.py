"""What a rule does to arrays, noted once and repeated: the bits of the rule itself, in little memory."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from stepd.optimizers import CATALOGUE
from stepd.optimizers.contract import Constants
from stepd.optimizers.program import program_of

Function = Callable[..., tuple[Any, ...]]
LR, C = np.float64(0.5), np.float64(0.1)


def keeps_a_slot(g: Any, a: Any, b: Any, c: Any) -> tuple[Any, Any, Any]:
    return c * g, a, b + g


def swaps_slots(g: Any, a: Any, b: Any, c: Any) -> tuple[Any, Any, Any]:
    return c * g, b, a


def makes_a_slot_early(g: Any, a: Any, b: Any, c: Any) -> tuple[Any, Any, Any]:
    new = a + g
    return new * b - a, new, b * a


def gives_one_value_twice(g: Any, a: Any, b: Any, c: Any) -> tuple[Any, Any, Any]:
    new = c * (a + b)
    return new, new, new


def moves_by_the_gradient(g: Any, a: Any, b: Any, c: Any) -> tuple[Any, Any, Any]:
    return g, g, g * c


def computes_what_nobody_needs(g: Any, a: Any, b: Any, c: Any) -> tuple[Any, Any, Any]:
    _ = a * a
    return -g, np.sqrt(b), a / (b + c)


@pytest.mark.parametrize("weight_decay", [None, np.float64(0.01)], ids=["plain", "decays"])
@pytest.mark.parametrize("maximize", [False, True], ids=["down", "up"])
@pytest.mark.parametrize("apart", [True, False], ids=["beside", "in-place"])
@pytest.mark.parametrize(
    "rule",
    [
        keeps_a_slot,
        swaps_slots,
        makes_a_slot_early,
        gives_one_value_twice,
        moves_by_the_gradient,
        computes_what_nobody_needs,
    ],
)
def test_any_rule_gives_its_own_bits(rule: Function, apart: bool, maximize: bool, weight_decay: Any) -> None:
    """However a rule names and reuses its values, beside the old vectors and over them."""
    grads, *old = np.random.default_rng(1).uniform(0.5, 2, (4, 5))
    program, numbers = program_of(rule, 2, Constants(LR, weight_decay, maximize, (C,)))
    g = -grads if maximize else grads
    if weight_decay is not None:
        g = g + weight_decay * old[0]
    delta, *slots = rule(g, *old[1:], C)
    expected = [vector.tobytes() for vector in (old[0] + LR * delta, *slots)]
    new = [np.full(5, np.nan) for _ in old] if apart else old
    given = [vector.copy() for vector in (grads, *old)]
    program.run([grads, *old, *new], np.full((program.scratch, 5), np.nan), numbers)
    assert [vector.tobytes() for vector in new] == expected
    read_only = [grads, *old] if apart else [grads]
    assert [vector.tobytes() for vector in read_only] == [vector.tobytes() for vector in given[: len(read_only)]]


@pytest.mark.parametrize(("name", "scratch"), [("adadelta", 2), ("adagrad", 1), ("rmsprop", 1), ("sgd", 1)])
def test_how_much_scratch_the_catalogue_needs(name: str, scratch: int) -> None:
    """Values on the way lie where others are not needed any more."""
    rule, dtype = CATALOGUE[name], np.dtype(np.float64)
    program, _ = program_of(rule.function, len(rule.slots), rule.resolve({}, dtype).constants(dtype))
    assert program.scratch == scratch


def test_constants_may_change_from_step_to_step() -> None:
    """Another lr is another number for the same calls."""
    rule, dtype = CATALOGUE["adadelta"], np.dtype(np.float64)
    optimizer = rule.resolve({}, dtype)
    one, two = (program_of(rule.function, 2, optimizer.constants(dtype, lr)) for lr in (1.0, 0.25))
    assert one[0] is two[0]
    assert (one[1][0], two[1][0]) == (1.0, 0.25)


def test_what_cannot_be_noted_is_refused() -> None:
    """A rule that hands NumPy a number of its own, or reduces, fails when it is first used and gives no wrong bits."""

    def has_a_literal(g: Any, a: Any, b: Any, c: Any) -> tuple[Any, Any, Any]:
        return g * 2.0, a, b

    def reduces(g: Any, a: Any, b: Any, c: Any) -> tuple[Any, Any, Any]:
        return g, np.add.reduce(a), b

    for rule in (has_a_literal, reduces):
        with pytest.raises(TypeError, match="StandIn"):
            program_of(rule, 2, Constants(LR, None, False, (C,)))
