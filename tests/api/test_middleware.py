"""What every answer has in common: request id, timing, no caching; and what is logged of a request, and what never."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.routing import Route
from structlog.testing import capture_logs

from tests.api.raw import Wire
from tests.server import Handle, Running, running, until


@pytest.fixture(scope="module")
def logging() -> Iterator[Running]:
    """A service with an access log, whose engine may be broken."""
    with running(access_log=True) as server:
        yield server


def some_answers(session: Handle) -> dict[str, httpx.Response]:
    """One answer of each kind."""
    http = session.http
    return {
        "created": session.create(params=[1.0, 2.0]),
        "stepped": session.step([0.5, -0.5]),
        "minimal": session.step([0.5, -0.5], headers={"Prefer": "return=minimal"}),
        "read": session.params(),
        "unchanged": session.params({"If-None-Match": "*"}),
        "state": session.state(),
        "list": http.get("/v1/sessions"),
        "info": http.get("/v1/info"),
        "health": http.get("/livez"),
        "page": http.get("/docs"),
        "asset": http.get("/assets/stepd.css"),
        "openapi": http.get("/openapi.json"),
        "once": http.post("/v1/step", json={"params": [1.0], "grads": [1.0]}),
        "head": http.head("/v1/info"),
        "stale": session.step([0.5, -0.5], if_match='"a-1"'),
        "missing": http.get("/v1/sessions/none"),
        "no such path": http.get("/nothing"),
        "no such method": http.patch("/v1/info"),
        "cross-origin": http.post("/v1/sessions", headers={"Origin": "http://evil.example"}),
        "deleted": session.delete(),
    }


def test_every_answer_has_the_common_headers(session: Handle) -> None:
    """An id of its own, timing, no-store and nosniff, whatever became of the request."""
    answers = some_answers(session)
    for name, answer in answers.items():
        assert re.fullmatch("[0-9a-f]{16}", answer.headers["x-request-id"]), name
        assert answer.headers["cache-control"] == "no-store", name
        assert answer.headers["x-content-type-options"] == "nosniff", name
        timing = r"parse;dur=\d+\.\d{3}, step;dur=\d+\.\d{3}, encode;dur=\d+\.\d{3}"
        assert re.fullmatch(timing, answer.headers["server-timing"]), name
        assert "server" not in answer.headers, name
        for header in ("x-request-id", "cache-control", "x-content-type-options", "server-timing", "etag", "vary"):
            assert len(answer.headers.get_list(header)) <= 1, f"{name}: {header}"
    assert len({answer.headers["x-request-id"] for answer in answers.values()}) == len(answers)


def test_answers_in_a_negotiated_format_vary_by_accept(session: Handle) -> None:
    """What has a format says that it depends on Accept."""
    answers = some_answers(session)
    for name in ("created", "stepped", "minimal", "read", "unchanged", "state", "list", "info", "once", "head"):
        assert answers[name].headers["vary"] == "Accept", name


def test_answers_tell_where_their_time_went(session: Handle) -> None:
    """A body takes parsing, values take encoding, and a step takes both and itself."""
    ones = [1.0] * 20_000

    def took(answer: httpx.Response) -> tuple[bool, ...]:
        return tuple(float(time) > 0 for time in re.findall(r"dur=([\d.]+)", answer.headers["server-timing"]))

    assert took(session.create(params=ones)) == (True, False, False)
    assert took(session.step(ones)) == (True, True, True)
    assert took(session.put_params(ones)) == (True, False, False)
    assert took(session.state()) == (False, False, True)
    assert took(session.get()) == (False, False, False)


@pytest.mark.parametrize("given", ["a", "A-z_0.9:/+=", "3d2c0f3e-7a5b-4bfa-9f6d-0b3a2a1c4d5e", "x" * 128])
def test_a_sane_request_id_is_echoed(http: httpx.Client, given: str) -> None:
    """In the header and in a problem."""
    assert http.get("/v1/info", headers={"X-Request-ID": given}).headers["x-request-id"] == given
    problem = http.get("/nothing", headers={"X-Request-ID": given})
    assert problem.json()["request_id"] == problem.headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "é", '"a"', "a;b", "<b>", "a,b", "{a}"])
def test_any_other_request_id_is_replaced(http: httpx.Client, given: str) -> None:
    """What could do harm in a log or a page is not repeated."""
    answer = http.get("/nothing", headers={"X-Request-ID": given.encode()})
    assert re.fullmatch("[0-9a-f]{16}", answer.headers["x-request-id"])
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


SECRET = "sekrit-4711"  # noqa: S105 - what must not be seen


def test_an_unexpected_error_is_told_without_internals(logging: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """500 internal-error, whose request id finds the traceback in the log; the next request works."""

    def broken(*_: Any) -> Any:
        raise RuntimeError(SECRET)

    with monkeypatch.context() as patched, capture_logs() as logs:
        patched.setattr(logging.engine, "list", broken)
        answer = logging.http.get("/v1/sessions", headers={"X-Request-ID": "find-me"})
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    problem = answer.json()
    assert (problem["code"], problem["request_id"]) == ("internal-error", "find-me")
    assert "find-me" in answer.headers["x-request-id"]
    for internal in (SECRET, "RuntimeError", "Traceback", "broken"):
        assert internal not in answer.text
    (error,) = [entry for entry in logs if entry["log_level"] == "error"]
    assert error["request_id"] == "find-me"
    assert error["exc_info"]
    assert logging.http.get("/v1/sessions").status_code == 200


def test_an_error_in_the_middle_of_an_answer_breaks_it_off(logging: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once an answer has begun only the end of the connection tells that it is not whole."""

    async def begun(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise RuntimeError(SECRET)

    page = Route("/begun", lambda _: None)
    page.app = begun
    monkeypatch.setattr(logging.app.router, "routes", [page])
    with capture_logs() as logs, pytest.raises(httpx.RemoteProtocolError):
        logging.http.get("/begun")
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["an answer broke off"]


def test_the_access_log_has_no_values(logging: Running) -> None:
    """One line per request: method, path, status, time; never a body, a key, a tag or a query."""
    session = logging.session("logged")
    with capture_logs() as logs:
        session.create(params=[1.0, 4711.4711], labels={"secret": SECRET})
        session.step(
            [0.5, 4712.4712], lr=0.4713, key=SECRET, headers={"If-Match": session.tag(), "X-Request-ID": "r-1"}
        )
        session.step(None, key=SECRET)
        session.http.get("/v1/sessions", params={"label": f"secret={SECRET}"})
        session.http.get("/nothing", params={SECRET: SECRET})
        until(lambda: sum(entry["event"] == "request" for entry in logs) == 6, "every request is logged")
    lines = [entry for entry in logs if entry["event"] == "request"]
    assert [(line["method"], line["path"], line["status"]) for line in lines] == [
        ("PUT", "/v1/sessions/logged", 201),
        ("GET", "/v1/sessions/logged", 200),
        ("POST", "/v1/sessions/logged/step", 200),
        ("POST", "/v1/sessions/logged/step", 422),
        ("GET", "/v1/sessions", 200),
        ("GET", "/nothing", 404),
    ]
    for line in lines:
        assert line.keys() == {"event", "log_level", "request_id", "method", "path", "status", "ms"}
        assert line["ms"] > 0
    assert lines[2]["request_id"] == "r-1"
    said = json.dumps(logs)
    for value in (SECRET, "4711.4711", "4712.4712", "0.4713", session.incarnation()):
        assert value not in said


def test_a_caller_that_goes_away_is_logged(logging: Running) -> None:
    """499, a status that nobody was sent."""
    session = logging.session("left")
    session.create(params=[1.0])
    with capture_logs() as logs:
        with Wire(logging.port) as wire:
            wire.request("GET", session.path + "/params?wait_for_step=1")
            logging.until_waiting(session)
        left = ("/v1/sessions/left/params", 499)
        until(lambda: left in [(line.get("path"), line.get("status")) for line in logs], "it is logged")


def test_without_access_log_nothing_is_logged(session: Handle) -> None:
    """The default: requests that work, or are refused, leave no line."""
    with capture_logs() as logs:
        some_answers(session)
    assert logs == []


ALLOWED_ORIGINS = [None, "{url}"]


@pytest.mark.parametrize("origin", ALLOWED_ORIGINS)
def test_programs_and_our_own_pages_may_change_things(server: Running, session: Handle, origin: str | None) -> None:
    """No Origin, or that of the service itself."""
    headers = {} if origin is None else {"Origin": origin.format(url=server.url)}
    assert session.create(headers, params=[1.0]).status_code == 201
    assert session.reset(headers).status_code == 200
    assert session.delete(headers).status_code == 204


@pytest.mark.parametrize(
    "origin", ["null", "http://evil.example", "http://127.0.0.1:1", "https://localhost", "{url}.evil.example", ""]
)
def test_pages_of_other_origins_may_only_read(server: Running, session: Handle, origin: str) -> None:
    """403 for whatever changes something, 200 for what does not; and no CORS header ever lets such a page see it."""
    session.create(params=[1.0, 2.0])
    before = session.state().content
    headers = {"Origin": origin.format(url=server.url)}
    for refused in (
        session.reset(headers),
        session.delete(headers),
        session.put_params([7.0, 7.0], headers),
        session.step([1.0, 1.0], headers=headers),
        session.http.post("/v1/step", json={"params": [1.0], "grads": [1.0]}, headers=headers),
    ):
        assert (refused.status_code, refused.json()["code"]) == (403, "cross-origin")
    read = session.state(headers)
    assert (read.status_code, read.content) == (200, before)
    assert not [name for name in read.headers if name.startswith("access-control")]
