"""What is SQLite's own: backups beside a running service, its pragmas, a full or read-only file, a WAL that ends."""

import sqlite3
import sys
from pathlib import Path

import numpy as np
import pytest

from stepd.errors import SessionCorrupt, StorageFull, StorageUnavailable
from stepd.storage import checkpoints
from stepd.storage.backup import put_back
from stepd.storage.contract import Write
from stepd.storage.sqlite import PAGE_BYTES
from stepd.storage.store import SqlStore, open_store
from tests.server import in_thread
from tests.storage.sessions import Writer, begin, loaded, profile_of, take


@pytest.fixture
def address(tmp_path: Path) -> str:
    """SQLite alone."""
    return str(tmp_path / "store.db")


def pragma(store: SqlStore, name: str) -> object:
    """What the writing connection is set to."""
    connection = store.database.writer()
    with connection.begin():
        result = connection.exec_driver_sql(f"PRAGMA {name}")
        return result.scalar() if result.returns_rows else None


def test_a_commit_is_synced(store: SqlStore) -> None:
    """Write-ahead log, synced at every commit."""
    assert pragma(store, "journal_mode") == "wal"
    assert pragma(store, "synchronous") == 2
    assert pragma(store, "page_size") == PAGE_BYTES


def test_a_backup_is_one_moment_of_a_store_in_use(store: SqlStore, tmp_path: Path) -> None:
    """Taken while steps go on: it loads, is sound, and the service does not notice."""
    writer = begin(store, steps=3)
    others = [Writer(f"s{number}") for number in range(4)]
    take(store, *(other.create() for other in others))

    def work() -> None:
        for _ in range(30):
            assert store.commit([other.step() for other in others]) == [True] * 4

    end = in_thread(work)
    store.backup(tmp_path / "backup.db")
    end()
    copy = open_store(str(tmp_path / "backup.db"))
    assert len(loaded(copy, writer.key)[1]) == 3
    assert len({len(loaded(copy, other.key)[1]) for other in others}) == 1, (
        "a group commit is there whole or not at all"
    )
    assert list(copy.problems()) == []
    copy.close()
    assert [path.name for path in tmp_path.glob("*unfinished*")] == []


def test_a_backup_overwrites_nothing(store: SqlStore, tmp_path: Path) -> None:
    """Neither does putting it back, also where only a WAL is left, which would be read as the new store's."""
    writer = begin(store, steps=2)
    backup = tmp_path / "backup.db"
    store.backup(backup)
    with pytest.raises(StorageUnavailable, match="exists"):
        store.backup(backup)
    with pytest.raises(StorageUnavailable, match="exists"):
        put_back(backup, tmp_path / "store.db")
    (tmp_path / "new.db-wal").touch()
    with pytest.raises(StorageUnavailable, match="exists"):
        put_back(backup, tmp_path / "new.db")
    put_back(backup, tmp_path / "other.db")
    found = open_store(str(tmp_path / "other.db"))
    assert len(loaded(found, writer.key)[1]) == 2
    found.close()


def test_a_backup_that_is_none_is_not_put_back(tmp_path: Path) -> None:
    """Neither any file nor one that was cut."""
    (tmp_path / "text").write_text("no database at all, but long enough to look at " * 100)
    with pytest.raises(StorageUnavailable, match="no sound backup"):
        put_back(tmp_path / "text", tmp_path / "store.db")
    assert not (tmp_path / "store.db").exists()


def test_a_file_that_may_not_grow_refuses_and_goes_on(store: SqlStore) -> None:
    """storage-full before anything has changed; with room again the same step is taken."""
    writer = begin(store, shape=(100_000,))
    step = writer.step()
    pages = pragma(store, "page_count")
    pragma(store, f"max_page_count={pages}")
    for _ in range(2):
        with pytest.raises(StorageFull, match="nothing has changed"):
            store.commit([step])
        assert loaded(store, writer.key)[1] == []
    pragma(store, "max_page_count=1000000")
    take(store, step)


def test_a_store_that_can_only_be_read_takes_no_step(store: SqlStore) -> None:
    """storage-full; reading goes on."""
    writer = begin(store, steps=1)
    step = writer.step()
    pragma(store, "query_only=1")
    with pytest.raises(StorageFull, match="only be read"):
        store.commit([step])
    assert len(loaded(store, writer.key)[1]) == 1
    store.database.writer().connection.execute("PRAGMA query_only=0")  # in a transaction it could not be written
    take(store, step)


