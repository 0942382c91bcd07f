"""A service of the demo's own: `stepd serve` as a process beside it, on a free port, that ends with it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

COMMAND = (sys.executable, "-m", "stepd", "serve", "--host", "127.0.0.1", "--port", "0")
# A service without requests in flight ends at once; this is for one that hangs.
STOP_S = 15.0


class ServiceNotStarted(Exception):
    """The process ended before it said where it serves; why stands in its own words on stderr."""


@contextmanager
def own_service(stop_s: float = STOP_S) -> Iterator[str]:
    """Starts a service, gives its address once it answers, and ends it whatever happens meanwhile.

    Its settings come from STEPD_*, as always, but for the driver, which is `blocked` unless they name one: compiling
    outlasts a demo, and takes a processor from it. Its log goes to this process's stderr. While it runs, SIGTERM and a
    closing terminal raise SystemExit here, so that they end it too; Ctrl+C raises KeyboardInterrupt anyway. Only
    in the main thread, where signals arrive.

    Args:
        stop_s: how long it may take to end before it is killed, in seconds.

    Raises:
        ServiceNotStarted: it did not come up.
    """
    environment = {"STEPD_DRIVER": "blocked", **os.environ}
    with (
        _signals_raise(),
        subprocess.Popen(COMMAND, env=environment, stdout=subprocess.PIPE, text=True) as process,  # noqa: S603 - our own
    ):
        try:
            yield _address(process)
        finally:
            process.terminate()
            try:
                process.wait(stop_s)
            except subprocess.TimeoutExpired:
                process.kill()


def _address(process: subprocess.Popen[str]) -> str:
    for line in process.stdout or ():
        if found := re.search(r"serves at (http://\S+)", line):
            return found[1]
    raise ServiceNotStarted(f"the service did not start (exit status {process.wait()}); it says why above")


@contextmanager
def _signals_raise() -> Iterator[None]:
    def leave(number: int, _: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    names = ("SIGTERM", "SIGHUP")  # there is no SIGHUP on Windows
    before = {name: signal.signal(getattr(signal, name), leave) for name in names if hasattr(signal, name)}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)
