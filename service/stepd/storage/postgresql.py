"""PostgreSQL: how it is connected to, what its failures mean, and how a commit that is in doubt is settled.

The isolation is READ COMMITTED, and that is enough: a writer reads nothing before it writes, and an UPDATE that has
waited for a row looks at its WHERE anew when it gets it, so of two services that move one head only one can.

Where the connection is lost at COMMIT the server may still be at it. The writing connection holds an advisory lock of
its own, so the next one waits for it until the server has done with the old one: then the commit is there, or it never
will be.
"""

from __future__ import annotations

import secrets
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool, QueuePool

from stepd.errors import OutcomeUnknown, StorageFull, StorageUnavailable
from stepd.storage.database import Database, Failure, detail_of
from stepd.storage.schema import require_schema

READERS = 8
LOCK_S = 10
# A service that the network has cut off must not hold others' rows for longer.
IDLE_IN_TRANSACTION_S = 30
MAKING_TABLES = 0x7374657064  # the advisory lock of whoever makes the tables
CONNECT: dict[str, Any] = {"connect_timeout": 10, "keepalives_idle": 5, "keepalives_interval": 5, "keepalives_count": 3}

DURABLE = frozenset({"on", "remote_apply"})
DISK_FULL = frozenset({"53100"})
READ_ONLY = frozenset({"25006"})


class PostgresDatabase(Database):
    """One database of one server; `address` is a URL as psycopg takes it."""

    driver_error = psycopg.Error

    def __init__(self, address: str) -> None:
        super().__init__()
        url = sa.make_url(address).set(drivername="postgresql+psycopg")
        self.name = f"the PostgreSQL database {url.database!r}"
        self._identity = secrets.randbits(62)
        self._backend: tuple[int, Any] | None = None
        self._writing = sa.create_engine(
            url, poolclass=NullPool, connect_args=CONNECT, isolation_level="READ COMMITTED"
        )
        self._readers = sa.create_engine(
            url,
            poolclass=QueuePool,
            pool_size=READERS,
            max_overflow=READERS,
            pool_pre_ping=True,
            connect_args=CONNECT,
            isolation_level="REPEATABLE READ",
        )
        event.listen(self._writing, "connect", _prepare)

    def _connect(self) -> Connection:
        connection = self._writing.connect()
        try:
            with connection.begin():
                self._require_durable(connection)
                self._end_former(connection)
                connection.execute(sa.select(sa.func.pg_advisory_lock(self._identity)))
                query = "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
                pid, started = connection.exec_driver_sql(query).one()
            with connection.begin():
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MAKING_TABLES)))
                require_schema(connection)
        except BaseException:
            connection.close()
            raise
        self._backend = pid, started
        return connection

    def _require_durable(self, connection: Connection) -> None:
        """Raises StorageUnavailable where the server would answer before a commit is on its disk."""
        if connection.exec_driver_sql("SHOW synchronous_commit").scalar() not in DURABLE:
            connection.exec_driver_sql("SET synchronous_commit = on")
        if connection.exec_driver_sql("SHOW fsync").scalar() != "on":
            raise StorageUnavailable(f"{self.name} runs with fsync off and would lose acknowledged steps: turn it on")

    def _end_former(self, connection: Connection) -> None:
        """Ends the server's side of a connection that we have lost, should it not know yet."""
        if self._backend is not None:
            query = sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = :pid AND backend_start = :started"
            )
            connection.execute(query, dict(zip(("pid", "started"), self._backend, strict=True)))

    def _reading(self) -> Engine:
        return self._readers

    def _disconnect(self) -> None:
        self._readers.dispose()

    def is_damage(self, error: SQLAlchemyError) -> bool:
        original = error.orig if isinstance(error, DBAPIError) else None
        return isinstance(original, psycopg.errors.DataCorrupted | psycopg.errors.IndexCorrupted)

    def _failure(self, error: SQLAlchemyError, *, committing: bool) -> Failure:
        original = error.orig if isinstance(error, DBAPIError) else None
        state = original.sqlstate if isinstance(original, psycopg.Error) else None
        said = detail_of(error)
        lost = (isinstance(error, DBAPIError) and error.connection_invalidated) or state is None or state[:2] in _ENDED
        if lost and committing:
            return Failure(
                OutcomeUnknown(
                    f"the connection to {self.name} was lost at the commit ({said}): the change is there or it is not. "
                    "Send the same request with the same Idempotency-Key or If-Match again to find out"
                ),
                connection_usable=False,
            )
        if state in DISK_FULL:
            full = f"{self.name} has no more room ({said}); nothing has changed. Make room: it goes on"
            return Failure(StorageFull(full))
        if state in READ_ONLY:
            return Failure(
                StorageFull(f"{self.name} can only be read ({said}); nothing has changed. Let the service write it"),
                connection_usable=False,  # after a failover the next one may lead to the server that can be written
            )
        return Failure(
            StorageUnavailable(f"{self.name} can't be used ({said}); nothing has changed. Try again"),
            connection_usable=not lost,
            try_again=lost,
        )


# SQLSTATE classes after which a connection is of no more use: connection exception, operator intervention, system and
# internal errors.
_ENDED = frozenset({"08", "57", "58", "XX"})


def _prepare(connection: psycopg.Connection[Any], _: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{LOCK_S}s'")
        cursor.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_IN_TRANSACTION_S}s'")
    connection.commit()
