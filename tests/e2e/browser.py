"""A real browser without a window that can reach nothing but this machine."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.needs import require_program

PATIENCE_S = 60.0
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)


def _command(folder: Path, *arguments: str) -> list[str]:
    chromium = require_program("chromium", "apt-get install chromium")
    return [chromium, *FLAGS, f"--user-data-dir={folder / 'profile'}", *arguments]


def dom(address: str, folder: Path) -> str:
    """The page at an address as the browser has it once its scripts have run. Its profile is kept in `folder`."""
    shown = subprocess.run(
        _command(folder, "--virtual-time-budget=10000", "--dump-dom", address),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    return shown.stdout


@contextmanager
def opened(address: str, folder: Path) -> Iterator[None]:
    """The page at an address stays open, in real time. Its profile is kept in `folder`."""
    with (
        (folder / "browser.log").open("wb") as log,
        subprocess.Popen(
            _command(folder, "--remote-debugging-port=0", address),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)
