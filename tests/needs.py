"""What a test needs beside the pinned Python packages: without it the test is skipped, naming what is missing.

Where STEPD_TEST_REQUIRE=all is set, as in .ci/run, a missing need fails the test instead: nothing goes untested unseen.
"""

import importlib
import os
import shutil
from types import ModuleType
from typing import NoReturn

import pytest


def require_module(name: str, install: str) -> ModuleType:
    """The imported module; without it the test is skipped with the line that installs it."""
    try:
        return importlib.import_module(name)
    except ImportError:
        _lacking(f"the module {name}", install)


def require_program(name: str, install: str) -> str:
    """The program's path; without it the test is skipped with the line that installs it."""
    path = shutil.which(name)
    if path is None:
        _lacking(f"the program {name}", install)
    return path


def require(lacking: tuple[str, str] | None) -> None:
    """Skips the test where somebody else has found something missing: what it is, and the line that installs it."""
    if lacking is not None:
        _lacking(*lacking)


def _lacking(what: str, install: str) -> NoReturn:
    reason = f"needs {what}, which is not installed: {install}"
    if os.environ.get("STEPD_TEST_REQUIRE") == "all":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
