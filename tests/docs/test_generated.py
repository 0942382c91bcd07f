"""The generated parts of the documents are what the code says today, and the generator notices when they are not."""

import subprocess
import sys

from tests.docs.documents import ROOT, read
from tools.generate_docs import BLOCK, DOCUMENTS, generated


def test_generated_parts_are_up_to_date() -> None:
    """`make docs` would change nothing."""
    command = [sys.executable, "-m", "tools.generate_docs", "--check"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_stale_part_is_noticed() -> None:
    """A table with a changed cell does not survive."""
    text = read("docs/protocol.md")
    assert generated(text) == text
    stale = text.replace("`session-expired` |", "`session-lapsed` |")
    assert stale != text
    assert generated(stale) == text


def test_every_mark_is_closed() -> None:
    """No generated part swallows the prose behind it."""
    for document in DOCUMENTS:
        text = read(document)
        assert text.count("<!-- generated: ") == text.count("<!-- end -->") == len(BLOCK.findall(text))
