"""The case files, read. test_case_files.py holds them to their schema; what a case means is for runner.py."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "cases"
SCHEMA = Path(__file__).parent / "case.schema.json"

# Members of an action that speak of a proxy, of another client, of addresses.
_BETWEEN = frozenset({"network", "other", "to", "under"})


@dataclass(frozen=True, slots=True)
class Case:
    """One case: its name, unique among all; what it shows; settings of the service; what is done, in order."""

    topic: str
    name: str
    about: str
    actions: list[dict[str, Any]] = field(repr=False)
    service: dict[str, Any] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        return self.name

    @property
    def optional(self) -> bool:
        """Whether a client may decline it, as one that has JSON alone does."""
        return self.topic.startswith("binary-")

    @property
    def needs_network(self) -> bool:
        """Whether it is about the network, about others beside the client, or about settings of the service."""
        return bool(self.service) or any(_BETWEEN & set(action) for action in self.actions)


def files() -> list[Path]:
    """Every case file."""
    return sorted(FOLDER.glob("*.json"))


def read(path: Path) -> Iterator[Case]:
    """The cases of one file."""
    document = json.loads(path.read_text("utf-8"))
    for case in document["cases"]:
        yield Case(document["topic"], case["name"], case["about"], case["actions"], case.get("service", {}))


@cache
def all_cases() -> tuple[Case, ...]:
    """Every case of every file, in their order."""
    return tuple(case for path in files() for case in read(path))
