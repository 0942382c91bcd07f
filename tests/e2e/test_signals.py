"""SIGTERM and SIGINT: what is in flight is answered, waits end, nothing is cut off, and the end is a plain one."""

import signal
from pathlib import Path

import pytest

from tests.api.raw import Wire
from tests.e2e.program import Serving, nobody_listens, serving
from tests.server import until

JSON = "Content-Type: application/json"
LARGE = 50_000


def until_stopping(started: Serving) -> None:
    until(lambda: nobody_listens(started.url), "it listens no longer")


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_service_ends_at_once(tmp_path: Path, sig: signal.Signals) -> None:
    """Exit status 0 and nothing on stderr, idle connections or not."""
    with serving(tmp_path) as started, started.client() as http:
        assert http.get("/livez").status_code == 200
        started.process.send_signal(sig)
        assert started.end() == 0
        assert started.errors() == ""


def test_a_wait_is_answered_with_what_is_there(tmp_path: Path) -> None:
    """The long-poll gets its 200, and who asks for readiness behind it on the same connection gets 503."""
    with serving(tmp_path) as started, started.client() as http, Wire(started.port) as wire:
        http.put("/v1/sessions/a", json={"params": [1.0, 2.0]})
        wire.request("GET", "/v1/sessions/a/params?wait_for_step=5&timeout_s=60")
        wire.request("GET", "/readyz")
        # Both have been received when what was sent before them on another connection has been answered twice.
        assert [http.get("/readyz").status_code for _ in range(3)] == [200] * 3
        started.process.send_signal(signal.SIGTERM)
        waited = wire.answer()
        assert (waited.status, waited.json()) == (200, {"step": 0, "params": [1.0, 2.0]})
        ready = wire.answer()
        assert (ready.status, ready.json()["code"]) == (503, "not-ready")
        assert wire.ended()
        assert started.end() == 0
        assert started.errors() == ""


def test_a_step_in_flight_is_taken_and_answered(tmp_path: Path) -> None:
    """A large step whose body is not whole yet when the signal comes is read, taken in a thread, and answered."""
    body = b'{"grads": [' + b",".join([b"0.5"] * LARGE) + b"]}"
    with serving(tmp_path) as started, started.client() as http, Wire(started.port) as wire:
        http.put("/v1/sessions/a", json={"shape": [LARGE]})
        wire.request("POST", "/v1/sessions/a/step", JSON, "Idempotency-Key: k", body=body[:-1], length=len(body))
        http.close()
        started.process.send_signal(signal.SIGTERM)
        until_stopping(started)
        wire.send(body[-1:])
        answer = wire.answer()
        assert (answer.status, answer.json()["step"]) == (200, 1)
        assert answer.headers["connection"] == "close"
        assert started.end() == 0
        assert started.errors() == ""


def test_a_body_that_never_ends_does_not_keep_it_alive(tmp_path: Path) -> None:
    """After shutdown_s it ends all the same, and the caller is told in a problem document; the log in a line."""
    with serving(tmp_path, STEPD_SHUTDOWN_S="1") as started, started.client() as http, Wire(started.port) as wire:
        http.put("/v1/sessions/a", json={"params": [1.0, 2.0]})
        wire.request("POST", "/v1/sessions/a/step", JSON, body=b'{"grads"', length=30)
        http.close()
        started.process.send_signal(signal.SIGTERM)
        answer = wire.answer()
        assert (answer.status, answer.headers["content-type"]) == (503, "application/problem+json")
        assert answer.json()["code"] == "not-ready"
        assert started.end() == 0
        assert len(started.errors().splitlines()) == 1


def test_a_second_interrupt_ends_it_now(tmp_path: Path) -> None:
    """Whoever presses Ctrl+C twice does not wait for what is in flight."""
    with serving(tmp_path, STEPD_SHUTDOWN_S="600") as started, started.client() as http, Wire(started.port) as wire:
        http.put("/v1/sessions/a", json={"params": [1.0, 2.0]})
        wire.request("POST", "/v1/sessions/a/step", JSON, body=b'{"grads"', length=30)
        http.close()
        started.process.send_signal(signal.SIGINT)
        until_stopping(started)
        started.process.send_signal(signal.SIGINT)
        assert started.end() == 0
