"""`stepd demo` as a user runs it: with a service of its own, in a pipe, interrupted, and without its packages."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import pytest

from tests.docs.documents import ROOT, read
from tests.e2e.program import environment, nobody_listens

PATIENCE_S = 120.0
COMMAND = (sys.executable, "-m", "stepd", "demo")
# Whatever the environment names as a proxy must not be asked, and a claim of a terminal not be believed.
MISLEADING = {"HTTP_PROXY": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9", "FORCE_COLOR": "1"}


def run(command: tuple[str, ...], folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs it to its end, and to that of every process that it started: they share its stderr, which is read whole."""
    return subprocess.run(
        command,
        cwd=folder,
        env=environment(**MISLEADING),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def address(line: str) -> str:
    found = re.search(r"http://[\d.:]+\d", line)
    assert found, line
    return found.group()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the demo runs."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def ran(folder: Path) -> subprocess.CompletedProcess[str]:
    """The whole demo, as README has it."""
    return run(COMMAND, folder)


def test_it_succeeds_and_says_that_the_bits_are_equal(ran: subprocess.CompletedProcess[str]) -> None:
    """Exit status 0, and the last line is the verdict over all steps."""
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines()[-1] == (
        "bit for bit equal: params after each of 500 steps, and the state at the end, "
        "are those of stepd.Adadelta in this process"
    )


def test_it_recognizes_more_than_93_of_100_new_images(ran: subprocess.CompletedProcess[str]) -> None:
    """The table goes from chance at step 0 to a model that has learnt, at the last step."""
    table = [line.split() for line in ran.stdout.splitlines() if re.match(r" +\d+ +\d\.\d{3} ", line)]
    assert (table[0][0], table[-1][0]) == ("0", "500")
    assert table[0][1] == "2.303", "the logarithm of ten classes"
    assert float(table[-1][1]) < 0.2
    assert float(table[-1][3].rstrip("%")) > 93


def test_it_draws_the_learning_curve(ran: subprocess.CompletedProcess[str], folder: Path) -> None:
    """The file that it names, and no other, is left where it ran: a PNG that can be read."""
    (line,) = [line for line in ran.stdout.splitlines() if line.startswith("learning curve: ")]
    assert [path.name for path in folder.iterdir()] == [line.removeprefix("learning curve: ")]
    assert matplotlib.image.imread(folder / "stepd-demo.png").shape[:2] == (400, 900)


def test_it_leaves_no_service_behind(ran: subprocess.CompletedProcess[str]) -> None:
    """Nobody listens any more at the address that it named."""
    (line,) = [line for line in ran.stdout.splitlines() if line.startswith("service ")]
    assert line.endswith(", started for this run")
    assert nobody_listens(address(line))


def test_a_pipe_gets_plain_lines(ran: subprocess.CompletedProcess[str]) -> None:
    """No control character and no bar, whatever the environment claims, and no line wrapped."""
    assert [character for character in ran.stdout if ord(character) < 32 and character != "\n"] == []
    assert "training" not in ran.stdout
    assert len(ran.stdout.splitlines()[-1]) > 80


def test_readme_shows_what_it_prints(ran: subprocess.CompletedProcess[str]) -> None:
    """But for the port and the times, every line in README is what the demo says; the picture there is of its size."""
    found = re.search(r"```console\n\$ make demo\n(.*?)```", read("README.md"), re.DOTALL)
    assert found
    varying = r"(127\.0\.0\.1:|steps in |s: | each )\d+(\.\d+)?"
    assert re.sub(varying, r"\1N", found[1]) == re.sub(varying, r"\1N", ran.stdout)
    assert matplotlib.image.imread(ROOT / "docs" / "demo.png").shape[:2] == (400, 900)


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
def test_ending_it_ends_its_service(tmp_path: Path, sig: signal.Signals) -> None:
    """Ctrl+C, which a terminal sends to both, and SIGTERM to the demo alone: no traceback, no process left."""
    with subprocess.Popen(
        [*COMMAND, "--steps", "1000000000"],
        cwd=tmp_path,
        env=environment(PYTHONUNBUFFERED="1"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        try:
            lines = iter(process.stdout)
            url = next(address(line) for line in lines if line.startswith("service "))
            next(line for line in lines if line.split()[:1] == ["0"])  # it trains
            if sig == signal.SIGINT:
                os.killpg(process.pid, sig)
            else:
                process.send_signal(sig)
            # Its stderr ends when the service's does: they are the same.
            _, errors = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    assert process.returncode == 128 + sig
    assert errors == ("stepd: interrupted\n" if sig == signal.SIGINT else "")
    assert nobody_listens(url)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("package", ["httpx", "matplotlib", "rich", "sklearn", "stepd_client", "threadpoolctl"])
def test_a_package_that_is_missing_is_named(tmp_path: Path, package: str) -> None:
    """One line says which and what to run, and the exit status is 2. Nothing is loaded to find out."""
    without = f"import sys; sys.modules[{package!r}] = None; from stepd.cli import main; main()"
    shown = run((sys.executable, "-c", without, "demo"), tmp_path)
    assert (shown.returncode, shown.stdout) == (2, "")
    assert shown.stderr == f"stepd: the demo needs what is not installed: {package}; in a checkout run: make demo\n"


def test_a_broken_demo_is_not_called_a_missing_package(tmp_path: Path) -> None:
    """Another module that can't be imported is a defect, and shown as one."""
    without = "import sys; sys.modules['stepd.demo.picture'] = None; from stepd.cli import main; main()"
    shown = run((sys.executable, "-c", without, "demo"), tmp_path)
    assert shown.returncode == 1
    assert "ModuleNotFoundError" in shown.stderr
    assert "make demo" not in shown.stderr


def test_the_other_commands_load_nothing_of_it() -> None:
    """`stepd serve` and `stepd version` need no plotting, no training data, and no client."""
    code = (
        "import sys, stepd.cli, stepd.server;"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'matplotlib', 'sklearn', 'httpx', 'stepd_client'}),"
        "[m for m in sys.modules if m.startswith('stepd.demo')])"
    )
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert shown.stdout.strip() == "[] []"
