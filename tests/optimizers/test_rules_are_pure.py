"""A rule is the formula and nothing else: no number literal and no derived constant, or drivers would round apart."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from stepd.optimizers import CATALOGUE
from stepd.optimizers.contract import Rule
from tests.optimizers.steps import VARIANTS, Variant, random_state

each_rule = pytest.mark.parametrize("rule", CATALOGUE.values(), ids=CATALOGUE)


def faults(function: Callable[..., Any], slots: int) -> Iterator[str]:
    """Number literals, and operations or calls whose every operand is a constant: arguments after g and the slots."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    definition = tree.body[0]
    assert isinstance(definition, ast.FunctionDef)
    constants = {argument.arg for argument in definition.args.args[1 + slots :]}
    for node in ast.walk(definition):
        if isinstance(node, ast.Constant) and not isinstance(node.value, str):
            yield f"the literal {node.value!r}"
        if isinstance(node, (ast.BinOp, ast.UnaryOp, ast.Call)):
            operands = node.args if isinstance(node, ast.Call) else [node]
            names = {name.id for part in operands for name in ast.walk(part) if isinstance(name, ast.Name)}
            if names - {"sqrt"} <= constants:
                yield f"derived: {ast.unparse(node)}"


@each_rule
def test_it_holds_no_literal_and_derives_no_constant(rule: Rule) -> None:
    """Every number that a rule uses is handed in, rounded once."""
    assert list(faults(rule.function, len(rule.slots))) == []


def derives(g: Any, square_avg: Any, rho: Any) -> Any:
    return rho * square_avg + (1 - rho) * g * g


def takes_a_root(g: Any, square_avg: Any, eps: Any) -> Any:
    return np.sqrt(square_avg) * g / np.sqrt(eps)


def negates(g: Any, square_avg: Any, rho: Any) -> Any:
    return g * square_avg * -rho


@pytest.mark.parametrize(
    ("function", "found"),
    [
        (derives, ["derived: 1 - rho", "the literal 1"]),
        (takes_a_root, ["derived: np.sqrt(eps)"]),
        (negates, ["derived: -rho"]),
    ],
)
def test_the_check_finds_such_rules(function: Callable[..., Any], found: list[str]) -> None:
    """1 - rho, the root of eps or -rho inside a rule would be found."""
    assert sorted(faults(function, slots=1)) == found


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_it_writes_to_no_argument(variant: Variant) -> None:
    """A rule called with writeable arrays leaves each as it was and returns new ones."""
    grads, _, slots = random_state(variant, 50, seed=8)
    before = [vector.copy() for vector in (grads, *slots)]
    results = variant.optimizer.rule.function(grads, *slots, *variant.optimizer.constants(variant.dtype).rule)
    for vector, kept in zip((grads, *slots), before, strict=True):
        assert vector.tobytes() == kept.tobytes()
        assert not any(np.shares_memory(vector, result) for result in results)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_it_takes_scalars_as_it_takes_arrays(variant: Variant) -> None:
    """Element by element a rule gives the bits that it gives over arrays, in the same dtype."""
    grads, _, slots = random_state(variant, 50, seed=9)
    constants = variant.optimizer.constants(variant.dtype).rule
    at_once = variant.optimizer.rule.function(grads, *slots, *constants)
    for index in range(grads.size):
        one = variant.optimizer.rule.function(grads[index], *(slot[index] for slot in slots), *constants)
        for whole, value in zip(at_once, one, strict=True):
            assert value.dtype == variant.dtype
            assert value.tobytes() == whole[index].tobytes()


@each_rule
def test_its_formula_names_what_it_computes(rule: Rule) -> None:
    """The formula that the catalogue shows has a line for each slot, one for delta and one for params."""
    left = [line.split(" = ")[0] for line in rule.formula]
    assert set(left) == {*rule.slot_names, "delta", "params"}
    assert left[-1] == "params"
