"""Run as a program with faults.c loaded: what a SQLite store does when its disk fails. One function per story."""

from __future__ import annotations

import ctypes
import errno
import shutil
import sys
import tempfile
from pathlib import Path

from stepd.errors import OutcomeUnknown, StepdError, StorageFull, StorageUnavailable
from stepd.records import Position
from stepd.storage.contract import Write
from stepd.storage.store import SqlStore, open_store
from tests.storage.sessions import Writer, begin, loaded, take

FAULTS = ctypes.CDLL(None)
ALWAYS = 10**6


def fail(kind: str, error: int, count: int = ALWAYS, suffix: str = "-wal") -> None:
    """From now on so many of these calls fail; count 0: all is well again."""
    ctypes.c_char.in_dll(FAULTS, "fault_suffix")
    (ctypes.c_char * 64).in_dll(FAULTS, "fault_suffix").value = suffix.encode()
    for name in ("fault_sync", "fault_write"):
        ctypes.c_int.in_dll(FAULTS, name).value = error if name == f"fault_{kind}" else 0
    ctypes.c_int.in_dll(FAULTS, "fault_count").value = count


def passed(name: str) -> int:
    """How many calls have passed: `synced`, `written`."""
    return ctypes.c_int.in_dll(FAULTS, name).value


def refused(store: SqlStore, write: Write) -> type[StepdError]:
    """What a commit is refused with."""
    try:
        store.commit([write])
    except StepdError as error:
        return type(error)
    raise AssertionError("the commit was not refused")


def position(store: SqlStore, writer: Writer) -> Position:
    """Where the store says that the session is."""
    head = store.find(writer.key)
    assert head is not None
    return head.position


def after_a_crash(path: Path, writer: Writer) -> Position:
    """Where the session is for whoever finds file and WAL as they are now, and the index of the WAL gone."""
    with tempfile.TemporaryDirectory() as folder:
        for name in (path, path.with_name(path.name + "-wal")):
            if name.exists():
                shutil.copy(name, folder)
        found = open_store(str(Path(folder) / path.name))
        try:
            return position(found, writer)
        finally:
            found.close()


def a_sync_that_fails_leaves_nothing_in_doubt(path: Path, *, another: bool, failures: int = 1) -> None:
    """Whatever the store says after the failure stays so, also after a crash; and it says so only after a new sync."""
    store = open_store(str(path))
    others = [open_store(str(path))] if another else []  # keeps the WAL and its index from being made anew
    writer = begin(store, steps=3)
    before = writer.at
    fail("sync", errno.EIO, failures)
    assert refused(store, writer.step()) is OutcomeUnknown
    if another or failures > 1:  # else closing the store has removed the WAL, and syncing the folder makes that last
        assert after_a_crash(path, writer) == writer.at, "the transaction lies in the WAL, commit mark and all"
    synced, written = passed("synced"), passed("written")
    told = position(store, writer)
    assert passed("synced") > synced
    assert passed("written") > written
    assert told in (before, writer.at)
    if another:
        assert told == before, "the index of the WAL, which the other one holds, does not know of it"
    elif failures > 1:
        assert told == writer.at, "it was read back from the WAL"
    assert after_a_crash(path, writer) == told
    writer.position = told
    take(store, writer.step(), writer.step())
    assert after_a_crash(path, writer) == position(store, writer) == writer.at
    assert len(loaded(store, writer.key)[1]) == writer.at.step
    for other in (store, *others):
        other.close()


def alone(path: Path) -> None:
    a_sync_that_fails_leaves_nothing_in_doubt(path, another=False)


def beside_another(path: Path) -> None:
    a_sync_that_fails_leaves_nothing_in_doubt(path, another=True)


def alone_and_closing_fails_too(path: Path) -> None:
    a_sync_that_fails_leaves_nothing_in_doubt(path, another=False, failures=2)


def nothing_is_said_while_syncing_fails(path: Path) -> None:
    """Reads and writes are refused until what is in doubt has been written anew and synced."""
    store = open_store(str(path))
    other = open_store(str(path))
    writer = begin(store, steps=3)
    before = writer.at
    fail("sync", errno.EIO)
    step = writer.step()
    assert refused(store, step) is OutcomeUnknown
    for _ in range(3):
        for ask in (lambda: store.commit([step]), lambda: store.find(writer.key), store.sessions().__next__):
            try:
                ask()
            except StorageUnavailable:
                continue
            raise AssertionError("something was said that may not stay so")
    fail("sync", errno.EIO, 0)
    assert position(store, writer) == before
    take(store, step)
    store.close()
    other.close()


def a_full_disk_refuses_and_goes_on(path: Path) -> None:
    """Nothing has changed, reading goes on, and when there is room the same step is taken."""
    store = open_store(str(path))
    writer = begin(store, steps=3)
    before = writer.at
    step = writer.step()
    fail("write", errno.ENOSPC)
    for _ in range(3):
        assert refused(store, step) is StorageFull
        assert position(store, writer) == before
        assert len(loaded(store, writer.key)[1]) == 3
    fail("write", errno.ENOSPC, 0)
    assert after_a_crash(path, writer) == before
    take(store, step)
    assert after_a_crash(path, writer) == writer.at
    store.close()


def what_a_dead_process_left_is_synced_first(path: Path) -> None:
    """A store that is opened on a WAL of another process writes and syncs it before it is used."""
    store = open_store(str(path))
    writer = begin(store, steps=3)
    fail("sync", errno.EIO, 0)
    with tempfile.TemporaryDirectory() as folder:
        for name in (path, path.with_name(path.name + "-wal")):
            shutil.copy(name, folder)
        synced, written = passed("synced"), passed("written")
        found = open_store(str(Path(folder) / path.name))
        assert passed("synced") > synced
        assert passed("written") > written
        assert position(found, writer) == writer.at
        found.close()
    store.close()


def a_group_is_synced_once(path: Path) -> None:
    """Steps of many sessions that are committed together cost one sync, as the step of one does."""
    store = open_store(str(path))
    writers = [begin(store, f"s{number}", steps=1) for number in range(16)]
    fail("sync", errno.EIO, 0)
    for group in (writers[:1], writers):
        synced = passed("synced")
        assert all(store.commit([writer.step() for writer in group]))
        assert passed("synced") == synced + 1
    store.close()


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]))
