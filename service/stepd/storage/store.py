"""The store that the engine uses: verbs of `contract.Store`, each a transaction of one database."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from stepd.errors import StorageUnavailable
from stepd.storage import forgetting, reading, writing
from stepd.storage.audit import audit
from stepd.storage.backup import back_up
from stepd.storage.contract import Forgotten, Head, Life, Recovered, StepSummary, Write
from stepd.storage.database import Database, detail_of
from stepd.storage.sqlite import SqliteDatabase
from stepd.storage.tables import STORE
from stepd.values import SessionKey

# What a write adds to SQLite's WAL beside its vectors, about: a page each of head, step and index.
WRITE_BYTES = 4096


class SqlStore:
    """See `contract.Store`."""

    def __init__(self, database: Database) -> None:
        self.database = database
        database.ready()

    def commit(self, writes: Sequence[Write]) -> list[bool]:
        if not writes:
            return []
        numbers, now = writing.in_order(writes), time.time()
        ordered = [writes[number] for number in numbers]

        def usual(connection: Connection) -> bool:
            if writing.write_all(connection, ordered, now):
                return True
            raise _NotUsual

        try:
            self.database.write(usual)
            accepted = [True] * len(ordered)
        except _NotUsual:
            accepted = self.database.write(
                lambda connection: [writing.write_one(connection, write, now) for write in ordered]
            )
        self.database.wrote(sum(WRITE_BYTES + write.nbytes for write in ordered))
        outcome = [False] * len(writes)
        for number, taken in zip(numbers, accepted, strict=True):
            outcome[number] = taken
        return outcome

    def sessions(self) -> Iterator[Head]:
        after: SessionKey | None = None
        while True:
            with self.database.read() as connection:
                page = reading.heads_after(connection, after)
            yield from page
            if len(page) < reading.PAGE:
                return
            after = page[-1].key

    def find(self, key: SessionKey) -> Head | None:
        with self.database.read() as connection:
            return reading.head_at(connection, key)

    @contextmanager
    def load(self, key: SessionKey, incarnation: str | None = None, at_step: int | None = None) -> Iterator[Recovered]:
        with self._session(key) as connection:
            yield reading.recovered(connection, key, incarnation, at_step)

    def steps(self, key: SessionKey, incarnation: str | None, after: int, limit: int) -> list[StepSummary]:
        with self._session(key) as connection:
            return reading.summaries(connection, key, incarnation, after, limit)

    def incarnations(self, key: SessionKey) -> list[Life]:
        with self._session(key) as connection:
            return reading.lives(connection, key)

    def forget(self, key: SessionKey, *, keep_steps: int | None, keep_bytes: int | None) -> Forgotten:
        return self.database.write(lambda connection: forgetting.forget(connection, key, keep_steps, keep_bytes))

    def problems(self) -> Iterator[str]:
        with self.database.read() as connection:
            yield from audit(connection)

    def probe(self) -> None:
        self.database.write(lambda connection: connection.execute(sa.update(STORE).values(opened=STORE.c.opened + 1)))

    def backup(self, path: Path) -> None:
        with self.database.read() as connection:
            back_up(connection, path)

    def reopen(self) -> None:
        self.database.drop()
        self.database.ready()

    def close(self) -> None:
        self.database.close()

    @contextmanager
    def _session(self, key: SessionKey) -> Iterator[Connection]:
        """A reading transaction for one session: where the file itself turns out to be damaged, so is the session."""
        try:
            with self.database.read() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise reading.corrupt(key, detail_of(error)) from error


class _NotUsual(Exception):
    """The group has to be written one by one."""


def open_store(address: str) -> SqlStore:
    """The store at `postgresql://...`, or in the SQLite file at that path. Raises StorageUnavailable, StorageFull."""
    if address.startswith(("postgresql:", "postgres:")):
        try:
            from stepd.storage.postgresql import PostgresDatabase  # noqa: PLC0415 - its driver is an extra
        except ModuleNotFoundError as error:
            raise StorageUnavailable(
                f"a store in PostgreSQL needs {error.name}, which is not installed: pip install 'stepd[postgresql]'"
            ) from error
        return SqlStore(PostgresDatabase(address.replace("postgres:", "postgresql:", 1)))
    return SqlStore(SqliteDatabase(Path(address)))
