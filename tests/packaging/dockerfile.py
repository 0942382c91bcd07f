"""Just enough of Dockerfile and .dockerignore syntax to ask questions about ours."""

import json
import re
import shlex
from pathlib import Path
from typing import NamedTuple


class Instruction(NamedTuple):
    """One instruction, its continuation lines joined. `stage` counts from 0."""

    stage: int
    name: str
    value: str

    def words(self) -> list[str]:
        return shlex.split(self.value)

    def exec_form(self) -> list[str]:
        """The command of ENTRYPOINT, CMD or HEALTHCHECK. Raises ValueError for one that a shell would run."""
        start = self.value.find("[")
        if start < 0:
            raise ValueError(f"{self.name} {self.value} is not in exec form")
        command = json.loads(self.value[start:])
        return [str(word) for word in command]


def instructions(text: str) -> list[Instruction]:
    """The instructions of a Dockerfile."""
    kept = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    found, stage = [], -1
    for line in re.sub(r"\\\n", " ", kept).splitlines():
        if line.strip():
            name, value = line.strip().split(maxsplit=1)
            stage += name.upper() == "FROM"
            found.append(Instruction(stage, name.upper(), value.strip()))
    return found


def is_ignored(path: str, patterns: list[str]) -> bool:
    """Whether .dockerignore keeps a file back: the last pattern that matches it, or a folder of it, wins."""
    ignored = False
    folders = [path, *(parent.as_posix() for parent in Path(path).parents if parent != Path())]
    for pattern in patterns:
        if any(_expression(pattern.lstrip("!")).fullmatch(one) for one in folders):
            ignored = not pattern.startswith("!")
    return ignored


def _expression(pattern: str) -> re.Pattern[str]:
    parts = {"**/": r"(?:.*/)?", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", pattern.strip("/"))
    return re.compile("".join(parts.get(piece, re.escape(piece)) for piece in pieces))
