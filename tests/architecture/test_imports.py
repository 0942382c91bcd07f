"""Imports run one way, and the check that says so is not blind."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def lint_imports(config: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    command = [str(program), "--config", str(config), "--no-cache"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_contracts_of_pyproject_hold() -> None:
    """Layers, the distance of sessions, wire, client and demo from one another, and the framework's place all hold."""
    result = lint_imports(ROOT / "pyproject.toml")
    assert result.returncode == 0, result.stdout
    assert "5 kept, 0 broken" in result.stdout


def test_a_layer_that_is_turned_around_is_found(tmp_path: Path) -> None:
    """With errors above api the same check fails: it does see our imports."""
    config = tmp_path / "contracts.ini"
    config.write_text(
        "[importlinter]\nroot_package = stepd\n\n"
        "[importlinter:contract:1]\nname = turned around\ntype = layers\nlayers =\n  stepd.errors\n  stepd.api\n",
        encoding="utf-8",
    )
    result = lint_imports(config)
    assert result.returncode != 0
    assert "stepd.api" in result.stdout
