"""docs/guarantees.md names, for each promise, tests that exist."""

import ast
import re

import pytest

from tests.docs.documents import ROOT, read

PAGE = read("docs/guarantees.md")
NAMED = re.findall(r"^- `((?:tests|clients)/[\w./]+\.py)(?:::(\w+))?`$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("file_name", "test"), NAMED, ids=lambda part: part.rpartition("/")[2] or "whole-file")
def test_the_named_test_exists(file_name: str, test: str) -> None:
    """A promise's test is there under that name."""
    tree = ast.parse((ROOT / file_name).read_text(encoding="utf-8"))
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    for node in tree.body:
        if isinstance(node, ast.Assign):  # a hypothesis state machine's TestCase
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    assert not test or test in names


def test_every_promise_names_a_test() -> None:
    """No heading under "Kept" stands without a test."""
    kept = PAGE[PAGE.index("## Kept") : PAGE.index("## Not yet")]
    promises = kept.split("\n### ")[1:]
    assert len(promises) >= 5
    assert [promise.splitlines()[0] for promise in promises if "- `" not in promise] == []
