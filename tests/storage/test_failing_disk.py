"""A SQLite store on a disk that fails: syncs that fail, no space left. Each story of failing_disk.py is a process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.needs import require_program

HERE = Path(__file__).parent
STORIES = [
    "alone",
    "alone_and_closing_fails_too",
    "beside_another",
    "nothing_is_said_while_syncing_fails",
    "a_full_disk_refuses_and_goes_on",
    "a_group_is_synced_once",
    "what_a_dead_process_left_is_synced_first",
]


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that lets calls fail."""
    compiler = require_program("cc", "apt install gcc libc6-dev")
    library = tmp_path_factory.mktemp("faults") / "faults.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, HERE / "faults.c", "-ldl"], check=True)
    return library


@pytest.mark.skipif(sys.platform != "linux", reason="the library finds a file's name in /proc")
@pytest.mark.parametrize("story", STORIES)
def test_on_a_failing_disk(story: str, faults: Path, tmp_path: Path) -> None:
    """See the story in failing_disk.py."""
    told = subprocess.run(
        [sys.executable, "-m", "tests.storage.failing_disk", story, tmp_path / "store.db"],
        env=os.environ | {"LD_PRELOAD": str(faults)},
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert told.returncode == 0, told.stdout + told.stderr
