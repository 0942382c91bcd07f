"""A database as the store uses it: one connection that writes, others that read, and what their failures mean.

Which database it is decides how connections are made, what a failure means and how doubt is settled; sqlite.py and
postgresql.py say so.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

import structlog
from sqlalchemy import Connection, Engine, Transaction
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from stepd.errors import OutcomeUnknown, StepdError, StorageUnavailable

T = TypeVar("T")

log = structlog.get_logger("stepd.storage")


class Failure(NamedTuple):
    """What a failed statement means to the caller, and to the connection: whether it can still be used, and whether
    the same may be tried once more on another."""

    error: StepdError
    connection_usable: bool = True
    try_again: bool = False


class Database(ABC):
    """Transactions on one writing connection, opened when it is first needed and again after it has failed."""

    driver_error: type[Exception]

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._writer: Connection | None = None
        self._closed = False
        # Whether the last commit's outcome is not known: connecting settles it.
        self._in_doubt = False

    @abstractmethod
    def _connect(self) -> Connection:
        """A connection that writes, with nothing in doubt any more. Raises StepdError or SQLAlchemyError."""

    @abstractmethod
    def _reading(self) -> Engine:
        """What connections that read come from."""

    @abstractmethod
    def _failure(self, error: SQLAlchemyError, *, committing: bool) -> Failure:
        """What the failure means: OutcomeUnknown (only where a commit was sent), StorageFull or StorageUnavailable."""

    @abstractmethod
    def _disconnect(self) -> None:
        """Closes whatever is open beside the writer."""

    @abstractmethod
    def is_damage(self, error: SQLAlchemyError) -> bool:
        """Whether the database itself finds its file damaged where it read."""

    def wrote(self, nbytes: int) -> None:  # noqa: B027 - what a database does with it is its own business
        """Told how many bytes a commit has brought."""

    def ready(self) -> None:
        """Sees to it that the store is open and nothing of it in doubt. Raises StorageUnavailable, StorageFull."""
        if self._writer is None:
            self.writer()

    def writer(self) -> Connection:
        """The connection that writes. Raises StorageUnavailable, StorageFull."""
        with self._lock:
            if self._closed:
                raise StorageUnavailable("the store is closed: the service is stopping")
            if self._writer is None:
                try:
                    self._writer = self._connect()
                    self._in_doubt = False
                except SQLAlchemyError as error:
                    self.drop()
                    raise self._failure(error, committing=False).error from error
                except BaseException:
                    self.drop()
                    raise
            return self._writer

    def write(self, work: Callable[[Connection], T]) -> T:
        """Does the work in one durable transaction.

        Raises OutcomeUnknown where only asking the store anew can tell whether it was made; else, where it raises,
        nothing has changed.
        """
        with self._lock:
            for attempts_left in (1, 0):
                connection, committing = self.writer(), False
                transaction = None
                try:
                    transaction = connection.begin()
                    result = work(connection)
                    committing = True
                    transaction.commit()
                except SQLAlchemyError as error:
                    failure = self._failure(error, committing=committing)
                    self._in_doubt = isinstance(failure.error, OutcomeUnknown)
                    self._take_back(connection, transaction, failure.connection_usable)
                    if not (failure.try_again and attempts_left):
                        raise failure.error from error
                except BaseException:
                    self._take_back(connection, transaction, usable=True)
                    raise
                else:
                    return result
            raise AssertionError("the last attempt returns or raises")

    def _take_back(self, connection: Connection, transaction: Transaction | None, usable: bool) -> None:
        """Rolls back; where that fails too, or the connection is of no more use, closes it."""
        try:
            if usable and transaction is not None:
                transaction.rollback()
                # After a refused COMMIT SQLAlchemy takes the transaction for ended; SQLite may not.
                if connection.connection.dbapi_connection is not None:
                    connection.connection.dbapi_connection.rollback()
        except (SQLAlchemyError, self.driver_error) as error:
            log.warning("taking a transaction back failed", error=str(error))
            usable = False
        if not usable:
            self.drop()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees the store at one moment. Raises StorageUnavailable."""
        self.ready()
        try:
            with self._reading().connect() as connection, connection.begin():
                yield connection
        except SQLAlchemyError as error:
            if self.is_damage(error):
                raise
            raise self._failure(error, committing=False).error from error

    def drop(self) -> None:
        """Closes everything, whatever state it is in; the next use opens it anew."""
        with self._lock:
            writer, self._writer = self._writer, None
            if writer is not None:
                try:
                    writer.invalidate()
                    writer.close()
                except SQLAlchemyError as error:
                    log.info("closing a failed connection to the store failed too", error=str(error))
            self._disconnect()

    def close(self) -> None:
        """Closes everything for good."""
        with self._lock:
            self._closed = True
            self.drop()


def detail_of(error: SQLAlchemyError) -> str:
    """What the driver said, without the statement and its values."""
    original = error.orig if isinstance(error, DBAPIError) else error
    return str(original).strip().partition("\n")[0][:200] or type(original).__name__