def test_a_store_that_is_locked_says_so(store: SqlStore, address: str) -> None:
    """Another process holds the write lock for longer than we wait; reading goes on."""
    writer = begin(store, steps=1)
    pragma(store, "busy_timeout=20")
    other = sqlite3.connect(address, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    step = writer.step()
    with pytest.raises(StorageUnavailable, match="locked"):
        store.commit([step])
    assert len(loaded(store, writer.key)[1]) == 1
    other.execute("ROLLBACK")
    other.close()
    take(store, step)


def test_no_database_no_folder_a_closed_store(store: SqlStore, tmp_path: Path) -> None:
    """Each is refused with what it is."""
    (tmp_path / "text").write_text("no database at all " * 1000)
    for path, said in ((tmp_path / "text", "not a database"), (tmp_path / "none" / "store.db", "unable to open")):
        with pytest.raises(StorageUnavailable, match=said):
            open_store(str(path))
    store.close()
    with pytest.raises(StorageUnavailable, match="closed"):
        store.find(Writer().key)


def test_without_its_driver_postgresql_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what to install is said; the embedded store does not need it."""
    monkeypatch.delitem(sys.modules, "stepd.storage.postgresql", raising=False)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StorageUnavailable, match=r"needs psycopg.*stepd\[postgresql\]"):
        open_store("postgresql://127.0.0.1/none")


def test_a_damaged_page_refuses_the_sessions_on_it_alone(store: SqlStore, address: str) -> None:
    """Pages of one session's vector are overwritten in the file: it is corrupt, the other loads."""
    bad, good = Writer("bad", profile_of((20_000,))), begin(store, "good", steps=2)
    take(store, bad.create(), bad.step(grads=np.full(20_000, 0.1)))
    store.close()
    path = Path(address)
    data = bytearray(path.read_bytes())
    place = data.index(np.full(500, 0.1).tobytes())
    data[place : place + 8] = b"\xff" * 8
    path.write_bytes(data)
    again = open_store(address)
    with pytest.raises(SessionCorrupt):
        loaded(again, bad.key)
    assert len(loaded(again, good.key)[1]) == 2
    again.close()


def test_the_log_ends_somewhere(store: SqlStore, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much is written without a pause, the WAL begins anew before it is much longer than the limit."""
    monkeypatch.setattr(checkpoints, "COPY_BYTES", 2**20)
    monkeypatch.setattr(checkpoints, "RESTART_BYTES", 2 * 2**20)
    writer = begin(store, shape=(16_384,))
    for _ in range(100):
        take(store, writer.step())
    assert Path(address).with_name("store.db-wal").stat().st_size < 8 * 2**20
    assert len(loaded(store, writer.key)[1]) == 100


def test_a_long_read_holds_nobody_up(store: SqlStore) -> None:
    """While a session is being loaded others, and the same, take steps; the load sees one moment."""
    writer = begin(store, steps=3)
    with store.load(writer.key) as recovered:
        assert next(recovered.steps).step == 1
        take(store, writer.step(), begin(store, "other").step())
        assert [step.step for step in recovered.steps] == [2, 3]
    assert len(loaded(store, writer.key)[1]) == 4


def test_a_torn_tail_is_dropped(store: SqlStore, address: str, tmp_path: Path) -> None:
    """Of a crash in the middle of writing the log: every cut of its last transaction loads as if that had not been."""
    writer = begin(store, steps=3)
    path, wal = Path(address), Path(address + "-wal")
    before = wal.stat().st_size
    take(store, writer.step())
    data, log = path.read_bytes(), wal.read_bytes()
    for cut in (before, before + 10, (before + len(log)) // 2, len(log) - 1):
        torn = tmp_path / f"torn-{cut}.db"
        torn.write_bytes(data)
        torn.with_name(torn.name + "-wal").write_bytes(log[:cut])
        found = open_store(str(torn))
        assert len(loaded(found, writer.key)[1]) == 3
        found.close()


def test_an_empty_group_is_no_transaction(store: SqlStore) -> None:
    """Nothing is asked, nothing is written."""
    size = Path(str(store.database.path) + "-wal").stat().st_size  # type: ignore[attr-defined]  # it is SQLite's
    writes: list[Write] = []
    assert store.commit(writes) == []
    assert Path(str(store.database.path) + "-wal").stat().st_size == size  # type: ignore[attr-defined]  # as above
