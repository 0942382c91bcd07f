"""The runner and its command: programs that break the protocol, known failures, exit status."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.conformance import clients, program
from tests.conformance.__main__ import main
from tests.conformance.cases import Case, all_cases
from tests.conformance.clients import ClientUnderTest
from tests.conformance.places import Places
from tests.conformance.runner import NotSupported, Runner

INFO = Case("made", "made", "Asks for the service's document.", [{"do": "info", "gives": {"durability": "memory"}}])


def programmed(code: str) -> ClientUnderTest:
    """A client whose program is a few lines of Python."""
    return ClientUnderTest("made", (sys.executable, "-c", code), "tests/conformance/runner.py")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import sys; print('no JSON', flush=True); sys.stdin.read()", "is no object with ok or error: 'no JSON"),
        ("print('[1]', flush=True)", "is no object with ok or error"),
        ("import sys; sys.exit('it broke')", "it broke"),
        ("raise KeyError('connect')", "KeyError"),
        ("import sys; sys.stdin.read()", "no answer to connect within 1 s"),
    ],
)
def test_a_program_that_breaks_the_protocol_fails_its_case(
    places: Places, monkeypatch: pytest.MonkeyPatch, code: str, reason: str
) -> None:
    """The complaint says what the program did, with what it wrote to standard error; the runner goes on."""
    monkeypatch.setattr(program, "DEADLINE_S", 1.0 if "within" in reason else program.DEADLINE_S)
    with Runner(programmed(code), places) as runner:
        for _ in range(2):  # the second time with a program that is started anew
            (complaint,) = runner.run(INFO)
            assert reason in complaint


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ("None", "should be one unnamed tensor or tensors by name, is None"),
        ("{'unnamed': [1.0]}", "should have shape and bits, is [1.0]"),
        ("{'unnamed': {'shape': 1, 'bits': []}}", "should have a list of lengths as its shape, has 1"),
        ("{'unnamed': {'shape': [1], 'bits': ['3F80']}}", "should have 16 hexadecimal digits"),
        ("{'unnamed': {'shape': [2], 'bits': ['3ff0000000000000']}}", "should have 2 values of the shape [2], has 1"),
    ],
)
def test_values_that_are_malformed_fail_a_case(places: Places, params: str, reason: str) -> None:
    """Whatever a program answers is judged, and never breaks the runner."""
    checkpoint = (
        f"dict(optimizer=dict(name='sgd'), dtype='float64', step=0, params={params}, state=dict(), digest=None)"
    )
    code = (
        "import json, sys\n"
        "for line in sys.stdin:\n"
        f"    print(json.dumps(dict(ok={checkpoint} if 'load' in line else dict())), flush=True)"
    )
    case = Case("made", "made", "Loads.", [{"do": "load", "keep": "c", "path": "c.json"}])
    with Runner(programmed(code), places) as runner:
        (complaint,) = runner.run(case)
    assert reason in complaint


DECLINES = (
    "import json, sys\n"
    "for line in sys.stdin:\n"
    "    print(json.dumps(dict(error=dict(type='not-supported')) if 'binary' in line else dict(ok={})), flush=True)"
)


def test_a_client_may_decline_a_case_of_binary_formats(places: Places) -> None:
    """A program that has JSON alone says so, and the case is not for it; anywhere else that fails."""
    actions = [{"do": "connect", "format": "binary"}]
    with Runner(programmed(DECLINES), places) as runner:
        with pytest.raises(NotSupported):
            runner.run(Case("binary-step", "made", "Connects.", actions))
        (complaint,) = runner.run(Case("step", "made", "Connects.", actions))
    assert "not-supported" in complaint


def test_what_a_client_declines_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command counts it apart, and is content."""
    monkeypatch.setattr(clients, "CLIENTS", (programmed(DECLINES),))
    monkeypatch.setattr(clients, "KNOWN_FAILURES", tmp_path)
    (tmp_path / "made.json").write_text("{}", "utf-8")
    assert main(["made", "--case", "binary-step"]) == 0
    assert "made: 1 case: 0 pass, 0 fail, 1 not for it" in capsys.readouterr().out


@pytest.fixture
def known_failures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The list of a client that is broken on purpose, which alone is in the table."""
    command = (sys.executable, "-m", "tests.conformance.broken_program", "no-if-match")
    broken = ClientUnderTest("broken", command, "tests/conformance/broken_program.py")
    monkeypatch.setattr(clients, "CLIENTS", (broken,))
    monkeypatch.setattr(clients, "KNOWN_FAILURES", tmp_path)
    return tmp_path / "broken.json"


@pytest.mark.parametrize(
    ("known", "status", "shown"),
    [
        ({}, 1, ["step         adadelta-float64  FAILS", "a step was sent without If-Match", "1 pass, 1 fail"]),
        ({"adadelta-float64": "not built yet"}, 0, ["adadelta-float64  known", "1 pass, 0 fail, 1 known to fail"]),
        ({"adadelta-float64": "why", "info": "why"}, 1, ["info              PASSES NOW", "take it off the list"]),
        ({"adadelta-float64": "why", "adadelta-64": "why"}, 1, ["known_failures names adadelta-64, which is no case"]),
    ],
)
def test_the_command_tells_what_fails(
    known_failures: Path, capsys: pytest.CaptureFixture[str], known: dict[str, str], status: int, shown: list[str]
) -> None:
    """A failure is 1; a known one is not; one that passes, or that no case has, is."""
    known_failures.write_text(json.dumps(known), "utf-8")
    assert main(["broken", "--case", "adadelta-float64", "--case", "info"]) == status
    printed = capsys.readouterr().out
    for line in shown:
        assert " ".join(line.split()) in " ".join(printed.split())


def test_a_client_that_is_named_has_to_be_there(
    known_failures: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it lacks is said with the line that installs it; without a name it is left out."""
    known_failures.write_text("{}", "utf-8")
    absent = ClientUnderTest("broken", ("none",), "none", needs=(("no-such-program", "apt-get install it", 1),))
    monkeypatch.setattr(clients, "CLIENTS", (absent,))
    assert main(["broken"]) == 1
    assert "it needs the program no-such-program, which is not installed: apt-get install it" in capsys.readouterr().out


def test_no_case_is_named_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt case is refused, not skipped."""
    with pytest.raises(SystemExit):
        main(["python", "--case", "step-shut"])
    assert "there is no case step-shut" in capsys.readouterr().err
    assert "step-shut" not in {case.name for case in all_cases()}
