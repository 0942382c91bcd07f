"""The table of clients that are judged, and what each one's program needs to run. A new language adds a row."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
KNOWN_FAILURES = Path(__file__).parent / "known_failures"


@dataclass(frozen=True, slots=True)
class ClientUnderTest:
    """One row: how the program is started, from the top of the repository, and what that takes.

    `program` is a file of this repository; `needs` maps other programs to the line that installs them. `networked` is
    false for a client that has no network between itself and the service: the cases about that are not for it.
    """

    name: str
    command: tuple[str, ...]
    program: str
    needs: Mapping[str, str] = field(default_factory=dict)
    networked: bool = True

    def __str__(self) -> str:
        return self.name

    def lacks(self) -> tuple[str, str] | None:
        """What is missing, and the line that installs it; None where the program can run."""
        for program, install in self.needs.items():
            if shutil.which(program) is None:
                return f"the program {program}", install
        if not (ROOT / self.program).exists():
            return f"the file {self.program}", f"git checkout {self.program}"
        return None

    def known_failures(self) -> dict[str, str]:
        """Cases that this client is known to fail, by name, with the reason."""
        path = KNOWN_FAILURES / f"{self.name}.json"
        known: dict[str, str] = json.loads(path.read_text("utf-8"))
        return known


def _python(name: str, *arguments: str, networked: bool = True) -> ClientUnderTest:
    command = (sys.executable, "-m", "clients.python.conformance.program", *arguments)
    return ClientUnderTest(name, command, "clients/python/conformance/program.py", networked=networked)


CLIENTS = (
    _python("python"),
    _python("python-async", "async"),
    _python("python-local", "local", networked=False),
    ClientUnderTest(
        "javascript",
        ("node", "clients/javascript/conformance/program.js"),
        "clients/javascript/conformance/program.js",
        needs={"node": "apt-get install nodejs"},
    ),
)


def client_named(name: str) -> ClientUnderTest:
    """The row of that name. Raises LookupError."""
    for client in CLIENTS:
        if client.name == name:
            return client
    raise LookupError(f"there is no client {name!r}; there are {', '.join(client.name for client in CLIENTS)}")
