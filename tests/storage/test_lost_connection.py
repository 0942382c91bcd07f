"""PostgreSQL: connections that are lost, before a commit and at it; a server that is down."""

import os
import socket
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from stepd.errors import OutcomeUnknown, StorageFull, StorageUnavailable
from stepd.storage.store import SqlStore, open_store
from tests.postgresql import Postgres
from tests.server import in_thread, until
from tests.storage.sessions import Writer, begin, loaded, take


@pytest.fixture
def address(postgres: Postgres) -> str:
    """PostgreSQL alone."""
    return postgres.database()


def backend_of(store: SqlStore) -> int:
    """The process of the server that serves the store's writing connection."""
    connection = store.database.writer()
    with connection.begin():
        return connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()


def end(address: str, backend: int) -> None:
    """Ends a connection from the server's side, and waits until it is gone."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 20000)", (backend,))


def at_commit(store: SqlStore, before: Callable[[Any], None]) -> None:
    """Runs this on the driver's connection in place of the next COMMIT."""
    connection = store.database.writer()

    def commit(dbapi_connection: Any) -> None:
        connection.dialect.do_commit = type(connection.dialect).do_commit.__get__(connection.dialect)
        before(dbapi_connection)

    connection.dialect.do_commit = commit


def position(store: SqlStore, writer: Writer) -> Any:
    """Where the store says that the session is."""
    head = store.find(writer.key)
    assert head is not None
    return head.position


def test_a_connection_that_was_lost_between_commits_is_replaced(store: SqlStore, address: str) -> None:
    """Nothing was sent yet, so the same is done once more on a new connection, and nobody notices."""
    writer = begin(store)
    end(address, backend_of(store))
    take(store, writer.step())
    end(address, backend_of(store))
    assert position(store, writer) == writer.at
    assert len(loaded(store, writer.key)[1]) == 1


def test_lost_before_the_server_had_the_commit(store: SqlStore, address: str) -> None:
    """The outcome is not known; asked anew, the store says that nothing has happened, and takes the step."""
    writer = begin(store)
    before, step = writer.at, writer.step()
    backend = backend_of(store)

    def lose(dbapi_connection: psycopg.Connection) -> None:
        end(address, backend)
        dbapi_connection.commit()

    at_commit(store, lose)
    with pytest.raises(OutcomeUnknown, match="Send the same request"):
        store.commit([step])
    assert position(store, writer) == before
    take(store, step)


def test_lost_after_the_server_had_the_commit(store: SqlStore, address: str) -> None:
    """The outcome is not known; asked anew, the store says that the step is there, and refuses it a second time."""
    writer = begin(store)
    step = writer.step()
    backend = backend_of(store)

    def lose(dbapi_connection: psycopg.Connection) -> None:
        dbapi_connection.commit()
        end(address, backend)
        dbapi_connection.execute("SELECT 1")

    at_commit(store, lose)
    with pytest.raises(OutcomeUnknown):
        store.commit([step])
    assert position(store, writer) == writer.at
    assert store.commit([step]) == [False]
    assert len(loaded(store, writer.key)[1]) == 1


def test_the_next_answer_waits_until_the_server_has_done_with_the_commit(store: SqlStore, address: str) -> None:
    """The network is gone and the server's side still holds the transaction, with its lock on the session: it is ended
    before anything is said, so the step can't come after the session was read without it."""
    writer = begin(store)
    before, step = writer.at, writer.step()
    backend = backend_of(store)
    servers_side: list[int] = []

    def lose(dbapi_connection: psycopg.Connection) -> None:
        servers_side.append(os.dup(dbapi_connection.fileno()))
        ours, gone = socket.socketpair()
        gone.close()
        os.dup2(ours.fileno(), dbapi_connection.fileno())
        ours.close()
        dbapi_connection.commit()

    at_commit(store, lose)
    with pytest.raises(OutcomeUnknown):
        store.commit([step])
    query = "SELECT state FROM pg_stat_activity WHERE pid = %s"
    with psycopg.connect(address, autocommit=True) as connection:
        assert connection.execute(query, (backend,)).fetchone() == ("idle in transaction",)
        assert position(store, writer) == before
        assert connection.execute(query, (backend,)).fetchone() is None
    os.close(servers_side[0])
    take(store, step)


def test_a_locked_session_is_waited_for_and_not_for_ever(
    store: SqlStore, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another transaction holds the head's row: the commit goes on when that ends, or is refused after a while."""
    writer = begin(store)
    with psycopg.connect(address) as other:
        other.execute("SELECT * FROM heads FOR UPDATE")
        wait = in_thread(lambda: store.commit([writer.step()]))
        query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        until(lambda: other.execute(query).fetchone() == (1,), "the commit waits")
        other.rollback()
        assert wait() == [True]
    with store.database.writer().begin():
        store.database.writer().exec_driver_sql("SET lock_timeout = '50ms'")
    with psycopg.connect(address) as other:
        other.execute("SELECT * FROM heads FOR UPDATE")
        with pytest.raises(StorageUnavailable, match="lock timeout"):
            store.commit([Writer(position=writer.position).step()])
    take(store, writer.step())


def test_commits_are_durable_whatever_the_database_says(address: str, postgres: Postgres) -> None:
    """synchronous_commit off is overruled for us; the stronger remote_apply stays."""
    for setting, expected in (("off", "on"), ("local", "on"), ("remote_apply", "remote_apply")):
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(f"ALTER ROLE postgres SET synchronous_commit = {setting}")  # type: ignore[arg-type]
        try:
            store = open_store(address)
            connection = store.database.writer()
            with connection.begin():
                assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == expected
            store.close()
        finally:
            with psycopg.connect(address, autocommit=True) as connection:
                connection.execute("ALTER ROLE postgres RESET synchronous_commit")


def test_a_database_that_can_only_be_read_takes_no_step(store: SqlStore, address: str) -> None:
    """storage-full; reading goes on; when it can be written again so does the session."""
    writer = begin(store)
    step = writer.step()
    name = address.rpartition("/")[2]
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")  # type: ignore[arg-type]
        end(address, backend_of(store))
        with pytest.raises(StorageFull, match="only be read"):
            store.commit([step])
        connection.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")  # type: ignore[arg-type]
    take(store, step)


def test_a_server_that_is_down_is_said_and_found_again(address: str, postgres: Postgres) -> None:
    """While it is down nothing is answered; after a crash and restart everything acknowledged is there."""
    store = open_store(address)
    writer = begin(store, steps=3)
    postgres.stop("immediate")
    try:
        step = writer.step()
        with pytest.raises(StorageUnavailable):
            store.commit([step])
        with pytest.raises(StorageUnavailable):
            store.find(writer.key)
    finally:
        postgres.start()
    take(store, step)
    assert len(loaded(store, writer.key)[1]) == 4
    store.close()


def test_the_database_of_another_version_is_left_alone(store: SqlStore, address: str) -> None:
    """A layout that is not ours is refused by number."""
    store.database.write(lambda connection: connection.execute(sa.text("UPDATE store SET schema_version = 99")))
    with pytest.raises(StorageUnavailable, match="layout 99"):
        open_store(address)
