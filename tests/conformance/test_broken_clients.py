"""Bugs put into a client on purpose: the suite finds each, in cases that are named here."""

import sys
from collections.abc import Iterator

import pytest

from tests.conformance.broken_program import BUGS
from tests.conformance.cases import Case, all_cases
from tests.conformance.clients import ClientUnderTest
from tests.conformance.places import Places
from tests.conformance.runner import Runner

CASES = {case.name: case for case in all_cases()}

# Each bug with cases that find it, and what they say.
FOUND_BY = {
    "no-if-match": {"adadelta-float64": "without If-Match", "step-from-a-stale-state": "without If-Match"},
    "new-key-when-resent": {"step-closed": "with another key", "replay-after-anothers-step": "with another key"},
    "one-key-for-all": {"adadelta-float64": "key-reused", "step-closed": "key-reused"},
    "key-made-anew-from-state": {"step-from-a-stale-state": "should have failed with precondition-failed"},
    "creates-twice": {"create-under-an-id-of-the-service-is-sent-once": "was sent 2 times"},
    "sign-of-zero-dropped": {"params-extremes-float64": "-0x0.0p+0", "rank-0-alone": "expected 8000000000000000"},
    "seven-digits": {"params-long-decimals-float32": "3eaaaaab", "grads-long-decimals-float64": "value 1"},
    "odd-float32-shortest": {"params-odd-float32": "15ae43fd", "grads-odd-float32": "15ae43fd"},
    "subnormals-flushed": {"params-extremes-float64": "0000000000000001", "subnormal-results": "value"},
    "names-by-position": {"names-are-matched-by-name": "value 0 of 'z'"},
    "state-kept-after-204": {"step-without-params": "step should be 1, is 0"},
    "class-mapped-wrongly": {"names-mismatch": "type should be"},
    "retry-after-ignored": {
        "retry-after-is-waited-for": "sent it again after",
        "over-budget": "retry_after_s should be 1",
    },
    "lost-answers-taken-for-unsent": {"every-attempt-lost": "maybe_applied should be true"},
    "pages-taken-for-problems": {"page-404": "type should be"},
    "big-endian": {"binary-step": "should have the body 000000000000e03f", "binary-put-params": "value 0"},
    "short-answers-filled-up": {
        "octet-stream-cut": "should have failed with unexpected-answer",
        "octet-stream-too-long": "should have failed with unexpected-answer",
    },
    "answers-in-json": {
        "binary-step": "should have asked for an answer in application/octet-stream",
        "binary-step-names": "should have asked for an answer in application/vnd.safetensors",
    },
}


@pytest.fixture
def broken(request: pytest.FixtureRequest, places: Places) -> Iterator[Runner]:
    """A runner of the Python client with one bug in it."""
    command = (sys.executable, "-m", "tests.conformance.broken_program", request.param)
    with Runner(ClientUnderTest(request.param, command, "tests/conformance/broken_program.py"), places) as runner:
        yield runner


@pytest.mark.parametrize(("broken", "bug"), [(bug, bug) for bug in FOUND_BY], indirect=["broken"], ids=list(FOUND_BY))
def test_the_suite_finds_a_bug(broken: Runner, bug: str) -> None:
    """Each case that is named for the bug fails, and says what is wrong."""
    for name, reason in FOUND_BY[bug].items():
        complaints = broken.run(CASES[name])
        assert any(reason in complaint for complaint in complaints), (name, complaints)


@pytest.mark.parametrize("broken", ["none"], indirect=True)
def test_without_a_bug_the_same_cases_pass(broken: Runner) -> None:
    """It is the bug that fails them, not the way in which it is put in."""
    named = sorted({name for found in FOUND_BY.values() for name in found})
    assert {name: broken.run(CASES[name]) for name in named} == {name: [] for name in named}


def test_every_bug_is_looked_for() -> None:
    """No bug of the program is left out here."""
    assert set(BUGS) - {"none"} == set(FOUND_BY)


@pytest.mark.parametrize("broken", ["none"], indirect=True)
def test_a_case_that_demands_what_does_not_happen_fails(broken: Runner) -> None:
    """The suite is not satisfied by a correct client where the case says something else."""
    demands = [
        ({"do": "info", "requests": []}, "should have sent []"),
        ({"do": "info", "fails": {"type": "not-ready"}}, "should have failed with not-ready"),
        ({"do": "info", "network": [{}, {"answer": "closed"}]}, "the case speaks of 1 more"),
        ({"do": "info", "gives": {"durability": "paper"}}, 'durability should be "paper", is "memory"'),
        ({"do": "info", "as_served": "/v1/optimizers"}, "optimizers is missing"),
        (
            {"do": "open", "as": "run", "id": "run", "fails": {"type": "session-exists"}},
            'should be "session-exists", is "session-not-found"',
        ),
        (
            {"do": "open", "as": "run", "id": "sent", "shape": [1], "sends": [{"content_type": "text/plain"}]},
            "PUT /v1/sessions/sent: should have Content-Type text/plain, has 'application/json'",
        ),
        ({"do": "info", "sends": []}, "should have sent 0 requests, sent ['GET /v1/info']"),
        ({"do": "info", "sends": [{"tensors": {"params": {"hex": [], "decimal": []}}}]}, "is not safetensors"),
        ({"other": "compare", "path": "none.json", "id": "none"}, "none.json"),
    ]
    for action, reason in demands:
        case = Case("demands", "demand", "A demand that is not met.", [action])
        assert any(reason in complaint for complaint in broken.run(case)), (action, broken.run(case))
