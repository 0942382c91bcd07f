"""Where cases run: a live service, a proxy before it, somebody else who uses it, a folder for files."""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from socket import AF_INET, SOCK_STREAM, socket
from types import TracebackType
from typing import Any, Self

from tests.conformance.other import Other
from tests.conformance.proxy import Proxy
from tests.e2e.program import serving


@dataclass(frozen=True, slots=True)
class Place:
    """One service and what belongs to it. Nobody listens at `nobody`: connections are refused there."""

    proxy: Proxy
    other: Other
    files: Path
    nobody: str


class Places:
    """Starts a service for each set of settings, once, and ends all of them."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._made: dict[str, Place] = {}
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="conformance-")))
        taken = self._stack.enter_context(socket(AF_INET, SOCK_STREAM))
        taken.bind(("127.0.0.1", 0))
        self._nobody = "http://{}:{}".format(*taken.getsockname())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def __call__(self, settings: dict[str, Any]) -> Place:
        """The place of a service with these settings, which are as in STEPD_*, in lower case."""
        name = json.dumps(settings, sort_keys=True)
        if name not in self._made:
            self._made[name] = self._make(settings)
        return self._made[name]

    def _make(self, settings: dict[str, Any]) -> Place:
        folder = self._folder / f"service-{len(self._made)}"
        files = folder / "files"
        files.mkdir(parents=True)
        variables = {f"STEPD_{setting.upper()}": str(value) for setting, value in settings.items()}
        served = self._stack.enter_context(serving(folder, **variables))
        proxy = self._stack.enter_context(Proxy(served.url))
        other = Other(served.url, files)
        self._stack.callback(other.close)
        return Place(proxy, other, files, self._nobody)
