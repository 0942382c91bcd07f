"""Which formats bodies and answers are in: Content-Type, Content-Encoding and Accept, each judged by itself."""

from typing import Any

import httpx
import pytest

from tests.server import Handle

BODY = b'{"params": [1.0, 2.0]}'
STEP = b'{"params": [1.0, 2.0], "grads": [0.5, -0.5]}'


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        " application/json ;charset=UTF-8",
        "application/json;",
    ],
)
def test_json_by_any_of_its_names(http: httpx.Client, content_type: str) -> None:
    """Case, blanks and charset=utf-8 make no difference."""
    answer = http.post("/v1/step", content=STEP, headers={"Content-Type": content_type.strip()})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["vary"] == "Accept"


@pytest.mark.parametrize(
    ("content_type", "words"),
    [
        (None, ["no Content-Type", "application/json"]),
        ("text/plain", ["text/plain", "application/json"]),
        ("text/json", ["text/json"]),
        ("application/x-www-form-urlencoded", ["--json"]),
        ("multipart/form-data; boundary=x", ["multipart/form-data"]),
        ("application/json; charset=latin-1", ["charset=latin-1", "UTF-8"]),
        ("application/json-patch+json", ["application/json-patch+json"]),
        ("application/problem+json", ["application/problem+json"]),
        ("*/*", ["*/*"]),
        ("", ["application/json"]),
    ],
)
def test_what_is_not_json_is_refused(session: Handle, content_type: str | None, words: list[str]) -> None:
    """415 says what was sent and what to send, on every verb that takes a body; with curl's default it says how."""
    headers = {} if content_type is None else {"Content-Type": content_type}
    session.create(params=[1.0, 2.0])
    before = session.state()
    for method, path in (
        ("PUT", session.path),
        ("POST", "/v1/sessions"),
        ("POST", session.path + "/step"),
        ("PUT", session.path + "/params"),
        ("PUT", session.path + "/state"),
        ("POST", "/v1/step"),
    ):
        refused = session.http.request(method, path, content=STEP, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (415, "unsupported-media-type")
        assert all(word in refused.json()["detail"] for word in words)
    assert session.state().content == before.content


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "zstd", "identity, gzip", "x-unknown"])
def test_compressed_bodies_are_refused(http: httpx.Client, encoding: str) -> None:
    """415 unsupported-content-encoding, before anyone looks at the bytes."""
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
    refused = http.post("/v1/step", content=b"\x1f\x8b\x08", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (415, "unsupported-content-encoding")
    assert encoding in refused.json()["detail"]


def test_compression_named_on_a_second_line_is_seen(http: httpx.Client) -> None:
    """Two lines of a list header are one list (RFC 9110, 5.3)."""
    headers = [("Content-Type", "application/json"), ("Content-Encoding", "identity"), ("Content-Encoding", "gzip")]
    refused = http.post("/v1/step", content=STEP, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (415, "unsupported-content-encoding")


@pytest.mark.parametrize("encoding", ["identity", "Identity", ""])
def test_identity_is_no_compression(http: httpx.Client, encoding: str) -> None:
    """Content-Encoding: identity says nothing."""
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
    assert http.post("/v1/step", content=STEP, headers=headers).status_code == 200


ACCEPTED: list[Any] = [
    "*/*",
    "application/json",
    "APPLICATION/JSON",
    "application/*",
    "text/html, application/json;q=0.1",
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "application/json; q=1.0 , text/plain",
    "application/json;q=0.5, */*;q=0",
    "",
    [("Accept", "text/html"), ("Accept", "application/json")],
]


@pytest.mark.parametrize("accept", ACCEPTED)
def test_json_is_given_where_accept_allows_it(session: Handle, accept: Any) -> None:
    """By name, by range, with any weight but 0, on any line."""
    headers = accept if isinstance(accept, list) else {"Accept": accept}
    session.create(params=[1.0, 2.0])
    for path in (session.path, session.path + "/params", session.path + "/state", "/v1/sessions", "/v1/info"):
        answer = session.http.get(path, headers=headers)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"


def test_without_accept_json_is_given(http: httpx.Client) -> None:
    """No Accept means anything."""
    request = http.build_request("GET", "/v1/info")
    del request.headers["accept"]
    assert http.send(request).headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "accept", ["text/html", "application/xml", "text/*", "application/json;q=0", "*/*;q=0", "json"]
)
def test_where_accept_rules_json_out_it_is_not_given(session: Handle, accept: str) -> None:
    """406 on every verb, naming what there is; nothing changes; the problem itself is problem+json all the same."""
    session.create(params=[1.0, 2.0])
    before = session.state()
    for method, path, body in (
        ("GET", session.path, None),
        ("GET", session.path + "/params", None),
        ("GET", session.path + "/state", None),
        ("GET", "/v1/sessions", None),
        ("GET", "/v1/info", None),
        ("GET", "/v1/optimizers", None),
        ("PUT", session.path, BODY),
        ("POST", "/v1/sessions", BODY),
        ("POST", session.path + "/step", STEP),
        ("PUT", session.path + "/params", BODY),
        ("PUT", session.path + "/state", BODY),
        ("POST", session.path + "/reset", None),
        ("DELETE", session.path, None),
        ("POST", "/v1/step", STEP),
    ):
        headers = {"Accept": accept} | ({"Content-Type": "application/json"} if body else {})
        refused = session.http.request(method, path, content=body, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (406, "not-acceptable"), f"{method} {path}"
        assert refused.headers["content-type"] == "application/problem+json"
        assert "application/json" in refused.json()["detail"]
    assert session.state().content == before.content


def test_problems_do_not_depend_on_accept(http: httpx.Client) -> None:
    """A browser that asks for HTML gets the same problem document."""
    answer = http.get("/v1/sessions/none-such", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
