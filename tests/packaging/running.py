"""A service in a process of its own, prepared by a few statements that run before it."""

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

PATIENCE_S = 60.0
RUN = "import runpy; runpy.run_module('stepd', run_name='__main__', alter_sys=True)"
# A proxy that the environment names is not asked for an address on this machine.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Service:
    """A running service. `log` holds the lines of its stderr so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.log: list[str] = []
        self._address: str | None = None
        self._greetings: queue.Queue[str] = queue.Queue()
        self._readers = [
            threading.Thread(target=_pass_on, args=(process.stdout, self._greetings.put), daemon=True),
            threading.Thread(target=_pass_on, args=(process.stderr, self.log.append), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def address(self) -> str:
        """Where it answers, from what it prints once it does."""
        if self._address is None:
            greeting = self._greetings.get(timeout=PATIENCE_S)
            found = re.search(r"http://[\w.:]+", greeting)
            assert found, f"no address in {greeting!r}; the log is {self.log}"
            self._address = found.group()
        return self._address

    def get(self, path: str) -> Any:
        """The JSON answer to a GET."""
        with OPENER.open(self.address() + path, timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def post(self, path: str, body: object) -> Any:
        """The JSON answer to a POST of JSON."""
        data, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
        request = urllib.request.Request(self.address() + path, data, headers)  # noqa: S310 - the service's own address
        with OPENER.open(request, timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def driver(self) -> Any:
        """What /v1/info says of the driver, once nothing is being compiled any more."""
        deadline, pause = time.monotonic() + PATIENCE_S, threading.Event()
        while (driver := self.get("/v1/info")["driver"])["compiled"] == "compiling":
            assert time.monotonic() < deadline, "still compiling"
            pause.wait(0.02)
        return driver

    def stop(self) -> None:
        """Ends it as an operator would; then `log` is complete."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE_S)
        finally:
            self.process.kill()  # nothing to do where it has ended
            for reader in self._readers:
                reader.join(PATIENCE_S)


def _pass_on(stream: IO[str], take: Callable[[str], None]) -> None:
    for line in stream:
        take(line.rstrip("\n"))


@contextmanager
def serving(prepare: str, folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[Service]:
    """`stepd serve` on a free port in `folder`, after the statements `prepare`; stopped at the end."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("STEPD_", "WEB_", "COV"))}
    with subprocess.Popen(
        [sys.executable, "-c", f"{prepare}\n{RUN}", "serve", "--port", "0"],
        cwd=folder,
        env=inherited | dict(environment or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        service = Service(process)
        try:
            yield service
        finally:
            service.stop()
