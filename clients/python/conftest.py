"""A stepd service for the tests that need one, and what the examples in docstrings may use: `client`, `url`,
`folder`, `asyncio`, `np`."""

from __future__ import annotations

import asyncio
import os
import queue
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

import stepd_client
from stepd_client import Client

START_S = 60.0


@pytest.fixture(scope="session")
def live_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a stepd service of its own, on a free port, with a store for sessions that ask to be kept."""
    folder = tmp_path_factory.mktemp("stepd")
    log = folder / "stderr"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("STEPD_", "WEB_"))}
    command = [sys.executable, "-m", "stepd", "serve", "--port", "0", "--data", str(folder / "data")]
    with (
        log.open("wb") as stderr,
        subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=stderr, text=True
        ) as process,
    ):
        lines: queue.Queue[str | None] = queue.Queue()
        reader = threading.Thread(target=_pass_on, args=(process.stdout, lines.put), daemon=True)
        reader.start()
        try:
            yield _address(lines, lambda: log.read_text("utf-8", "replace"))
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
            reader.join(30)


def _pass_on(lines: Iterator[str], put: Callable[[str | None], None]) -> None:
    for line in lines:
        put(line)
    put(None)


def _address(lines: queue.Queue[str | None], log: Callable[[], str]) -> str:
    said = []
    while True:
        try:
            line = lines.get(timeout=START_S)
        except queue.Empty:
            pytest.fail(f"the service named no address within {START_S} s; it said {said} and {log()}")
        if line is None:
            pytest.fail(f"the service stopped before it named an address; it said {said} and {log()}")
        said.append(line)
        if found := re.search(r"http://[\w.\[\]:-]+", line):
            return found.group()


@pytest.fixture
def client(live_server: str) -> Iterator[Client]:
    """A client of the live service that waits for nothing between attempts."""
    with Client(live_server, sleep=lambda seconds: None) as connected:
        yield connected


@pytest.fixture(autouse=True)
def _names_for_examples(
    request: pytest.FixtureRequest, doctest_namespace: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Examples that talk to a service talk to a real one. The names are for the examples here: others come after."""
    if not isinstance(request.node, pytest.DoctestItem):
        return
    names = {"asyncio": asyncio, "np": np, **{name: getattr(stepd_client, name) for name in stepd_client.__all__}}
    source = "".join(example.source for example in request.node.dtest.examples)
    if "folder" in source:
        names["folder"] = request.getfixturevalue("tmp_path")
    if "client" in source or "url" in source:
        names["url"] = request.getfixturevalue("live_server")
        names["client"] = request.getfixturevalue("client")
    for name, value in names.items():
        monkeypatch.setitem(doctest_namespace, name, value)
