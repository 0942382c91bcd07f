"""golden.json, which every driver must reproduce before it serves, is what its tool writes, and holds what it must."""

import json
from pathlib import Path
from typing import Any

import pytest

from stepd.optimizers import CATALOGUE
from stepd.values import DTYPES
from tests.exact import FORMATS
from tools.make_golden import GOLDEN, RULES, hexes, render, step

CASES: list[dict[str, Any]] = json.loads(GOLDEN.read_text())["cases"]
VECTORS = Path(__file__).parents[1] / "vectors" / "adadelta.json"
PUBLISHED: list[dict[str, Any]] = json.loads(VECTORS.read_text())["cases"]


def numbers(literals: list[str]) -> list[float]:
    return [float.fromhex(literal) for literal in literals]


def test_the_tool_reproduces_the_file() -> None:
    """Running tools/make_golden.py again gives the file as it is, byte for byte."""
    assert GOLDEN.read_text(encoding="utf-8") == render(), "run: python -m tools.make_golden"


def test_the_file_stays_small() -> None:
    """The file is read at every start and shipped with the package: 25 kB at most."""
    assert GOLDEN.stat().st_size < 25_000


@pytest.mark.parametrize("case", PUBLISHED, ids=[case["name"] for case in PUBLISHED])
def test_the_tools_adadelta_agrees_with_the_published_vectors(case: dict[str, Any]) -> None:
    """The exact formula behind golden.json reproduces the published golden values of Adadelta, bit for bit."""
    hyper = {"name": "adadelta", **{name: case[name] for name in ("rho", "eps", "lr", "weight_decay", "maximize")}}
    wanted = {after["step"]: after for after in case["after"]}
    params, state = numbers(case["params"]), {slot: numbers(case[slot]) for slot in RULES["adadelta"][1]}
    for count, grads in enumerate(case["grads"], start=1):
        params, state = step(FORMATS[case["dtype"]], hyper, numbers(grads), params, state)
        if after := wanted.pop(count, None):
            have = {"params": params, **state}
            for role, values in have.items():
                assert hexes(values) == hexes(numbers(after[role])), f"{role} after step {count}"
    assert not wanted


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CATALOGUE)
def test_each_rule_has_results_that_a_flush_to_zero_would_change(name: str, dtype: str) -> None:
    """For each rule and dtype some new param and some new state value is subnormal, and a zero has its sign."""
    mine = [case for case in CASES if case["optimizer"]["name"] == name and case["dtype"] == dtype]
    after = {role: [] for role in ("params", *CATALOGUE[name].slot_names)}  # type: dict[str, list[float]]
    for case in mine:
        for role, literals in {"params": case["after"]["params"], **case["after"]["state"]}.items():
            after[role] += numbers(literals)
    for role, values in after.items():
        assert any(map(FORMATS[dtype].is_subnormal, values)), f"no subnormal among the new {role}"
    assert "-0x0.0p+0" in hexes(after["params"])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CATALOGUE)
def test_each_rule_has_a_case_with_every_option(name: str, dtype: str) -> None:
    """For each rule and dtype a case turns on weight_decay, maximize and an lr of its own at once."""
    mine = [case["optimizer"] for case in CASES if case["optimizer"]["name"] == name and case["dtype"] == dtype]
    assert any(given["maximize"] and given["weight_decay"] and given["lr"] not in {0.0, 1.0} for given in mine)


def test_sgd_has_cases_with_momentum_and_with_nesterov() -> None:
    """The momentum buffer is judged at work, with and without the look ahead."""
    given = [case["optimizer"] for case in CASES if case["optimizer"]["name"] == "sgd"]
    assert {(one["momentum"] > 0, one["nesterov"]) for one in given} == {(False, False), (True, False), (True, True)}
