"""Real servers, each a process of its own on a free port and on the servers' core; ended whatever happens."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from benchmarks.machine import SERVER_CORE, on_cores

STEPD = (sys.executable, "-m", "stepd", "serve", "--host", "127.0.0.1", "--port", "0")
PATIENCE_S = 120.0
STOP_S = 15.0


class ServerNotStarted(Exception):
    """A process ended, or did not become ready; why stands in its own words on stderr."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that is ready. `step_path` has a place for a session's id."""

    name: str
    pid: int
    host: str
    port: int
    session_path: str = "/v1/sessions/{}"
    step_path: str = "/v1/sessions/{}/step"

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"


@contextmanager
def stepd(**settings: int | str) -> Iterator[Server]:
    """stepd with its compiled driver serving; settings by their names, such as `max_json_bytes`."""
    environment = {f"STEPD_{name.upper()}": str(value) for name, value in settings.items()}
    with _process("stepd", STEPD, environment) as server:
        _wait_until_compiled(server)
        yield server


@contextmanager
def echo() -> Iterator[Server]:
    """The bare echo."""
    with _process("echo", (sys.executable, "-m", "benchmarks.peers.echo")) as server:
        yield server


@contextmanager
def naive() -> Iterator[Server]:
    """The naive service."""
    paths = {"session_path": "/sessions/{}", "step_path": "/sessions/{}/step"}
    with _process("naive", (sys.executable, "-m", "benchmarks.peers.naive"), paths=paths) as server:
        yield server


@contextmanager
def _process(
    name: str,
    command: tuple[str, ...],
    environment: dict[str, str] | None = None,
    paths: dict[str, str] | None = None,
) -> Iterator[Server]:
    # Settings of whoever runs the benchmarks are not for these servers.
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("STEPD_")}
    with on_cores(SERVER_CORE):
        process = subprocess.Popen(command, env={**inherited, **(environment or {})}, stdout=subprocess.PIPE, text=True)
    with process:
        try:
            host, port = _address(name, process)
            yield Server(name, process.pid, host, port, **(paths or {}))
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _address(name: str, process: subprocess.Popen[str]) -> tuple[str, int]:
    for line in process.stdout or ():
        if found := re.search(r"serves at http://([\d.]+):(\d+)", line):
            return found[1], int(found[2])
    raise ServerNotStarted(f"{name} did not start (exit status {process.wait()}); it says why above")


def _wait_until_compiled(server: Server) -> None:
    end = time.monotonic() + PATIENCE_S
    while (driver := info(server)["driver"])["serving"] != "compiled":
        if driver["compiled"] in ("failed", "not-installed") or time.monotonic() > end:
            raise ServerNotStarted(f"the compiled driver does not serve: it is {driver['compiled']}")
        time.sleep(0.05)


def info(server: Server) -> dict[str, Any]:
    """What GET /v1/info says."""
    found: dict[str, Any] = httpx.get(f"{server.url}/v1/info", trust_env=False).raise_for_status().json()
    return found
