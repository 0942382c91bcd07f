"""The commands that a fresh checkout starts with: what they list, install and refuse, seen without installing."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.needs import require_program

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
COPIED = (
    "Makefile",
    "pyproject.toml",
    "requirements/serve.txt",
    "requirements/demo.txt",
    "requirements/dev.txt",
    "clients/python/pyproject.toml",
    "clients/javascript/package.json",
    "clients/javascript/package-lock.json",
)

# An interpreter of another version: the version check of the Makefile runs in it for real. Like Debian's without
# python3-venv it leaves an environment half made.
OTHER_PYTHON = """#!{python}
import os, sys
sys.version_info = {version}
if sys.argv[1] == "-c":
    exec(sys.argv[2])
elif sys.argv[1] == "--version":
    print("Python", ".".join(map(str, sys.version_info[:3])))
else:
    os.makedirs(".venv/bin")
    open(".venv/bin/python", "w").close()
    sys.exit("cannot do " + " ".join(sys.argv[1:]))
"""
RECORDER = """#!/bin/sh
echo "$(basename "$0") $* (STEPD_TEST_REQUIRE=$STEPD_TEST_REQUIRE)" >> {log}
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """As much of a fresh checkout as make looks at."""
    for name in COPIED:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs make as from a shell of its own, whatever make these tests run under."""
    program = require_program("make", "apt install make")
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    return subprocess.run(
        [program, *arguments], cwd=folder, env=environment, check=False, capture_output=True, text=True
    )


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("arguments", [["help"], []])
def test_help_lists_every_command(checkout: Path, arguments: list[str]) -> None:
    """`make help`, and `make` alone, print one line for each target that has a description, with the description."""
    described = dict(re.findall(r"^([a-z][\w.-]*):[^#\n]*## (.+)$", MAKEFILE, re.MULTILINE))
    assert {"serve", "demo", "test", "check", "help"} <= set(described)
    listed = dict(line.split(maxsplit=1) for line in make(checkout, *arguments).stdout.splitlines())
    assert listed == described


def test_every_command_has_a_description() -> None:
    """No phony target is left out of the list."""
    (phony,) = re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)
    assert set(phony.split()) == set(re.findall(r"^([a-z]+):.*## ", MAKEFILE, re.MULTILINE))


@pytest.mark.parametrize(("target", "lock"), [("serve", "serve"), ("demo", "demo"), ("test", "dev"), ("check", "dev")])
def test_installs_take_only_what_the_lock_names(checkout: Path, target: str, lock: str) -> None:
    """The lock is installed with --require-hashes; the project itself brings nothing along."""
    printed = make(checkout, "-n", target)
    assert printed.returncode == 0, printed.stderr
    installs = [line for line in printed.stdout.splitlines() if "-m pip" in line]
    locked = [line for line in installs if "--require-hashes" in line]
    assert len(locked) == 1
    assert locked[0].endswith(f" --require-hashes -r requirements/{lock}.txt")
    for line in installs:
        assert line in locked or {"--no-deps", "--no-build-isolation"} <= set(line.split()), line


def test_serve_installs_and_starts_the_service(checkout: Path) -> None:
    """The environment is made first, then filled, and the service takes make's place last."""
    printed = make(checkout, "-n", "serve").stdout
    steps = ["-m venv", "--require-hashes", "-e .", "stepd serve"]
    assert sorted(steps, key=printed.index) == steps


@pytest.mark.parametrize("target", ["serve", "demo", "test", "check"])
def test_an_older_python_is_refused(checkout: Path, target: str) -> None:
    """One clear message names the version that is needed and the one that was found, and nothing is made."""
    old = executable(checkout / "python-old", OTHER_PYTHON.format(python=sys.executable, version=(3, 10, 14)))
    ran = make(checkout, target, f"PYTHON={old}")
    assert ran.returncode != 0
    assert ran.stdout.splitlines()[0] == (
        f"stepd needs Python 3.11 or later; {old} is Python 3.10.14. Try: make PYTHON=python3.13"
    )
    assert not (checkout / ".venv").exists()


def test_the_oldest_python_is_let_in(checkout: Path) -> None:
    """3.11.0 passes; where it then can't make an environment, it says what to install and leaves no half of one."""
    python = executable(checkout / "python-311", OTHER_PYTHON.format(python=sys.executable, version=(3, 11, 0)))
    ran = make(checkout, "serve", f"PYTHON={python}")
    assert ran.returncode != 0
    assert "cannot do -m venv .venv" in ran.stderr
    assert ran.stdout.splitlines() == [
        f"{python} can't make a virtual environment; on Debian: apt install python3-venv"
    ]
    assert not (checkout / ".venv").exists()


def test_ci_runs_checks_and_tests_with_nothing_skipped(checkout: Path) -> None:
    """.ci/run ends with `make check test`, and has told the tests that what can't run is a failure."""
    log = checkout / "log"
    for name in ("make", "apt-get"):
        executable(checkout / "bin" / name, RECORDER.format(log=log))
    run = executable(checkout / ".ci" / "run", (ROOT / ".ci" / "run").read_text("utf-8"))
    environment = {"PATH": f"{checkout / 'bin'}:/usr/bin:/bin"}
    subprocess.run([run], cwd="/", env=environment, check=True, timeout=30)
    assert log.read_text("utf-8").splitlines()[-1] == "make check test (STEPD_TEST_REQUIRE=all)"


def test_ci_fails_where_make_fails(checkout: Path) -> None:
    """The exit status of the checks is that of .ci/run."""
    executable(checkout / "bin" / "apt-get", "#!/bin/sh\n")
    executable(checkout / "bin" / "make", "#!/bin/sh\nexit 7\n")
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    run = executable(checkout / ".ci" / "run", (ROOT / ".ci" / "run").read_text("utf-8"))
    environment = {"PATH": f"{checkout / 'bin'}:/usr/bin:/bin"}
    assert subprocess.run([run], cwd="/", env=environment, check=False, timeout=30).returncode == 7
