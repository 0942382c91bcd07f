"""Where numba can't be imported the service serves all the same, with the same bits, and says so."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.running import Service, serving

# To the import system a module that is None in sys.modules is not there, and find_spec finds none either.
BLOCK = "import sys; sys.modules['numba'] = sys.modules['llvmlite'] = None"
VECTORS = Path(__file__).parents[1] / "vectors" / "adadelta.json"
CASES: dict[str, dict[str, Any]] = {case["name"]: case for case in json.loads(VECTORS.read_text("utf-8"))["cases"]}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that can't import numba."""
    with serving(BLOCK, tmp_path_factory.mktemp("without-numba")) as running:
        yield running


def numbers(literals: list[str]) -> list[float]:
    return [float.fromhex(literal) for literal in literals]


def test_info_says_that_it_is_not_installed(service: Service) -> None:
    """/v1/info names the driver that serves and why it is not the other one."""
    assert service.driver() == {"serving": "blocked", "compiled": "not-installed"}


@pytest.mark.parametrize("name", ["one-value-float64", "ten-steps-float64"])
def test_a_step_has_the_right_bits(service: Service, name: str) -> None:
    """Golden values come out bit for bit: JSON carries a float64 exactly."""
    case = CASES[name]
    optimizer = {"name": "adadelta", **{key: case[key] for key in ("rho", "eps", "lr")}}
    now = {
        "params": numbers(case["params"]),
        "state": {slot: numbers(case[slot]) for slot in ("square_avg", "acc_delta")},
    }
    after = {step["step"]: step for step in case["after"]}
    for step, grads in enumerate(case["grads"], start=1):
        now = service.post("/v1/step", {"optimizer": optimizer, "grads": numbers(grads), **now})
        if step in after:
            assert now["params"] == numbers(after[step]["params"])
            assert now["state"] == {slot: numbers(after[step][slot]) for slot in ("square_avg", "acc_delta")}
    assert step in after, "the last step is one that was compared"


def test_it_is_ready(service: Service) -> None:
    """Being without numba is no reason not to be ready."""
    assert service.get("/readyz")


def test_the_log_says_so_in_one_line(tmp_path: Path) -> None:
    """One line on stderr, which says how to get numba; nothing else is logged."""
    with serving(BLOCK, tmp_path) as running:
        running.driver()
    (line,) = running.log
    assert "numba is not installed" in line
    assert "stepd[fast]" in line
