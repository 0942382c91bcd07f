"""`python -m stepd` as a program of its own: started, listened to, stopped."""

from __future__ import annotations

import os
import queue
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx

PATIENCE_S = 30.0


def environment(**variables: str) -> dict[str, str]:
    """This environment without anything that would configure a service, and with these variables."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("STEPD_", "WEB_"))}
    return {**own, **variables}


def stepd(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs the program to its end."""
    return subprocess.run(
        [sys.executable, "-m", "stepd", *arguments],
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


class Serving:
    """A service in a process of its own. `greeting` is the line that it printed when it was up."""

    def __init__(self, folder: Path, arguments: tuple[str, ...], variables: Mapping[str, str]) -> None:
        self._errors = folder / "stderr"
        with self._errors.open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "stepd", "serve", *arguments],
                env=environment(**variables),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.greeting = self._lines.get(timeout=PATIENCE_S)
        found = re.search(r"serves at (http://\S+:(\d+))", self.greeting)
        assert found, f"it said {self.greeting!r} and {self.errors()}"
        self.url, self.port = found[1], int(found[2])

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=PATIENCE_S, trust_env=False)

    def errors(self) -> str:
        """What it has written to stderr."""
        return self._errors.read_text(encoding="utf-8", errors="replace")

    def end(self) -> int:
        """Waits for its end and gives the exit status; all that it printed was the greeting."""
        status = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        assert self._lines.get(timeout=PATIENCE_S) == "", "stdout has the greeting alone"
        return status

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()


def nobody_listens(url: str) -> bool:
    """Whether connections to that address are refused."""
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname or "", address.port or 0), PATIENCE_S).close()
    except ConnectionRefusedError:
        return True
    return False


@contextmanager
def serving(folder: Path, *arguments: str, **variables: str) -> Iterator[Serving]:
    """`stepd serve` on a free port unless told otherwise, killed at the end if it still runs."""
    started = Serving(folder, arguments, {"STEPD_PORT": "0", "STEPD_DRIVER": "blocked", **variables})
    try:
        yield started
    finally:
        started.close()
