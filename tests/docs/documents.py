"""The documents as tests see them: their text, and the blocks in them that are marked as tested."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "clients").glob("*/*.md")],
    key=lambda path: path.relative_to(ROOT).as_posix(),
)


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def read(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def marked_block(document: str, mark: str) -> str:
    """The code block that follows `<!-- tested: mark -->`."""
    found = re.search(rf"<!-- tested: {mark} -->\n```\w+\n(.*?)```", read(document), re.DOTALL)
    assert found, f"{document} has no block that is marked as tested: {mark}"
    return found[1]
