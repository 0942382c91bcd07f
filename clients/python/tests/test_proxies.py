"""A proxy that the environment names is asked for what is elsewhere, and never for what is on this machine."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from clients.python.tests.awaited import MAKERS

from stepd_client import RetryPolicy

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}"
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


class Listener:
    """A server that answers every request alike, as a proxy or as a service would, and remembers the first lines."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self.port = listening.getsockname()[1]
        self.lines: list[str] = []

    def run(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:  # it was closed
                return
            with connection, connection.makefile("rb") as head:
                self.lines.append(head.readline().decode().strip())
                while head.readline().strip():
                    pass
                connection.sendall(ANSWER)


@contextmanager
def listener(host: str) -> Iterator[Listener]:
    """One on a free port of that address of this machine."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, 0), family=family)
    except OSError as error:
        pytest.skip(f"this machine has no {host}: {error}")
    made = Listener(listening)
    thread = threading.Thread(target=made.run, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(30)


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """A proxy, which the environment names for everything."""
    with listener("127.0.0.1") as made:
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.upper(), raising=False)
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{made.port}")
        yield made


@pytest.fixture(params=MAKERS)
def make(request: pytest.FixtureRequest):
    """Every test here holds for both clients."""
    return MAKERS[request.param]


@pytest.mark.parametrize(
    ("address", "named"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "localhost"),
        ("127.0.0.1", "LocalHost"),
        ("127.8.9.10", "127.8.9.10"),
        ("::1", "[::1]"),
    ],
)
def test_what_is_on_this_machine_is_asked_directly(make, proxy: Listener, address: str, named: str) -> None:
    """Whatever the name of its address."""
    with listener(address) as service:
        with make(f"http://{named}:{service.port}", retry=RetryPolicy(attempts=1)) as client:
            assert client.info() == {}
        assert service.lines == ["GET /v1/info HTTP/1.1"]
    assert proxy.lines == []


@pytest.mark.parametrize("host", ["stepd.test", "localhost.test", "128.0.0.1", "127.0.0.1.test"])
def test_what_is_elsewhere_is_asked_through_the_proxy(make, proxy: Listener, host: str) -> None:
    """As httpx does, names that only begin like this machine's among them."""
    with make(f"http://{host}:8000", retry=RetryPolicy(attempts=1)) as client:
        assert client.info() == {}
    assert proxy.lines == [f"GET http://{host}:8000/v1/info HTTP/1.1"]


def test_a_proxy_that_can_not_be_used_is_in_nobodys_way(make, proxy: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its variable is not even read for an address of this machine."""
    monkeypatch.setenv("all_proxy", "gopher://127.0.0.1:70")
    with pytest.raises(ValueError, match="gopher"):
        make("http://stepd.test:8000")
    with listener("127.0.0.1") as service, make(f"http://127.0.0.1:{service.port}") as client:
        assert client.info() == {}
    assert proxy.lines == []
