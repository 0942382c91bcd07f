"""What the tests share: one running service with default settings, and a maker of others."""

from collections.abc import Iterator

import httpx
import pytest

from tests.server import Handle, Running, Servers


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """`servers(max_tensors=3)` is a running service with these settings, shared by whoever asks for the same."""
    made = Servers()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def server(servers: Servers) -> Running:
    """A running service with default settings, on the blocked driver."""
    return servers()


@pytest.fixture(scope="session")
def http(server: Running) -> httpx.Client:
    """A client of `server`."""
    return server.http


@pytest.fixture
def session(server: Running) -> Handle:
    """The verbs of a session that does not exist yet, under an id that nobody has used."""
    return server.session()
