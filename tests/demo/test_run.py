"""`stepd demo` against a service that runs already: what it says, what it leaves there, and what it refuses."""

import re
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from typer.testing import CliRunner

from stepd.cli import cli
from stepd.demo import run as running
from stepd.demo.comparison import Comparison
from tests.demo.test_own_service import nobody_listens
from tests.server import Running

demo = CliRunner()


def sessions(server: Running) -> list[Any]:
    return list(server.http.get("/v1/sessions", params={"label": "program=stepd-demo"}).json()["sessions"])


def test_it_trains_through_that_service_and_leaves_nothing_there(server: Running, tmp_path: Path) -> None:
    """It names service and optimizer in full, ends with the verdict, writes the picture, and deletes its session."""
    picture = tmp_path / "curve.png"
    shown = demo.invoke(cli, ["demo", "--steps", "20", "--picture", str(picture), "--url", server.url])
    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.splitlines()
    assert lines[2] == "optimizer  adadelta(lr=1.0, rho=0.95, eps=1e-06, weight_decay=0.0, maximize=False)"
    assert lines[3] == f"service    stepd 0.1.0 at {server.url}, which was running"
    assert [int(line.split()[0]) for line in lines[6:17]] == list(range(0, 21, 2))
    assert re.fullmatch(r"20 steps in [\d.]+ s: \d+ steps per second, each [\d.]+ ms from request to answer", lines[18])
    assert lines[-1].startswith("bit for bit equal: params after each of 20 steps")
    assert matplotlib.image.imread(picture).shape[:2] == (400, 900)
    assert sessions(server) == []


def test_without_an_address_it_starts_a_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so, trains through that one, and the address answers nobody afterwards."""
    monkeypatch.setenv("STEPD_DRIVER", "blocked")
    shown = demo.invoke(cli, ["demo", "--steps", "2", "--picture", str(tmp_path / "curve.png")])
    assert shown.exit_code == 0, shown.output
    found = re.search(r"^service    stepd \S+ at (http://\S+), started for this run$", shown.stdout, re.MULTILINE)
    assert found
    assert nobody_listens(found[1])


def test_another_optimizer_and_learning_rate(server: Running, tmp_path: Path) -> None:
    """What is asked for is what is used and compared with."""
    options = ["--steps", "3", "--optimizer", "rmsprop", "--lr", "0.02", "--picture", str(tmp_path / "curve.png")]
    shown = demo.invoke(cli, ["demo", "--url", server.url, *options])
    assert shown.exit_code == 0, shown.output
    assert "optimizer  rmsprop(lr=0.02, alpha=0.99, " in shown.stdout
    assert "those of stepd.RMSprop" in shown.stdout.splitlines()[-1]


def test_a_run_that_differs_fails(server: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside a textbook class whose rho is the next float64 the last line says where the two part; the status is 1."""

    def slightly_off(optimizer: dict[str, Any], params: Any) -> Comparison:
        return Comparison({**optimizer, "rho": float(np.nextafter(optimizer["rho"], 1.0))}, params)

    monkeypatch.setattr(running, "Comparison", slightly_off)
    picture = str(tmp_path / "curve.png")
    shown = demo.invoke(cli, ["demo", "--steps", "5", "--url", server.url, "--picture", picture])
    assert shown.exit_code == 1
    assert re.fullmatch(
        r"NOT EQUAL: after step \d, params of \w+\[[\d, ]+\] is \S+; "
        r"stepd.Adadelta in this process, fed the same gradients, has \S+",
        shown.stdout.splitlines()[-1],
    )
    assert sessions(server) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--optimizer", "adam"], "--optimizer is 'adam'; it must be one of adadelta, adagrad, rmsprop, sgd"),
        (["--lr", "-1"], "--lr can't be used: "),
        (["--lr", "nan"], "--lr can't be used: "),
        (["--picture", "curve.svg"], "--picture is 'curve.svg'; it is written as PNG, so its name must end in .png"),
        (["--picture", "none/curve.png"], "--picture is 'none/curve.png', and there is no folder 'none'"),
        (["--url", "ftp://example.org"], "--url can't be used: "),
    ],
)
def test_options_that_cannot_be_used_are_refused_at_once(options: list[str], said: str) -> None:
    """One line names the option and its value; nothing is trained."""
    shown = demo.invoke(cli, ["demo", *options])
    assert shown.exit_code == 2
    assert shown.stdout == ""
    assert shown.stderr.startswith(f"stepd: {said}")
    assert len(shown.stderr.splitlines()) == 1


def test_a_service_that_is_not_there(server: Running) -> None:
    """An address where nobody listens is told in one line, with status 1."""
    dead = "http://127.0.0.1:9"
    assert nobody_listens(dead)
    shown = demo.invoke(cli, ["demo", "--url", dead])
    assert shown.exit_code == 1
    assert shown.stdout == ""
    assert len(shown.stderr.splitlines()) == 1
    assert "refused" in shown.stderr


def test_an_interrupt_is_one_line(monkeypatch: pytest.MonkeyPatch, server: Running) -> None:
    """Ctrl+C while it trains is no traceback: one line and the status that shells expect."""

    def interrupted(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "train", interrupted)
    shown = demo.invoke(cli, ["demo", "--url", server.url])
    assert (shown.exit_code, shown.stderr) == (130, "stepd: interrupted\n")
