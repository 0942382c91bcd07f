"""The proxy that judges and breaks: what it records is what was sent, and what it loses is lost in that way."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx
import pytest

from tests.conformance.network import changed, http_answer, problem
from tests.conformance.proxy import GIVE, Answer, Loss, Proxy, Treatment
from tests.server import Running

PATIENCE_S = 20.0


@pytest.fixture
def proxy(server: Running) -> Iterator[Proxy]:
    """A proxy before a real service."""
    with Proxy(server.url) as running:
        yield running


@pytest.fixture
def through(proxy: Proxy) -> Iterator[httpx.Client]:
    """A client behind the proxy that repeats nothing."""
    with httpx.Client(base_url=proxy.url, timeout=PATIENCE_S, trust_env=False) as client:
        yield client


def test_it_records_what_was_sent(proxy: Proxy, through: httpx.Client) -> None:
    """Method, target with its query, conditions, key, body and status are those of the request and its answer."""
    headers = {"If-Match": '"abc-0"', "If-None-Match": "*", "Idempotency-Key": "k"}
    through.post("/v1/sessions/none/step?lr=0.5", content=b"{}", headers=headers)
    (seen,) = proxy.seen
    assert (seen.line, seen.method, seen.path) == (
        "POST /v1/sessions/none/step?lr=0.5",
        "POST",
        "/v1/sessions/none/step",
    )
    assert (seen.if_match, seen.if_none_match, seen.key, seen.body) == ('"abc-0"', "*", "k", b"{}")
    assert seen.status == 404
    assert seen.given is not None
    assert seen.given.headers["content-type"] == "application/problem+json"
    assert b"session-not-found" in seen.given.body
    assert seen.came_at <= seen.answered_at


def test_a_body_in_chunks_arrives_whole(proxy: Proxy, through: httpx.Client, server: Running) -> None:
    """A client that does not say how long its body is, is forwarded and recorded like any other."""
    session = server.session()
    pieces = iter([b'{"params": ', b"[1.0, -0.0]}"])
    made = through.put(session.path, content=pieces, headers={"Content-Type": "application/json"})
    assert made.status_code == 201
    assert proxy.seen[0].body == b'{"params": [1.0, -0.0]}'
    assert session.get().json()["size"] == 2


def test_binary_bodies_pass_whole(proxy: Proxy, through: httpx.Client, server: Running) -> None:
    """Bytes that look like the end of a head, in both directions, are recorded and arrive as they are."""
    session = server.session()
    session.create(shape=[4])
    values = b"\r\n\r\n\x00\x00\x00\x00" * 4
    octets = {"Content-Type": "application/octet-stream"}
    through.put(f"{session.path}/params", content=values, headers=octets).raise_for_status()
    given = through.get(f"{session.path}/params", headers={"Accept": octets["Content-Type"]})
    sent, fetched = proxy.seen
    assert (sent.body, sent.content_type) == (values, octets["Content-Type"])
    assert fetched.given is not None
    assert fetched.given.body == given.content == values


@pytest.mark.parametrize("loss", [Loss.CLOSED, Loss.RESET, Loss.CUT])
def test_an_answer_is_lost_after_the_service_has_given_it(
    proxy: Proxy, through: httpx.Client, server: Running, loss: Loss
) -> None:
    """The client gets an error, the service has carried the request out, the next request passes."""
    session = server.session()
    proxy.treat(Treatment(answer=loss))
    with pytest.raises(httpx.RemoteProtocolError if loss is not Loss.RESET else httpx.ReadError):
        through.put(session.path, json={"params": [1.0]})
    assert session.get().status_code == 200
    assert through.get(session.path).status_code == 200
    assert [(seen.status, seen.given is None) for seen in proxy.seen] == [(201, True), (200, False)]


def test_a_cut_answer_ends_within_its_body(proxy: Proxy) -> None:
    """Head and length have come, half the body has not."""
    proxy.treat(Treatment(answer=Loss.CUT))
    with socket.create_connection(proxy.server_address[:2], PATIENCE_S) as raw, raw.makefile("rb") as answer:
        raw.sendall(b"GET /v1/info HTTP/1.1\r\nHost: x\r\n\r\n")
        came = Answer(answer.read())
    assert came.status == 200
    assert 0 < len(came.body) < int(came.headers["content-length"])


def test_a_held_answer_does_not_come(proxy: Proxy, through: httpx.Client) -> None:
    """The connection stays open and silent until the client gives up."""
    proxy.treat(Treatment(answer=Loss.HELD))
    with pytest.raises(httpx.ReadTimeout):
        through.get("/v1/info", timeout=0.2)
    assert through.get("/v1/info").status_code == 200


def test_a_request_that_is_not_forwarded_never_arrives(proxy: Proxy, through: httpx.Client, server: Running) -> None:
    """The service has heard nothing of it."""
    session = server.session()
    proxy.treat(Treatment(forward=False))
    with pytest.raises(httpx.RemoteProtocolError):
        through.put(session.path, json={"params": [1.0]})
    assert session.get().status_code == 404
    assert [seen.status for seen in proxy.seen] == [None]


def test_meanwhile_comes_between_the_service_and_the_client(
    proxy: Proxy, through: httpx.Client, server: Running
) -> None:
    """What is done meanwhile finds the request carried out; early, it may come before."""
    session = server.session()
    found: list[int] = []

    def look() -> None:
        found.append(session.get().status_code)

    proxy.treat(Treatment(meanwhile=look), GIVE, Treatment(meanwhile=look, early=True))
    through.put(session.path, json={"params": [1.0]})
    assert found == [200]
    through.get(session.path)
    assert proxy.untreated() == 1
    through.get(session.path)
    assert (found, proxy.untreated()) == ([200, 200], 0)


def test_a_made_problem_is_as_the_service_writes_it(proxy: Proxy, through: httpx.Client) -> None:
    """Status, media type, members, Allow and Retry-After are those of the service's own code."""
    proxy.treat(
        Treatment(forward=False, answer=problem("method-not-allowed", "no", extra={"allow": ["GET", "HEAD"]})),
        Treatment(forward=False, answer=problem("not-ready", "soon", retry_after_s=7)),
    )
    refused, busy = through.get("/v1/info"), through.get("/v1/info")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["code"] == "method-not-allowed"
    assert refused.json()["request_id"] == refused.headers["x-request-id"]
    assert (busy.status_code, busy.headers["retry-after"]) == (503, "7")


def test_a_changed_answer_keeps_the_text_of_its_numbers() -> None:
    """Members are added, headers taken away and added, the ETag made weak; what the service wrote stays as it is."""
    given = http_answer(200, {"etag": '"abc-1"', "x-old": "1"}, b'{"params": [-0.0, 7.03853069e-26]}')
    made = changed(given, weak_etag=True, without=["x-old"], headers={"x-new": "2"}, members={"loss": 0.5})
    assert made.body == b'{"params": [-0.0, 7.03853069e-26], "loss": 0.5}'
    assert made.headers == {
        "etag": 'W/"abc-1"',
        "x-new": "2",
        "connection": "close",
        "content-length": str(len(made.body)),
    }
