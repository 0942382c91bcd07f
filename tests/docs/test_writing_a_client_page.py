"""docs/writing-a-client.md: its table of commands is what programs implement, and what cases use."""

import inspect
import json
import re
import subprocess
import sys

import pytest
from clients.python.conformance.program import RENAMED, Program

from tests.conformance.cases import SCHEMA, all_cases
from tests.conformance.runner import JUDGEMENT
from tests.docs.documents import ROOT, read

PAGE = read("docs/writing-a-client.md")
SCHEMA_COMMANDS = json.loads(SCHEMA.read_text("utf-8"))["$defs"]["command"]["oneOf"]


def table_of_commands() -> dict[str, tuple[set[str], set[str]]]:
    """Each command of the page with the members that it needs and those that may be left out."""
    table = PAGE[PAGE.index("| `do` |") : PAGE.index("- A view is")]
    found = {}
    for line in table.splitlines()[2:]:
        if line.startswith("|"):
            do, members, _ = (cell.strip() for cell in line.strip("|").split("|", 2))
            optional = {name for group in re.findall(r"\[(.*?)\]", members) for name in re.findall(r"`(\w+)`", group)}
            needed = set(re.findall(r"`(\w+)`", members)) - optional
            found |= dict.fromkeys(re.findall(r"`(\w+)`", do), (needed, optional))
    return found


COMMANDS = table_of_commands()


def test_the_python_program_implements_the_table() -> None:
    """Every command, with exactly the members of the page, and no other."""
    back = {renamed: name for name, renamed in RENAMED.items()}
    program = Program(lambda *arguments, **given: None)
    assert set(program.commands) == set(COMMANDS)
    for do, (needed, optional) in COMMANDS.items():
        parameters = inspect.signature(program.commands[do]).parameters.values()
        named = {back.get(one.name, one.name): one for one in parameters if one.kind is not one.VAR_KEYWORD}
        passes_on = len(named) < len(parameters)
        assert needed <= set(named), do
        assert {name for name, one in named.items() if one.default is one.empty} <= needed, do
        assert set(named) - needed <= optional, do
        assert passes_on or set(named) == needed | optional, do


def test_the_schema_has_the_same_commands() -> None:
    """A case can say what the page says, and nothing else; the address of `connect` is the runner's to give."""
    schema = {one["properties"]["do"]["const"]: one for one in SCHEMA_COMMANDS}
    assert set(schema) == set(COMMANDS)
    for do, (needed, optional) in COMMANDS.items():
        own = {"url"} if do == "connect" else set()
        assert set(schema[do]["required"]) - {"do"} == needed - own, do
        assert set(schema[do]["properties"]) - {"do"} - JUDGEMENT == (needed | optional) - own, do


def test_the_cases_use_every_command() -> None:
    """No command of the page goes untested."""
    assert {action["do"] for case in all_cases() for action in case.actions if "do" in action} == set(COMMANDS)


@pytest.mark.parametrize("path", re.findall(r"`(tests/[\w./]+?)(?:/<client>\.json)?`", PAGE))
def test_the_paths_are_there(path: str) -> None:
    """What a newcomer is sent to exists."""
    assert (ROOT / path).exists()


def test_the_command_for_a_single_case_works() -> None:
    """The line that runs one case prints its result and exits with 0."""
    (line,) = re.findall(r"`\.venv/bin/python (-m tests\.conformance .*?)`", PAGE)
    ran = subprocess.run([sys.executable, *line.split()], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert re.search(r"^retry +step-closed +passes$", ran.stdout, re.MULTILINE)
    assert ran.stdout.endswith("python: 1 case: 1 pass, 0 fail\n")


def test_a_client_that_is_not_there_is_named() -> None:
    """A misspelt client is answered with the names that there are."""
    command = [sys.executable, "-m", "tests.conformance", "pyton"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert "there is no client 'pyton'; there are python," in ran.stderr
