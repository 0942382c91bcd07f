"""Where requests go and what they carry besides: addresses, headers, credentials; and what is told of them."""

import logging

import httpx
import pytest
from clients.python.tests.awaited import MAKERS
from clients.python.tests.network import LOST, Network, ok


@pytest.fixture(autouse=True, params=MAKERS)
def _kind(request, monkeypatch):
    """Every test here holds for both clients."""
    monkeypatch.setattr(Network, "make", staticmethod(MAKERS[request.param]))


def test_requests_say_who_sends_them():
    """The user agent names the client and its version; JSON is asked for."""
    network = Network(httpx.Response(200, json={}))
    network.client().info()
    assert network.requests[0].headers["user-agent"].startswith("stepd-client/0.")
    assert network.requests[0].headers["accept"] == "application/json"


def test_a_path_in_the_base_url_is_kept():
    """A service behind a proxy may live under a path."""
    network = Network(httpx.Response(200, json={}))
    with network.through("https://host.test/optimizers/") as client:
        client.info()
    assert str(network.requests[0].url) == "https://host.test/optimizers/v1/info"


def test_the_address_comes_from_the_environment(monkeypatch):
    """STEPD_URL is used where no address is given; without it the local default."""
    network = Network(httpx.Response(200, json={}), httpx.Response(200, json={}))
    monkeypatch.setenv("STEPD_URL", "http://from-environment.test:9000")
    network.through().info()
    monkeypatch.delenv("STEPD_URL")
    network.through().info()
    assert [str(request.url) for request in network.requests] == [
        "http://from-environment.test:9000/v1/info",
        "http://127.0.0.1:8000/v1/info",
    ]


@pytest.mark.parametrize("base_url", ["localhost:8000", "ftp://host", "http://", "http://host:port", "/v1"])
def test_an_address_that_is_none_is_refused(base_url):
    """A base URL without scheme or host fails when the client is made, not at the first request."""
    with pytest.raises(ValueError, match="base URL"):
        Network().through(base_url)


def test_a_closed_client_sends_nothing():
    """Leaving the context closes the client."""
    network = Network()
    with network.client() as client:
        pass
    with pytest.raises(RuntimeError, match="closed"):
        client.info()


def test_nothing_prints_or_logs_credentials_keys_or_values(caplog):
    """Logs tell method, path, reason and pause; neither they nor reprs tell values, keys or passwords."""
    caplog.set_level(logging.DEBUG)
    network = Network(LOST, ok({"step": 1, "params": [0.123456, 4.0]}, step=1))
    session = network.session()
    session.step([0.654321, 0.5])
    network.outcomes.append(httpx.Response(200, json={}))
    with network.through("http://user:hunter2@host.test") as client:
        client.info()
    assert network.requests[-1].headers["authorization"].startswith("Basic ")
    told = caplog.text + repr(session).replace("AsyncSession", "Session") + repr(client)
    assert "POST /v1/sessions/run/step: ConnectionFailed; attempt 2 follows in 0.00 s" in told
    assert "<Session 'run': adadelta, float64, step 1>" in told
    for secret in ("0.123456", "0.654321", "hunter2", network.requests[0].headers["idempotency-key"]):
        assert secret not in told
