"""SQLite: how its file is opened, what its failures mean, and how a commit that is in doubt is settled.

A failed fsync leaves a whole transaction T in the WAL file, commit mark and all, that the WAL's index does not know of:
this process does not see T, but a process that finds the file after a crash would. And the page cache may call pages
clean that never reached the disk. So whenever the file is opened, the WAL is written anew, bytes as they are, and
synced before anything that was read from it is relied on; then what was read back is on the disk. Where a commit of our
own is in doubt, a transaction of no content is committed too: if T was read back it now precedes a synced commit, and
if it was not, its first frame is overwritten, and with the chain of checksums broken nothing can read T again.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool, QueuePool

from stepd.errors import OutcomeUnknown, StepdError, StorageFull, StorageUnavailable
from stepd.storage.checkpoints import Checkpoints
from stepd.storage.database import Database, Failure, detail_of
from stepd.storage.schema import require_schema
from stepd.storage.tables import STORE

# Chosen by measurement, see docs/decisions/0012.
PAGE_BYTES = 8 * 1024
CACHE_KIBIBYTES = 16 * 1024
BUSY_S = 5.0
COPIED_AT_ONCE = 2**20
READERS = 8
NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG})


class SqliteDatabase(Database):
    """One file, its WAL beside it. Its folder has to be there."""

    driver_error = sqlite3.Error

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self._checkpoints: Checkpoints | None = None
        self._writing = _engine(path, "BEGIN IMMEDIATE")
        self._readers = _engine(path, "BEGIN", pool_size=READERS, max_overflow=READERS)
        self._copying = _engine(path, None)

    def _connect(self) -> Connection:
        connection = self._writing.connect()
        try:
            with connection.begin():
                self._require_log(connection)
                require_schema(connection)
            self._settle(connection)
        except BaseException:
            connection.close()
            raise
        self._checkpoints = Checkpoints(self._copying, PAGE_BYTES)
        return connection

    def _require_log(self, connection: Connection) -> None:
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
        if mode != "wal":
            raise StorageUnavailable(f"{self.path.name} can't have a write-ahead log: its journal mode is {mode}")

    def _settle(self, connection: Connection) -> None:
        """Makes what was read back durable, and what was not impossible."""
        with connection.begin():  # the write lock: nobody appends to the WAL meanwhile
            _write_anew(self.path.with_name(self.path.name + "-wal"))
            if self._in_doubt:
                connection.execute(sa.update(STORE).values(opened=STORE.c.opened + 1))
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # a WAL that SQLite deleted must not come back either
        finally:
            os.close(folder)

    def _reading(self) -> Engine:
        return self._readers

    def _disconnect(self) -> None:
        checkpoints, self._checkpoints = self._checkpoints, None
        if checkpoints is not None:
            checkpoints.close()
        self._readers.dispose()

    def wrote(self, nbytes: int) -> None:
        """Counts what the WAL has grown by, so that it is copied into the file in time."""
        checkpoints = self._checkpoints  # another thread may drop it meanwhile
        if checkpoints is not None:
            checkpoints.wrote(nbytes)

    def is_damage(self, error: SQLAlchemyError) -> bool:
        return _code(error) & 0xFF == sqlite3.SQLITE_CORRUPT

    def _failure(self, error: SQLAlchemyError, *, committing: bool) -> Failure:
        code, said = _code(error) & 0xFF, detail_of(error)
        if code == sqlite3.SQLITE_FULL:
            return Failure(
                StorageFull(
                    f"the disk of {self.path.name} is full ({said}); nothing has changed. Make room: it goes on"
                )
            )
        if code == sqlite3.SQLITE_READONLY:
            return Failure(
                StorageFull(
                    f"{self.path.name} can only be read ({said}); nothing has changed. Let the service write it"
                )
            )
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return Failure(
                StorageUnavailable(
                    f"{self.path.name} was locked for {BUSY_S:g} s by another process ({said}); try again"
                )
            )
        if committing:
            return Failure(
                OutcomeUnknown(
                    f"{self.path.name} failed while the change was made durable ({said}): it is there or it is not. "
                    "Send the same request with the same Idempotency-Key or If-Match again to find out"
                ),
                connection_usable=False,
            )
        return Failure(
            StorageUnavailable(f"{self.path.name} can't be used ({said}); nothing has changed. Look at its disk"),
            connection_usable=code != sqlite3.SQLITE_IOERR,
        )


def _engine(path: Path, begin: str | None, **pool: int) -> Engine:
    """Connections that begin transactions so, or that have none."""
    arguments = {"timeout": BUSY_S, "check_same_thread": False, "isolation_level": None}
    engine = sa.create_engine(
        sa.URL.create("sqlite+pysqlite", database=str(path)),
        poolclass=QueuePool if pool else NullPool,
        connect_args=arguments,
        **pool,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: Any) -> None:
        for pragma in (
            f"page_size={PAGE_BYTES}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "wal_autocheckpoint=0",
            f"cache_size=-{CACHE_KIBIBYTES}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def started(connection: Connection) -> None:
        if begin is not None:
            connection.exec_driver_sql(begin)

    return engine


def _code(error: SQLAlchemyError) -> int:
    original = error.orig if isinstance(error, DBAPIError) else None
    return getattr(original, "sqlite_errorcode", sqlite3.SQLITE_ERROR)


def _write_anew(path: Path) -> None:
    """Writes a file's bytes over themselves and syncs them: a sync that failed before has left pages behind as clean.

    Raises StorageFull, StorageUnavailable.
    """
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _refused(path, error) from error
    try:
        offset = 0
        while data := os.pread(file, COPIED_AT_ONCE, offset):
            offset += os.pwrite(file, data, offset)
        os.fdatasync(file)
    except OSError as error:
        raise _refused(path, error) from error
    finally:
        os.close(file)


def _refused(path: Path, error: OSError) -> StepdError:
    kind = StorageFull if error.errno in NO_SPACE else StorageUnavailable
    return kind(f"what {path.name} holds can't be made durable ({error.strerror}); look at its disk, then try again")
