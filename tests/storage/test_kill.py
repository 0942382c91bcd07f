"""A service that is killed at its work: every step that was acknowledged is there, and none is half there."""

import subprocess
import sys
from pathlib import Path

import pytest

from stepd.storage.store import SqlStore
from tests.storage.conftest import Open
from tests.storage.sessions import bits, key_of, loaded, vector

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("steps", [1, 7, 40])
def test_acknowledged_steps_survive_a_kill(address: str, opened: Open, steps: int) -> None:
    """Both sessions of the group commit are at the same step, at or beyond the last that was acknowledged."""
    program = [sys.executable, "-m", "tests.storage.stepping", address]
    with subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        acknowledged = 0
        while acknowledged < steps:
            acknowledged = int(service.stdout.readline())
        service.kill()
        said = service.stdout.read().split()
    acknowledged = int(said[-1]) if said else acknowledged
    store: SqlStore = opened()
    found = [loaded(store, key_of(name))[1] for name in ("one", "two")]
    assert len(found[0]) == len(found[1]) >= acknowledged
    assert [bits(step.grads) for step in found[0]] == [bits(vector(n + 1)) for n in range(len(found[0]))]
    assert list(store.problems()) == []
