"""Every client does what every case says: the suite itself, one test per client and case."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.conformance.cases import Case, all_cases
from tests.conformance.clients import CLIENTS, KNOWN_FAILURES, ClientUnderTest
from tests.conformance.places import Places
from tests.conformance.runner import NotSupported, Runner
from tests.conformance.verdicts import Result, unknown_names, verdict
from tests.needs import require

RunnerOf = Callable[[ClientUnderTest], Runner]


@pytest.fixture(scope="module")
def runner_of(places: Places) -> Iterator[RunnerOf]:
    """The runner of a client, started when it is first asked for."""
    runners: dict[str, Runner] = {}
    with ExitStack() as stack:

        def runner_of(client: ClientUnderTest) -> Runner:
            if client.name not in runners:
                require(client.lacks())
                runners[client.name] = stack.enter_context(Runner(client, places))
            return runners[client.name]

        yield runner_of


# Where there is no network between a client and its service, the cases about that are not for it.
RUNS = [
    pytest.param(client, case, id=f"{client}-{case}")
    for client in CLIENTS
    for case in all_cases()
    if client.networked or not case.needs_network
]


@pytest.mark.parametrize(("client", "case"), RUNS)
def test_case(client: ClientUnderTest, case: Case, runner_of: RunnerOf) -> None:
    """The client does what the case says, or is known not to."""
    try:
        found = verdict(case.name, runner_of(client).run(case), client.known_failures())
    except NotSupported:
        pytest.skip(f"{client} has no binary formats")
    if found.result is Result.KNOWN:
        pytest.xfail(found.reasons[0])
    assert not found.result.is_failure, "\n".join([case.about, *found.reasons])


@pytest.mark.parametrize("client", [client for client in CLIENTS if client.name.startswith("python")], ids=str)
def test_the_python_clients_decline_nothing(client: ClientUnderTest, runner_of: RunnerOf) -> None:
    """They have all formats; that a client lost one would not show as a failure."""
    names = {"binary-step-names", "safetensors-file-of-the-clients"}
    for case in all_cases():
        if case.name in names and (client.networked or not case.needs_network):
            assert runner_of(client).run(case) == []


@pytest.mark.parametrize("client", CLIENTS, ids=str)
def test_known_failures_name_cases_and_give_reasons(client: ClientUnderTest) -> None:
    """A list does not outlive the cases that it names, and says why each fails."""
    known = client.known_failures()
    assert unknown_names(known, [case.name for case in all_cases()]) == []
    assert all(reason.strip() for reason in known.values())


def test_known_failures_belong_to_clients() -> None:
    """There is one file for each row of the table, and no other."""
    assert {path.stem for path in KNOWN_FAILURES.iterdir()} == {client.name for client in CLIENTS}
    assert all(isinstance(json.loads(path.read_text("utf-8")), dict) for path in KNOWN_FAILURES.iterdir())


def test_a_known_failure_that_passes_is_a_failure() -> None:
    """Once mended, a case has to come off the list."""
    known = {"step-closed": "not built yet"}
    assert verdict("step-closed", [], known).result is Result.PASSES_NOW
    assert verdict("step-closed", ["wrong"], known).result is Result.KNOWN
    assert verdict("step-reset", ["wrong"], known).result is Result.FAILED
    assert verdict("step-reset", [], known).result is Result.PASSED
    assert Result.PASSES_NOW.is_failure
    assert not Result.KNOWN.is_failure


def test_a_listed_name_that_no_case_has_is_found() -> None:
    """A case that was renamed does not stay excused."""
    assert unknown_names({"step-closed": "why", "step-shut": "why"}, ["step-closed", "step-reset"]) == ["step-shut"]
