"""The table of clients that are judged, and what each one's program needs to run. A new language adds a row."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.needs import lacking_program
from tests.node import NODE

ROOT = Path(__file__).parents[2]
KNOWN_FAILURES = Path(__file__).parent / "known_failures"


@dataclass(frozen=True, slots=True)
class ClientUnderTest:
    """One row: how the program is started, from the top of the repository, and what that takes.

    `program` is a file of this repository; `needs` are other programs: name, what installs it, and the major version
    that it has at least. `networked` is false for a client that has no network between itself and the service: the
    cases about that are not for it.
    """

    name: str
    command: tuple[str, ...]
    program: str
    needs: tuple[tuple[str, str, int], ...] = ()
    networked: bool = True

    def __str__(self) -> str:
        return self.name

    def lacks(self) -> tuple[str, str] | None:
        """What is missing, and the line that installs it; None where the program can run."""
        for need in self.needs:
            if lacking := lacking_program(*need):
                return lacking
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
        needs=(NODE,),
    ),
)


def client_named(name: str) -> ClientUnderTest:
    """The row of that name. Raises LookupError."""
    for client in CLIENTS:
        if client.name == name:
            return client
    raise LookupError(f"there is no client {name!r}; there are {', '.join(client.name for client in CLIENTS)}")
