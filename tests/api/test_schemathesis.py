"""Schemathesis holds the live service against its own OpenAPI document: all checks, every phase, over a socket."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from stepd.app import openapi_document
from tests.api.expected_refusals import statuses
from tests.docs.documents import ROOT
from tests.server import Running, running


@pytest.fixture
def small() -> Iterator[Running]:
    """A service with low limits, where waits are over at once."""
    with running(max_wait_s=0.05, max_tensors=3, max_session_bytes=2**24, max_in_flight_bytes=2**24) as server:
        yield server


@pytest.fixture
def inhabited(small: Running) -> Running:
    """The same with the session of the document's examples: what names it is judged further than 404."""
    assert small.session("run-7").create(params=[1.0, 2.0]).status_code == 201
    return small


def configuration(server: Running) -> str:
    """Every check; for each operation the statuses of the table of expected refusals."""
    lines = [
        *("[generation]", "deterministic = true"),
        *("[checks.negative_data_rejection]", "expected-statuses = [400, 404, 406, 415, 422]"),
        # Sequences are of what is allowed; what is not is sent in the other phases. The document has its own links.
        *("[phases.stateful]", 'generation.mode = "positive"', "inference.algorithms = []"),
    ]
    for path in openapi_document(server.app)["paths"].values():
        for operation in path.values():
            name = operation["operationId"]
            refusals = sorted(statuses(name))
            capacity = "507" if 507 in refusals else ""
            lines += [
                *("[[operations]]", f'include-operation-id = "{name}"'),
                f'checks.positive_data_acceptance.expected-statuses = ["2XX", "3XX", {", ".join(map(str, refusals))}]',
                f'checks.not_a_server_error.expected-statuses = ["2XX", "3XX", "4XX", {capacity}]',
            ]
            if name == "list_sessions":
                # It tells of the sequences before, and Hypothesis gives up where the same draws go another way.
                lines.append("phases.stateful.enabled = false")
    return "\n".join(lines)


def run(server: Running, folder: Path, *options: str, hooks: str) -> Counter[tuple[str, int]]:
    """Runs Schemathesis as its users do; how often each request was answered how. Fails with its report."""
    config, log = folder / "schemathesis.toml", folder / "requests.har"
    config.write_text(configuration(server), encoding="utf-8")
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", f"{server.url}/openapi.json"),
        *("--checks", "all", "--continue-on-failure", "--no-color", "--output-sanitize", "false"),
        *("--report", "har", "--report-har-path", str(log), *options),
    ]
    names = {"SCHEMATHESIS_HOOKS": f"tests.api.{hooks}", "PYTHONPATH": str(ROOT), "NO_PROXY": "127.0.0.1"}
    ran = subprocess.run(command, cwd=folder, env=os.environ | names, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    answers: Counter[tuple[str, int]] = Counter()
    for entry in json.loads(log.read_text(encoding="utf-8"))["log"]["entries"]:
        path = re.sub("/sessions/[^/]+", "/sessions/{id}", urlsplit(entry["request"]["url"]).path)
        answers[f"{entry['request']['method']} {path}", entry["response"]["status"]] += 1
    return answers


def test_edges(inhabited: Running, tmp_path: Path) -> None:
    """Each bound of each parameter and field, on both sides: what is allowed is taken, what is not is refused."""
    answers = run(inhabited, tmp_path, "--phases", "coverage", hooks="schemathesis_hooks")
    assert sum(answers.values()) > 2500
    assert answers["POST /v1/sessions/{id}/step", 422] > 100  # bodies are judged: the session is there


def test_examples_and_requests_drawn_one_at_a_time(inhabited: Running, tmp_path: Path) -> None:
    """Whatever the document allows or forbids: no failure of the service, nothing undocumented, nothing unexpected."""
    # Few, because vectors are drawn at every rank, at a quarter of a second each; many are given up as too large.
    options = ("--phases", "examples,fuzzing", "--max-examples", "8", "--suppress-health-check", "data_too_large")
    answers = run(inhabited, tmp_path, *options, hooks="schemathesis_hooks")
    assert {status for _, status in answers} >= {200, 201, 400, 422}


def test_sequences_of_requests(small: Running, tmp_path: Path) -> None:
    """Along the document's links sessions are created, read, stepped, changed, restored, reset and deleted."""
    options = ("--phases", "stateful", "--max-examples", "160")
    answers = run(small, tmp_path, *options, hooks="schemathesis_sequences")
    succeeded = {request for request, status in answers if status in (200, 201, 204)}
    linked = {
        "POST /v1/sessions",
        "GET /v1/sessions/{id}",
        "GET /v1/sessions/{id}/params",
        "GET /v1/sessions/{id}/state",
        "POST /v1/sessions/{id}/step",
        "PUT /v1/sessions/{id}/params",
        "PUT /v1/sessions/{id}/state",
        "POST /v1/sessions/{id}/reset",
        "DELETE /v1/sessions/{id}",
    }
    assert linked - succeeded == set()
