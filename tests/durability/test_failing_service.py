"""A running service on a disk that fails, at every call in turn. Each story of failing_service.py is a process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.needs import require_program

ROOT = Path(__file__).parents[2]
STORIES = ["every_sync_fails_once", "every_write_fails_once", "every_write_finds_a_full_disk_once", "a_full_disk"]


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that lets calls fail."""
    compiler = require_program("cc", "apt install gcc libc6-dev")
    library = tmp_path_factory.mktemp("faults") / "faults.so"
    source = ROOT / "tests/storage/faults.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


@pytest.mark.skipif(sys.platform != "linux", reason="the library finds a file's name in /proc")
@pytest.mark.parametrize("story", STORIES)
def test_on_a_failing_disk(story: str, faults: Path, tmp_path: Path) -> None:
    """See the story in failing_service.py."""
    told = subprocess.run(
        [sys.executable, "-m", "tests.durability.failing_service", story, tmp_path],
        env=os.environ | {"LD_PRELOAD": str(faults)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert told.returncode == 0, told.stdout[-3000:] + told.stderr[-3000:]
