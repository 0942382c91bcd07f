"""The case files themselves: their form, their numbers, and that nothing is left out."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from stepd.errors import all_errors
from stepd.optimizers import CATALOGUE
from stepd.values import DTYPES
from tests.conformance import values
from tests.conformance.cases import SCHEMA, Case, all_cases, files, read
from tests.conformance.oracle import Oracle, write
from tools.fill_conformance_cases import rewrite

CASES = all_cases()
VECTORS = {
    case["name"]: case
    for case in json.loads((Path(__file__).parents[1] / "vectors/adadelta.json").read_text())["cases"]
}
each_file = pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)


def all_values(document: Any) -> list[dict[str, Any]]:
    """Every set of values in a document."""
    if isinstance(document, list):
        return [found for member in document for found in all_values(member)]
    if not isinstance(document, dict):
        return []
    if "hex" in document:
        return [document]
    return [found for member in document.values() for found in all_values(member)]


def failures() -> list[dict[str, Any]]:
    return [action["fails"] for case in CASES for action in case.actions if "fails" in action]


@each_file
def test_a_file_keeps_to_the_schema(path: Path) -> None:
    """Whoever writes a runner of their own can rely on case.schema.json."""
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))
    found = jsonschema.exceptions.best_match(validator.iter_errors(json.loads(path.read_text("utf-8"))))
    assert found is None, f"{found.json_path}: {found.message}"


def test_the_schema_is_one() -> None:
    """The schema keeps to the draft that it names, and refuses a member that it does not know."""
    schema = json.loads(SCHEMA.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    wrong = {"do": "step", "on": "run", "grads": {"decimal": [1.0], "hex": ["0x1.0000000000000p+0"]}, "gradients": 1}
    case = {"name": "wrong", "about": "A wrong case.", "actions": [wrong]}
    document = {"topic": "wrong", "about": "A wrong topic.", "cases": [case]}
    assert not jsonschema.Draft202012Validator(schema).is_valid(document)
    del wrong["gradients"]
    assert jsonschema.Draft202012Validator(schema).is_valid(document)


@each_file
def test_decimals_and_hexadecimal_literals_say_the_same_bits(path: Path) -> None:
    """Every decimal, read as the service reads it, is the value of the literal beside it, which its dtype has."""
    sets = all_values(json.loads(path.read_text("utf-8")))
    for one in sets:
        dtype = values.dtype_of(one)
        to_bits = partial(values.to_bits, dtype=dtype)
        literals = values.map_leaves(float.fromhex, one["hex"])
        decimals = values.map_leaves(float, one["decimal"])
        assert values.map_leaves(to_bits, decimals) == values.map_leaves(to_bits, literals), one
        tensors = literals.values() if isinstance(literals, dict) else [literals]
        assert all(values.exactly(value, dtype) for tensor in tensors for value in values.leaves(tensor)), one


@each_file
def test_a_file_is_in_its_one_layout(path: Path) -> None:
    """The tool leaves the file as it is, byte for byte."""
    assert path.read_text("utf-8") == rewrite(path), "run: python -m tools.fill_conformance_cases"


@each_file
def test_a_file_is_named_for_its_topic(path: Path) -> None:
    """One topic per file."""
    assert {case.topic for case in read(path)} == {path.stem}


def test_names_are_unique() -> None:
    """A case is found by its name alone, also in lists of known failures."""
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_expected_numbers_are_those_of_exact_arithmetic(case: Case) -> None:
    """Every params, state and step that a case expects comes out of the model in exact rationals, bit for bit."""
    for action, expected in Oracle().follow(case):
        gives = action.get("gives", {})
        if isinstance(gives.get("params"), dict):
            assert expected.params is not None, f"the model has no params for {action}"
            assert gives["params"] == write(expected.params, expected.dtype), action
        for slot, held in gives.get("state", {}).items():
            assert expected.state is not None
            assert held == write(expected.state[slot], expected.dtype), action
        if "step" in gives and expected.step is not None:
            assert gives["step"] == expected.step, action


GOLDEN = [case for case in CASES if case.topic == "golden"]


@pytest.mark.parametrize("case", GOLDEN, ids=str)
def test_golden_cases_are_the_published_ones(case: Case) -> None:
    """Start, gradients and results are those of tests/vectors/adadelta.json."""
    vector = VECTORS[case.name.removeprefix("golden-")]
    start = case.actions[0]["checkpoint"]
    steps = [action for action in case.actions if action.get("do") == "step"]
    (end,) = [action["gives"] for action in case.actions if action.get("do") == "state"]
    after = {one["step"]: one for one in vector["after"]}
    slots = ("square_avg", "acc_delta")

    def exact(literals: list[str]) -> list[str]:
        return [values.to_bits(float.fromhex(literal), "float64") for literal in literals]

    def flat(written: dict[str, Any]) -> list[str]:
        return exact(list(values.leaves(written["hex"])))

    assert start["dtype"] == vector["dtype"]
    assert start["optimizer"] == {
        "name": "adadelta",
        **{name: vector[name] for name in start["optimizer"] if name != "name"},
    }
    assert flat(start["params"]) == exact(vector["params"])
    assert all(flat(start["state"][slot]) == exact(vector[slot]) for slot in slots)
    assert [flat(step["grads"]) for step in steps] == [exact(grads) for grads in vector["grads"]]
    for number, step in enumerate(steps, start=1):
        if number in after:
            assert flat(step["gives"]["params"]) == exact(after[number]["params"])
    assert all(flat(end["state"][slot]) == exact(after[len(steps)][slot]) for slot in slots)


def test_both_dtypes_are_among_the_golden_cases() -> None:
    """Published values in float64 and in float32, a matrix among them."""
    assert {case.actions[0]["checkpoint"]["dtype"] for case in GOLDEN} == set(DTYPES)
    assert {len(VECTORS[case.name.removeprefix("golden-")]["shape"]) for case in GOLDEN} == {1, 2}


def test_every_code_of_the_service_becomes_a_class() -> None:
    """Each code of stepd.errors is expected as the type of an error somewhere: a new code needs a new case."""
    assert {error.code for error in all_errors()} - {failure["type"] for failure in failures()} == set()


def test_every_class_without_a_code_is_there() -> None:
    """So are the classes for what is no problem with a code that is known."""
    types = {failure["type"] for failure in failures()}
    assert types >= {"not-sent", "connection-failed", "request-timed-out", "unexpected-answer", "malformed", "missing"}
    assert types >= {"stale", "impossible", "unavailable", "request-refused", "service-failed"}


def test_every_optimizer_is_stepped_in_both_dtypes() -> None:
    """A new optimizer needs cases of its own."""
    opened = [action for case in CASES if case.topic == "step" for action in case.actions if action.get("do") == "open"]
    seen = {(action["optimizer"]["name"], action.get("dtype", "float64")) for action in opened if "optimizer" in action}
    assert seen == {(name, dtype) for name in CATALOGUE for dtype in DTYPES}
