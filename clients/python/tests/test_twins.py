"""Client and AsyncClient, Session and AsyncSession: the same verbs, for type checkers and readers too."""

import inspect
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import get_overloads

import pytest

from stepd_client import AsyncClient, AsyncSession, Client, Session
from stepd_client.stepping import AsyncStep, Step

ROOT = Path(__file__).parents[3]
TWINS = [(Client, AsyncClient), (Session, AsyncSession)]
VERBS = {
    Client: {"close", "delete", "info", "optimizers", "restore", "session", "sessions", "step_once"},
    Session: {
        "delete",
        "describe",
        "fetch_params",
        "fork",
        "history",
        "incarnations",
        "put_params",
        "reset",
        "restore",
        "snapshot",
        "state",
        "step",
        "wait_for_step",
    },
}


def public(kind):
    """The public members by name."""
    return {name: inspect.getattr_static(kind, name) for name in dir(kind) if not name.startswith("_")}


def parameters(function):
    """Name, kind and default of each."""
    return [(given.name, given.kind, given.default) for given in inspect.signature(function).parameters.values()]


@pytest.mark.parametrize(("called", "awaited"), TWINS)
def test_both_have_the_same_members_with_the_same_parameters(called, awaited):
    """Whoever knows one knows the other: names, parameters, their kinds and their defaults."""
    assert public(called).keys() == public(awaited).keys()
    functions = {name for name, member in public(called).items() if inspect.isfunction(member)}
    assert functions == VERBS[called]
    for name in functions:
        assert parameters(getattr(called, name)) == parameters(getattr(awaited, name)), name


@pytest.mark.parametrize(("called", "awaited"), TWINS)
def test_what_one_returns_the_other_gives_when_awaited(called, awaited):
    """Every verb of the one is a coroutine function of the other, and an iterator is an asynchronous one."""
    for name in VERBS[called]:
        assert not inspect.iscoroutinefunction(getattr(called, name))
        if name in ("history", "sessions"):
            assert inspect.isasyncgenfunction(getattr(awaited, name))
        else:
            assert inspect.iscoroutinefunction(getattr(awaited, name)), name


@pytest.mark.parametrize(("called", "awaited"), TWINS)
def test_both_are_documented_and_say_what_comes_back(called, awaited):
    """Help has a text for each verb, under its own name, and the type of its result."""
    for kind in (called, awaited):
        for name in VERBS[called]:
            function = getattr(kind, name)
            assert inspect.getdoc(function), f"{kind.__name__}.{name}"
            assert function.__qualname__ == f"{kind.__name__}.{name}"
            assert not str(inspect.signature(function).return_annotation).startswith(("Flow", "Pages"))


def test_both_are_made_with_the_same_parameters():
    """Only what waits and what sends differs: `sleep` and `transport` are asynchronous for the one."""
    called, awaited = parameters(Client), parameters(AsyncClient)
    assert [given[:2] for given in called] == [given[:2] for given in awaited]
    assert [given for given in called if given[0] != "sleep"] == [given for given in awaited if given[0] != "sleep"]
    assert parameters(Client.local) == parameters(AsyncClient.local)


@pytest.mark.parametrize(("kind", "protocol"), [(Session, Step), (AsyncSession, AsyncStep)])
def test_the_typed_forms_of_step_have_its_parameters(kind, protocol):
    """What type checkers are told of `step` by hand is what it takes."""
    *most, last = parameters(kind.step)
    named = SimpleNamespace(__module__=protocol.__module__, __qualname__=f"{protocol.__name__}.__call__")
    forms = get_overloads(named)
    assert len(forms) == 4
    for form in forms:
        *typed, typed_last = parameters(form)
        assert (typed, typed_last[:2]) == (most, last[:2])


def test_a_class_of_ones_own_may_replace_a_verb():
    """A program that derives from a client keeps what it has written itself."""

    class Mine(Client):
        def info(self):
            return {"mine": super().info}

    assert Mine.local
    assert Mine.info is not Client.info
    assert Mine.optimizers is Client.optimizers


def test_type_checkers_see_every_verb_of_both():
    """mypy --strict finds each result's type and refuses wrong arguments: what typed.py claims, line by line."""
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--config-file",
        "pyproject.toml",
        str(Path(__file__).with_name("typed.py")),
    ]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
