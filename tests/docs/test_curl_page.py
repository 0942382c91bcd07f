"""docs/curl.md: every command is run as printed, in one shell, and answers what the page shows."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.docs.documents import read
from tests.needs import require_program
from tests.server import Running, running

PAGE = "docs/curl.md"
ADDRESS = "http://127.0.0.1:8000"
MARK = "\x1e"
INCARNATION = re.compile(r"\b[a-z2-7]{13}(?=-\d+\b)")


def transcript(page: str) -> list[tuple[str, str]]:
    """Each command of the page with the output that is shown under it.

    A command begins with `$ ` and goes on in the lines that are indented.
    """
    commands: list[tuple[str, str]] = []
    for block in re.findall(r"^```console\n(.*?)^```$", page, re.DOTALL | re.MULTILINE):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            first, *rest = part.splitlines()
            inside = next((number for number, line in enumerate(rest) if not line.startswith("  ")), len(rest))
            commands.append(("\n".join([first, *rest[:inside]]), "\n".join(rest[inside:])))
    return commands


def run(commands: list[str], server: Running, folder: Path) -> Iterator[tuple[str, int]]:
    """Output and exit status of each command, all in one shell."""
    require_program("curl", "apt-get install curl")
    script = "\n".join(f"{command}\nprintf '{MARK}%s{MARK}' $?" for command in commands).replace(ADDRESS, server.url)
    environment = os.environ | {"NO_PROXY": "*"}
    ran = subprocess.run(
        ["/bin/sh"], input=script, cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stderr == ""
    parts = ran.stdout.split(MARK)
    yield from ((output.strip("\n"), int(status)) for output, status in zip(parts[::2], parts[1::2], strict=False))


def settled(outputs: list[str]) -> list[str]:
    """Outputs with what is another one each time, the incarnations, named by the order in which they appear."""
    names: dict[str, str] = {}

    def name(found: re.Match[str]) -> str:
        return names.setdefault(found[0], f"incarnation{len(names)}")

    return [INCARNATION.sub(name, output) for output in outputs]


def test_the_page_is_what_a_shell_shows(tmp_path: Path) -> None:
    """Every command succeeds and prints what stands under it; each state is named alike throughout."""
    commands, shown = zip(*transcript(read(PAGE)), strict=True)
    with running() as server:
        given = list(run(list(commands), server, tmp_path))
        assert server.http.get("/v1/sessions").json()["sessions"] == []
    assert [command for command, (_, status) in zip(commands, given, strict=True) if status] == []
    assert settled([output for output, _ in given]) == settled(list(shown))
