"""A missing need skips a test by name, or fails it where everything is required."""

import json
from collections.abc import Callable

import pytest

from tests.needs import require, require_module, require_program

MISSING: list[Callable[[], object]] = [
    lambda: require_module("no_such_module", "pip install it"),
    lambda: require_program("no-such-program", "pip install it"),
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
