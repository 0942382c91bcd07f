"""Every link within the documents leads somewhere, and every name of a file in them exists."""

import re
from pathlib import Path

import pytest

from tests.docs.documents import DOCUMENTS, ROOT, name

LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")
FILE_NAME = re.compile(r"`((?:service|clients|tests|tools|docs|requirements|benchmarks)/[\w./-]+)`")


def anchors(text: str) -> set[str]:
    """The anchors that the headings of a document make."""
    return {
        re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-")
        for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_links_lead_somewhere(path: Path) -> None:
    """A relative link names a file that exists, and an anchor a heading or a line of it."""
    for link in LINK.findall(path.read_text(encoding="utf-8")):
        if link.startswith(("http://", "https://")):
            continue
        file_name, _, anchor = link.partition("#")
        target = path if not file_name else path.parent / file_name
        assert target.exists(), f"{name(path)} links to {link}"
        if re.fullmatch(r"L\d+", anchor):
            assert int(anchor[1:]) <= len(target.read_text(encoding="utf-8").splitlines()), link
        elif anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), f"{name(path)} links to {link}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_files_that_are_named_exist(path: Path) -> None:
    """A path in code style that begins with one of our folders is there."""
    for file_name in FILE_NAME.findall(path.read_text(encoding="utf-8")):
        assert (ROOT / file_name).exists(), f"{name(path)} names {file_name}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_commands_exist(path: Path) -> None:
    """Every `make` command that a document names is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for target in re.findall(r"(?:`|^)make ([a-z]+)", path.read_text(encoding="utf-8"), re.MULTILINE):
        assert target in targets, f"{name(path)} says make {target}"
