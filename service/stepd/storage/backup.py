"""Backups of a SQLite store: taken beside a running service, put back where none runs."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

from sqlalchemy import Connection

from stepd.errors import StorageFull, StorageUnavailable

BESIDE = ("-wal", "-shm", "-journal")


def back_up(connection: Connection, path: Path) -> None:
    """See `Store.backup`. Raises StorageUnavailable where the store is not SQLite or the path is taken; StorageFull."""
    source: object = connection.connection.dbapi_connection
    if not isinstance(source, sqlite3.Connection):
        raise StorageUnavailable("this store is a PostgreSQL database: back it up with pg_dump")
    _require_free(path)
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.unlink(missing_ok=True)
    try:
        target = sqlite3.connect(unfinished)
        try:
            source.backup(target)
        finally:
            target.close()
        _publish(unfinished, path)
    except (OSError, sqlite3.Error) as error:
        unfinished.unlink(missing_ok=True)
        raise StorageFull(f"the backup could not be written: {error}; nothing was left at {path.name}") from error


def put_back(backup: Path, path: Path) -> None:
    """Makes a store of a backup, where there is none. Raises StorageUnavailable, StorageFull; see `back_up`."""
    for name in (path, *(path.with_name(path.name + end) for end in BESIDE)):
        _require_free(name)  # a WAL that is left from another store would be read as this one's
    _require_sound(backup)
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        shutil.copyfile(backup, unfinished)
        _publish(unfinished, path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise StorageFull(f"the store could not be written: {error}; nothing was left at {path.name}") from error


def _require_free(path: Path) -> None:
    if path.exists():
        raise StorageUnavailable(f"{path.name} exists: name a path where there is nothing, or move it away")


def _require_sound(backup: Path) -> None:
    try:
        connection = sqlite3.connect(f"{backup.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
        try:
            (said,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        finally:
            connection.close()
    except sqlite3.Error as error:
        said = str(error)
    if said != "ok":
        raise StorageUnavailable(f"{backup.name} is no sound backup: {said}")


def _publish(unfinished: Path, path: Path) -> None:
    """Syncs a file and gives it its name, so that it is there whole or not at all."""
    for place, flags in ((unfinished, os.O_RDWR), (path.parent, os.O_RDONLY)):
        file = os.open(place, flags)
        try:
            if place is unfinished:
                os.fsync(file)
                unfinished.rename(path)
            else:
                os.fsync(file)
        finally:
            os.close(file)
