"""What the tests of storage share: an empty store in a SQLite file, and one in a real PostgreSQL."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stepd.storage.store import SqlStore, open_store
from tests.postgresql import Postgres

Open = Callable[[], SqlStore]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL of our own."""
    server = Postgres()
    yield server
    server.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty store may be: each test runs on both databases."""
    if request.param == "sqlite":
        return str(tmp_path / "store.db")
    return request.getfixturevalue("postgres").database()  # type: ignore[no-any-return]


@pytest.fixture
def opened(address: str) -> Iterator[Open]:
    """Opens the store at the address, as a service does; each call is another service on the same database."""
    stores: list[SqlStore] = []

    def open_another() -> SqlStore:
        stores.append(open_store(address))
        return stores[-1]

    yield open_another
    for store in stores:
        store.close()


@pytest.fixture
def store(opened: Open) -> SqlStore:
    """One service's store."""
    return opened()
