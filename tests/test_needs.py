"""A missing need skips a test by name, or fails it where everything is required."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.needs import require, require_module, require_path, require_program

MISSING: list[Callable[[], object]] = [
    lambda: require_module("no_such_module", "pip install it"),
    lambda: require_program("no-such-program", "pip install it"),
    lambda: require_program("no-such-program", "pip install it", major=1),
    lambda: require_path(Path("no-such-program"), "pip install it"),
    lambda: require(("the program no-such-program", "pip install it")),
]


@pytest.mark.parametrize("need", MISSING)
def test_a_missing_need_skips_with_its_install_line(
    need: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason names what is missing and how to install it."""
    monkeypatch.delenv("STEPD_TEST_REQUIRE", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"no.such.(module|program).*pip install it"):
        need()


@pytest.mark.parametrize("need", MISSING)
def test_a_missing_need_fails_where_all_is_required(
    need: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With STEPD_TEST_REQUIRE=all nothing is skipped."""
    monkeypatch.setenv("STEPD_TEST_REQUIRE", "all")
    with pytest.raises(pytest.fail.Exception, match="pip install it"):
        need()


def test_what_is_there_is_handed_over() -> None:
    """A module comes imported, a program as its path."""
    assert require_module("json", "") is json
    assert require_program("sh", "").endswith("/sh")
    require(None)
    assert require_path(Path(__file__), "") == Path(__file__)


def test_a_program_of_an_earlier_version_is_as_good_as_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The version that `--version` tells decides, and the reason names both."""
    monkeypatch.delenv("STEPD_TEST_REQUIRE", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    program = tmp_path / "old-program"
    program.write_text(f"#!{sys.executable}\nprint('v18.20.4')\n", encoding="utf-8")
    program.chmod(0o755)
    assert require_program("old-program", "get another", major=18) == str(program)
    with pytest.raises(pytest.skip.Exception, match=r"version 20 or later \(this one is v18\.20\.4\).*get another"):
        require_program("old-program", "get another", major=20)
