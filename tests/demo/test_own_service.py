"""The service that the demo starts for itself answers while it is needed and is gone afterwards, whatever happened."""

import os
import signal
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from stepd.demo.own_service import ServiceNotStarted, own_service
from tests.e2e.program import nobody_listens


def test_it_answers_and_is_gone_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    """A real service on loopback, which compiles nothing and refuses connections once it is no longer needed."""
    monkeypatch.delenv("STEPD_DRIVER", raising=False)
    with own_service() as address:
        assert httpx.get(f"{address}/v1/info", trust_env=False).json()["driver"]["compiled"] == "off"
        assert httpx.get(f"{address}/readyz", trust_env=False).status_code == 200
        assert urlsplit(address).hostname == "127.0.0.1"
    assert nobody_listens(address)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_it_ends_when_the_demo_fails(error: type[BaseException]) -> None:
    """Ctrl+C, or a bug, in the middle of the run goes on upwards and leaves no process."""
    addresses: list[str] = []

    def fail() -> None:
        with own_service() as address:
            addresses.append(address)
            raise error

    with pytest.raises(error):
        fail()
    assert nobody_listens(addresses[0])


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGHUP])
def test_it_ends_with_a_demo_that_is_told_to_end(sig: signal.Signals) -> None:
    """SIGTERM and a closing terminal end the demo with the status that shells expect, and the service with it."""
    before, addresses = signal.getsignal(sig), []

    def be_told() -> None:
        with own_service() as address:
            addresses.append(address)
            os.kill(os.getpid(), sig)

    with pytest.raises(SystemExit) as ended:
        be_told()
    assert ended.value.code == 128 + sig
    assert nobody_listens(addresses[0])
    assert signal.getsignal(sig) == before


def children() -> set[int]:
    """The processes that this one has started and not seen end."""
    lists = Path("/proc/self/task").glob("*/children")
    return {int(child) for children in lists for child in children.read_text(encoding="ascii").split()}


def test_one_that_hangs_is_killed() -> None:
    """A service that can't answer to SIGTERM is gone all the same, and no zombie is left."""
    before = children()
    with own_service(stop_s=0.05) as address:
        (process,) = children() - before
        os.kill(process, signal.SIGSTOP)
    assert nobody_listens(address)
    assert process not in children()


def test_one_that_does_not_start_is_told(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Its own words stand on stderr, and the error says with which status it ended."""
    monkeypatch.setenv("STEPD_DRIVER", "none")
    with pytest.raises(ServiceNotStarted, match=r"exit status 2\)"), own_service():
        pytest.fail("nothing serves")
    assert "STEPD_DRIVER is 'none'" in capfd.readouterr().err
