"""A real `stepd serve` as a process of its own, on a port that it keeps, which can be killed and started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

import httpx

PATIENCE_S = 60.0


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


class KilledServer:
    """`arguments` are those of `stepd serve`; `under` is a command that runs it, such as strace."""

    def __init__(self, *arguments: str, port: int | None = None, under: Sequence[str] = ()) -> None:
        self.port = free_port() if port is None else port
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = (*under, sys.executable, "-m", "stepd", "serve", "--port", str(self.port), *arguments)
        self._process: subprocess.Popen[bytes] | None = None
        self.starts = 0

    def start(self) -> None:
        """Returns when it is ready."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("STEPD_")}
        environment |= {"STEPD_DRIVER": "blocked"}
        self._process = subprocess.Popen(self._command, env=environment, stdout=subprocess.DEVNULL)
        self.starts += 1
        end = time.monotonic() + PATIENCE_S
        with httpx.Client(base_url=self.url, trust_env=False) as http:
            while True:
                assert self._process.poll() is None, f"the service ended with {self._process.returncode}"
                assert time.monotonic() < end, "the service did not become ready"
                try:
                    if http.get("/readyz").status_code == 200:
                        return
                except httpx.TransportError:
                    time.sleep(0.01)

    def kill(self) -> None:
        """SIGKILL, at once."""
        self._end(signal.SIGKILL)

    def terminate(self) -> int:
        """SIGTERM; the exit status."""
        return self._end(signal.SIGTERM)

    def _end(self, sig: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(sig)
        return self._process.wait(PATIENCE_S)

    def close(self) -> None:
        """Ends it, if it runs."""
        if self._process is not None and self._process.poll() is None:
            self.kill()


class Killer:
    """Kills a server again and again, each time after a while of its choosing, and starts it anew."""

    def __init__(self, server: KilledServer, pauses_s: Sequence[float]) -> None:
        self._server = server
        self._pauses_s = pauses_s
        self._stop = threading.Event()
        self.kills = 0

    def run(self) -> None:
        """Returns after the last pause, with the server running."""
        for pause_s in self._pauses_s:
            self._stop.wait(pause_s)
            self._server.kill()
            self.kills += 1
            self._server.start()
