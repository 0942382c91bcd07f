"""`stepd serve` from a shell: what it prints, how it is configured, and with what it refuses to start."""

import json
import os
import re
import shlex
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import stepd
from stepd import Adadelta
from stepd.cli import cli
from tests.e2e import program
from tests.e2e.program import PATIENCE_S, Serving, serving
from tests.needs import require_program
from tests.server import until


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A service as it starts without any setting but a free port, and a log of every request."""
    with serving(tmp_path_factory.mktemp("serve"), STEPD_ACCESS_LOG="1", STEPD_LOG_FORMAT="json") as started:
        yield started


def curl_of(greeting: str) -> str:
    """The command that the greeting tells people to try."""
    return greeting.partition("try: ")[2].strip()


def test_the_greeting_says_where(service: Serving) -> None:
    """One line with the version, the address and the docs, which are there."""
    assert service.greeting.startswith(f"stepd {stepd.__version__} serves at http://127.0.0.1:{service.port} ")
    docs = re.search(r"docs: (\S+)\)", service.greeting)
    assert docs
    with service.client() as http:
        assert http.get(docs[1]).status_code == 200
        assert http.get("/readyz").status_code == 200


def test_the_command_in_the_greeting_works_as_printed(service: Serving) -> None:
    """Pasted into a shell it takes a step and prints the params that the formula gives."""
    require_program("curl", "apt-get install curl")
    shown = subprocess.run(
        ["sh", "-c", curl_of(service.greeting)],
        env=program.environment(no_proxy="*"),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    command = shlex.split(curl_of(service.greeting))
    body = json.loads(command[command.index("-d") + 1])
    want = Adadelta().update(np.array(body["params"]), np.array(body["grads"]))
    assert json.loads(shown.stdout)["params"] == want.tolist()


def test_the_log_has_lines_and_no_values(service: Serving) -> None:
    """With STEPD_ACCESS_LOG each request is a line of JSON on stderr, without body, key or query."""
    with service.client() as http:
        secret = {"labels": {"name": "sekrit-1"}, "params": [4711.5]}
        http.put("/v1/sessions/logged", json=secret, headers={"X-Request-ID": "first"})
        key = {"Idempotency-Key": "sekrit-2"}
        http.post("/v1/sessions/logged/step?lr=0.4712", json={"grads": [4713.5]}, headers=key)
        http.post("/v1/sessions/logged/step", json={"grads": [4713.5]}, headers=key)
        http.get("/v1/sessions?label=name%3Dsekrit-1", headers={"X-Request-ID": "last"})

    def logged() -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in service.errors().splitlines()]
        return [line for line in lines if line["event"] == "request" and line["path"].startswith("/v1/sessions")]

    until(lambda: len(logged()) == 4, "four lines are logged")
    statuses = [(line["method"], line["status"]) for line in logged()]
    assert statuses == [("PUT", 201), ("POST", 200), ("POST", 422), ("GET", 200)]
    assert (logged()[0]["request_id"], logged()[-1]["request_id"]) == ("first", "last")
    for value in ("sekrit", "4711", "4712", "4713"):
        assert value not in service.errors()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def test_variables_configure_it(tmp_path: Path) -> None:
    """STEPD_<NAME> sets each setting, and a misspelt one is told."""
    port = free_port()
    variables = {
        "STEPD_HOST": "0.0.0.0",  # noqa: S104 - what is tested
        "STEPD_INSECURE": "1",
        "STEPD_PORT": str(port),
        "STEPD_MAX_JSON_BYTES": "4096",
        "STEPD_KEYS_PER_SESSION": "3",
        "STEPD_PROT": "1",
        "STEPD_URL": "the client's",
    }
    with serving(tmp_path, **variables) as started:
        assert started.url == f"http://127.0.0.1:{port}", "an address that works as printed"
        with started.client() as http:
            limits = http.get("/v1/info").json()["limits"]
        assert (limits["max_json_bytes"], limits["keys_per_session"]) == (4096, 3)
        warnings = started.errors().splitlines()
        assert len(warnings) == 1
        assert "no such setting" in warnings[0]
        assert "STEPD_PROT" in warnings[0]
        assert "\x1b" not in warnings[0], "no colours where nobody looks"


def test_options_win_over_variables(tmp_path: Path) -> None:
    """--host, --port and --insecure hold whatever the environment says; one worker may be asked for."""
    port = free_port()
    options = ["--host", "0.0.0.0", "--insecure", "--port", str(port), "--workers", "1"]  # noqa: S104 - what is tested
    with serving(tmp_path, *options, STEPD_HOST="127.0.0.1", STEPD_PORT="1", WEB_CONCURRENCY="1") as started:
        assert started.url == f"http://127.0.0.1:{port}"
        with started.client() as http:
            assert http.get("/readyz").status_code == 200


def _ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not _ipv6(), reason="this machine has no IPv6 loopback")
def test_it_listens_on_ipv6(tmp_path: Path) -> None:
    """::1 is a loopback as well, and its address is printed in brackets."""
    require_program("curl", "apt-get install curl")
    with serving(tmp_path, "--host", "::1") as started:
        assert started.url == f"http://[::1]:{started.port}"
        shown = subprocess.run(
            ["sh", "-c", curl_of(started.greeting)],
            env=program.environment(no_proxy="*"), capture_output=True, timeout=PATIENCE_S, check=True,
        )  # fmt: skip
        assert "params" in json.loads(shown.stdout)


# Arguments, variables, and the words of the message with which it does not start.
REFUSALS: dict[str, tuple[list[str], dict[str, str], list[str]]] = {
    "every address": (["--host", "0.0.0.0"], {}, ["STEPD_HOST", "'0.0.0.0'", "127.0.0.1", "--insecure"]),  # noqa: S104
    "every IPv6 address": ([], {"STEPD_HOST": "::"}, ["STEPD_HOST", "'::'", "--insecure"]),
    "a name": (["--host", "example.org"], {}, ["STEPD_HOST", "example.org"]),
    "two workers": (["--workers", "2"], {}, ["--workers is 2", "one process"]),
    "no workers": (["--workers", "0"], {}, ["--workers is 0", "one process"]),
    "WEB_CONCURRENCY": ([], {"WEB_CONCURRENCY": "2"}, ["WEB_CONCURRENCY is 2", "one process"]),
    "a port that is no number": ([], {"STEPD_PORT": "abc"}, ["STEPD_PORT", "'abc'"]),
    "a port beyond": (["--port", "65536"], {}, ["STEPD_PORT", "65536", "65535"]),
    "a driver": ([], {"STEPD_DRIVER": "fast"}, ["STEPD_DRIVER", "'fast'", "'auto'", "'blocked'"]),
    "two at once": ([], {"STEPD_MAX_WAIT_S": "-1", "STEPD_THREADS": "0"}, ["STEPD_MAX_WAIT_S", "STEPD_THREADS"]),
    "too little memory": ([], {"STEPD_MAX_SESSION_BYTES": "1"}, ["STEPD_MAX_SESSION_BYTES", "'1'", "1048576"]),
    "an unknown option": (["--prot", "1"], {}, ["--prot"]),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_it_does_not_start_with_what_can_not_work(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Exit status 2 and a message that names the setting, its value and what to do."""
    arguments, variables, words = REFUSALS[name]
    for variable in os.environ:
        if variable.startswith(("STEPD_", "WEB_")):
            monkeypatch.delenv(variable)
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr("stepd.server.run", lambda settings: pytest.fail("it starts"))
    refused = CliRunner().invoke(cli, ["serve", *arguments])
    assert (refused.exit_code, refused.stdout) == (2, "")
    missing = [word for word in words if word not in refused.stderr]
    assert not missing, refused.stderr


@pytest.mark.parametrize("name", ["every address", "WEB_CONCURRENCY", "a port that is no number"])
def test_the_program_does_not_start_either(name: str) -> None:
    """As a program of its own: the same status, and the message alone on stderr."""
    arguments, variables, words = REFUSALS[name]
    refused = program.stepd("serve", *arguments, **variables)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert len(refused.stderr.splitlines()) == 1
    assert all(word in refused.stderr for word in words)


def test_a_taken_port_is_told(service: Serving) -> None:
    """Exit status 1 and one line with the address and what to change."""
    refused = program.stepd("serve", "--port", str(service.port))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert len(refused.stderr.splitlines()) == 1
    for word in ("127.0.0.1", str(service.port), "in use", "STEPD_PORT"):
        assert word in refused.stderr


def test_the_version() -> None:
    """`stepd version` prints it."""
    shown = program.stepd("version")
    assert (shown.returncode, shown.stdout, shown.stderr) == (0, f"{stepd.__version__}\n", "")
