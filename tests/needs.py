"""What a test needs beside the pinned Python packages: without it the test is skipped, naming what is missing.

Where STEPD_TEST_REQUIRE=all is set, as in .ci/run, a missing need fails the test instead: nothing goes untested unseen.
"""

import importlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import pytest


def require_module(name: str, install: str) -> ModuleType:
    """The imported module; without it the test is skipped with the line that installs it."""
    try:
        return importlib.import_module(name)
    except ImportError:
        _lacking(f"the module {name}", install)


def require_program(name: str, install: str, major: int = 0) -> str:
    """The program's path; without it, or before that major version, the test is skipped with what installs it."""
    require(lacking_program(name, install, major))
    path = shutil.which(name)
    assert path is not None
    return path


def lacking_program(name: str, install: str, major: int = 0) -> tuple[str, str] | None:
    """What is missing and what installs it, where the program is not there or before that major version; else None."""
    path = shutil.which(name)
    if path is None:
        return f"the program {name}", install
    if major:
        told = subprocess.run([path, "--version"], check=True, capture_output=True, text=True).stdout.strip()
        found = re.search(r"\d+", told)
        if found is None or int(found[0]) < major:
            return f"the program {name} in version {major} or later (this one is {told})", install
    return None


def require_path(path: Path, install: str) -> Path:
    """The path, if there is something; without it the test is skipped with the line that makes it."""
    if not path.exists():
        _lacking(path.name, install)
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
