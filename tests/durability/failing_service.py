"""Run as a program with faults.c loaded: what a running service does when its disk fails. One function per story."""

from __future__ import annotations

import ctypes
import errno
import sys
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from stepd.optimizers.textbook import Adadelta
from tests.server import Handle, Running, running
from tests.storage.failing_disk import FAULTS, fail

GRADS = [[0.5, -0.5], [1.5, 1e-3], [-2.0, 4.0]]
# More calls than a run makes, so that the last one is among those that fail.
MOST_CALLS = 200


def after(skip: int, kind: str, error: int, suffix: str) -> None:
    """One call fails, after so many of its kind."""
    fail(kind, error, 1, suffix)
    ctypes.c_int.in_dll(FAULTS, "fault_skip").value = skip


def has_failed() -> bool:
    """Whether the call that was to fail was made."""
    return ctypes.c_int.in_dll(FAULTS, "fault_count").value == 0


def answered(ask: Any, refusals: set[str]) -> httpx.Response:
    """The answer that a client which sends the same request again comes to."""
    for _ in range(10):
        answer: httpx.Response = ask()
        if answer.status_code < 500:
            return answer
        refusals.add(answer.json()["code"])
    raise AssertionError(f"no end of refusals: {answer.text}")


def take_steps(run: Handle, refusals: set[str]) -> None:
    """Steps with keys and If-Match, each sent again until it is known; each is taken once."""
    tag = answered(partial(run.create, params=[1.0, 2.0]), refusals).headers["etag"]
    for number, grads in enumerate(GRADS, 1):
        answer = answered(partial(run.step, grads, key=f"key-{number}", if_match=tag), refusals)
        assert answer.status_code == 200, answer.text
        assert (answer.headers["stepd-applied-step"], answer.headers["stepd-step"]) == (str(number), str(number))
        tag = answer.headers["etag"]


def require_exact(run: Handle) -> None:
    """The session is what its gradients make of its params, bit for bit."""
    state = run.state().json()
    textbook, params = Adadelta(), np.array([1.0, 2.0])
    for grads in GRADS:
        params = textbook.update(params, np.array(grads))
    assert state["step"] == len(GRADS)
    assert np.array(state["params"]).tobytes() == params.tobytes()
    assert textbook.state is not None
    for name, slot in textbook.state.items():
        assert np.array(state["state"][name]).tobytes() == slot.tobytes()


def every_call_fails_once(folder: Path, kind: str, error: int, suffix: str, allowed: set[str]) -> None:
    """Whichever call it is: every step is taken once, now and for a service that begins anew."""
    seen: set[str] = set()
    for skip in range(MOST_CALLS):
        data = folder / f"{kind}-{skip}"
        with running(data=data, durability="journal") as server:
            run = server.session("run")
            after(skip, kind, error, suffix)
            take_steps(run, seen)
            fell = has_failed()
            fail(kind, error, 0, suffix)
            require_exact(run)
        with running(data=data, durability="journal") as server:
            require_exact(server.session("run"))
        if not fell:
            break
    else:
        raise AssertionError("there are more calls than were tried")
    assert skip > len(GRADS), "few calls were met: these are not the calls that make steps durable"
    assert seen, "no failure reached a client"
    assert seen <= allowed, seen


def every_sync_fails_once(folder: Path) -> None:
    every_call_fails_once(folder, "sync", errno.EIO, "-wal", {"outcome-unknown", "storage-unavailable"})


def every_write_fails_once(folder: Path) -> None:
    every_call_fails_once(folder, "write", errno.EIO, "-wal", {"outcome-unknown", "storage-unavailable"})


def every_write_finds_a_full_disk_once(folder: Path) -> None:
    every_call_fails_once(
        folder, "write", errno.ENOSPC, "-wal", {"outcome-unknown", "storage-unavailable", "storage-full"}
    )


def a_full_disk(folder: Path) -> None:
    """A step is refused and nothing changes; the service says that it is not ready, and goes on when there is room."""
    with running(data=folder / "data", durability="journal") as server:
        run = server.session("run")
        run.create(params=[1.0, 2.0])
        run.step(GRADS[0], key="key-1")
        before, state = run.tag(), run.state().content
        fail("write", errno.ENOSPC)
        for _ in range(3):
            refused = run.step(GRADS[1], key="key-2")
            assert (refused.status_code, refused.json()["code"]) == (507, "storage-full"), refused.text
            assert (run.tag(), run.state().content) == (before, state)
            assert is_ready(server) is False
        assert server.session("memory").create(params=[1.0], durability="memory").status_code == 201
        fail("write", errno.ENOSPC, 0)
        assert is_ready(server) is True
        assert run.step(GRADS[1], key="key-2").json()["step"] == 2
        run.step(GRADS[2], key="key-3")
        require_exact(run)


def is_ready(server: Running) -> bool:
    return server.http.get("/readyz").status_code == 200


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]))
