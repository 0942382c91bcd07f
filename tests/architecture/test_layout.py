"""The house rules that a reader relies on: one idea per file, said at its head; nothing loaded under a second name."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path
    for folder in ("service", "clients", "tests", "tools", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
    if "__pycache__" not in path.parts
)
OURS = sorted(
    path
    for path in SOURCES
    if "src" in path.parts or any(path.is_relative_to(ROOT / folder) for folder in ("service", "benchmarks"))
)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_no_file_is_longer_than_400_lines(path: Path) -> None:
    """A file that outgrows 400 lines answers more than one question."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", OURS, ids=name)
def test_every_file_begins_by_saying_what_belongs_in_it(path: Path) -> None:
    """The docstring at a file's head begins with a whole sentence."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring
    assert len(docstring.split()) >= 3
    assert docstring.partition("\n\n")[0].endswith((".", ":"))


@pytest.mark.parametrize("path", OURS, ids=name)
def test_public_classes_and_functions_have_docstrings(path: Path) -> None:
    """Whatever has a public name at the top of a file says in a line what it is."""
    bare = [
        node.name
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not node.name.endswith("_routes")
        and ast.get_docstring(node) is None
        and not _is_error_with_a_title(node)
    ]
    assert bare == []


def _is_error_with_a_title(node: ast.AST) -> bool:
    """An error class says what it is in its title."""
    return isinstance(node, ast.ClassDef) and any(
        isinstance(line, ast.Assign) and ast.unparse(line.targets[0]).startswith(("(code", "code"))
        for line in node.body
    )


def test_the_package_is_never_loaded_as_service_stepd() -> None:
    """service/ is a source root: modules have one name, whatever the working folder."""
    code = (
        "import sys, stepd.cli, stepd.server, stepd.app;"
        "print([m for m in sys.modules if m == 'service' or m.startswith('service.')])"
    )
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert shown.stdout.strip() == "[]"


def test_importing_the_core_loads_numpy_and_nothing_of_the_service() -> None:
    """`from stepd import Adadelta` costs NumPy, not a web framework."""
    code = (
        "import sys, stepd;"
        "print(sorted({m.split('.')[0] for m in sys.modules} & "
        "{'fastapi', 'starlette', 'pydantic', 'uvicorn', 'structlog', 'numba', 'httpx', 'typer', 'orjson'}))"
    )
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert shown.stdout.strip() == "[]"


def test_errors_know_no_http_status() -> None:
    """The table from error to status stands in api/problems.py, and there alone."""
    tree = ast.parse((ROOT / "service/stepd/errors.py").read_text(encoding="utf-8"))
    numbers = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, int)]
    assert [number for number in numbers if 100 <= number < 600] == []


def test_every_exception_from_a_lint_rule_gives_its_reason() -> None:
    """A rule that is switched off in pyproject.toml has a reason beside it."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lint = text[text.index("[tool.ruff.lint]") : text.index("[tool.ruff.lint.isort]")]
    switched_off = [line for line in lint.splitlines() if line.strip().startswith('"') and "[" not in line]
    assert switched_off
    assert [line for line in switched_off if "#" not in line] == []
