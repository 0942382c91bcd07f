"""What tests of the JavaScript client need: Node, the packages that its lock file names, and a way to run a command."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.needs import require_path, require_program

CLIENT = Path(__file__).parents[1] / "clients" / "javascript"
# The program, what installs it, and the major version that it has at least.
NODE = ("node", "apt-get install nodejs npm, if that is 20 or later", 20)
PATIENCE_S = 600.0


def node() -> str:
    """The path of a Node that is new enough."""
    return require_program(*NODE)


def run(*command: str, folder: Path = CLIENT, **variables: str) -> str:
    """What a command prints; fails with all that it said where it fails. No process of its outlives it."""
    node()
    require_path(CLIENT / "node_modules", "(cd clients/javascript && npm ci)")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("STEPD_", "NODE_", "WEB_"))}
    with subprocess.Popen(
        command,
        cwd=folder,
        env={**inherited, "STEPD_TEST_PYTHON": sys.executable, "NO_COLOR": "1", **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            said, _ = process.communicate(timeout=PATIENCE_S)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    assert process.returncode == 0, f"{' '.join(command)}\n{said}"
    return said
