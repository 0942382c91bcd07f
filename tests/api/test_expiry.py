"""ttl_s: a session that nobody uses for so long is deleted; what counts as use, and what is left of it then."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from stepd.sessions.table import Lease
from stepd.values import DEFAULT_TENANT, SessionKey
from tests.api.raw import Wire
from tests.server import Handle, Running, Servers, in_thread, until

SHORT_S = 0.1


def deadline(server: Running, session: Handle) -> float:
    """When it would expire, on the monotonic clock."""
    return server.call(lambda: _lease(server, session).deadline)


def holds(server: Running, session: Handle) -> int:
    """How many requests hold it."""
    return server.call(lambda: _lease(server, session).holds)


def _lease(server: Running, session: Handle) -> Lease:
    return next(lease for key, lease in server.engine.table._leases.items() if key.id == session.id)


def listed(session: Handle) -> bool:
    """Whether the session is there. Listing uses none."""
    page = session.http.get("/v1/sessions", params={"page_size": 1000}).json()
    return session.id in [one["id"] for one in page["sessions"]]


def until_expired(session: Handle) -> None:
    until(lambda: not listed(session), "the session expires")


def test_a_session_that_is_not_used_expires(session: Handle) -> None:
    """Every verb is then 404 session-expired, which says why."""
    session.create(params=[1.0, 2.0], ttl_s=SHORT_S)
    until_expired(session)
    for answer in (
        session.get(),
        session.step([1.0, 1.0]),
        session.params(),
        session.state(),
        session.put_params([1.0, 2.0]),
        session.reset(),
        session.delete(),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "session-expired")
        assert "ttl_s" in answer.json()["detail"]


def test_it_is_deleted_without_anyone_asking(server: Running, session: Handle) -> None:
    """Its memory is given back though no request comes."""
    used = server.call(lambda: server.engine.table.used_bytes)
    session.create(shape=[1000], ttl_s=SHORT_S)
    until(lambda: server.call(lambda: server.engine.table.used_bytes) <= used, "the memory is given back")
    assert session.get().json()["code"] == "session-expired"


def test_the_id_of_an_expired_session_is_free(session: Handle) -> None:
    """It can be created anew, of another shape, and is then no longer called expired."""
    session.create(params=[1.0, 2.0], ttl_s=SHORT_S)
    until_expired(session)
    assert session.create(shape={"w": [3]}).status_code == 201
    assert session.get().status_code == 200
    assert session.delete().status_code == 204
    assert session.get().json()["code"] == "session-not-found"


def test_a_checkpoint_can_be_restored_under_the_id_of_an_expired_session(session: Handle) -> None:
    """PUT state creates it: 201."""
    session.create(params=[1.0, 2.0], ttl_s=SHORT_S)
    until_expired(session)
    state = {"square_avg": [0.0, 0.0], "acc_delta": [0.0, 0.0]}
    given = {"optimizer": {"name": "adadelta"}, "step": 3, "params": [1.0, 2.0], "state": state}
    assert session.put_state(given).status_code == 201
    assert session.get().json()["ttl_s"] is None


USES: dict[str, Callable[[Handle], httpx.Response]] = {
    "get": Handle.get,
    "head": lambda session: session.http.head(session.path),
    "step": lambda session: session.step([0.5, 0.5], key="a"),
    "replay": lambda session: session.step([1.0, 1.0], key="made"),
    "params": Handle.params,
    "unchanged params": lambda session: session.params({"If-None-Match": "*"}),
    "wait": lambda session: session.params(wait_for_step=100, timeout_s=0),
    "state": Handle.state,
    "put params": lambda session: session.put_params([1.0, 2.0]),
    "put state": lambda session: session.put_state(session.state().json()),
    "reset": Handle.reset,
    "create again": lambda session: session.create(params=[1.0, 2.0]),
}


@pytest.mark.parametrize("use", USES)
def test_successful_requests_renew_the_time(server: Running, session: Handle, use: str) -> None:
    """Whatever succeeds starts the time anew, reads and replays too."""
    session.create(params=[1.0, 2.0], ttl_s=3600)
    session.step([1.0, 1.0], key="made")
    before = deadline(server, session)
    assert USES[use](session).status_code in (200, 304)
    assert deadline(server, session) > before


def _bad_body(session: Handle) -> httpx.Response:
    return session.http.post(session.path + "/step", content=b"{", headers={"Content-Type": "application/json"})


def _other_checkpoint(session: Handle) -> httpx.Response:
    state = {"momentum_buffer": [0.0, 0.0]}
    return session.put_state({"optimizer": {"name": "sgd"}, "step": 0, "params": [1.0, 1.0], "state": state})


FAILURES: dict[str, tuple[Callable[[Handle], httpx.Response], int]] = {
    "bad query": (lambda session: session.http.get(session.path + "?x=1"), 400),
    "bad body": (_bad_body, 400),
    "bad header": (lambda session: session.reset({"If-Match": "x"}), 400),
    "bad accept": (lambda session: session.params({"Accept": "text/html"}), 406),
    "bad format": (lambda session: session.http.put(session.path + "/params", content=b"1"), 415),
    "bad shape": (lambda session: session.step([1.0]), 422),
    "not finite": (lambda session: session.step([1e300, 1.0]), 422),
    "stale": (lambda session: session.step([1.0, 1.0], if_match='"a-1"'), 412),
    "conflict": (lambda session: session.create(params=[1.0]), 409),
    "other checkpoint": (_other_checkpoint, 422),
    "other method": (lambda session: session.http.patch(session.path), 405),
    "list": (lambda session: session.http.get("/v1/sessions"), 200),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_other_requests_do_not_renew_the_time(server: Running, session: Handle, failure: str) -> None:
    """What is refused is no use of a session, and neither is listing it."""
    session.create(params=[1.0, 2.0], ttl_s=3600)
    before = deadline(server, session)
    call, status = FAILURES[failure]
    assert call(session).status_code == status
    assert deadline(server, session) == before


def test_expires_at_follows_the_use(session: Handle) -> None:
    """The document says when it would expire; without ttl_s it never does."""
    first = session.create(params=[1.0], ttl_s=3600).json()["expires_at"]
    later = until(lambda: (now := session.get().json()["expires_at"]) > first and now, "expires_at moves on")
    assert later > first
    session.delete()
    session.create(params=[1.0])
    assert (session.get().json()["ttl_s"], session.get().json()["expires_at"]) == (None, None)


def let_its_time_pass(server: Running, session: Handle) -> None:
    """As if ttl_s had passed since its last use: deletes it, unless somebody holds it."""

    def pass_now() -> None:
        _lease(server, session).deadline = time.monotonic()
        server.engine.table.find(SessionKey(DEFAULT_TENANT, session.id), time.monotonic())

    server.call(pass_now)


def test_nobody_holds_a_session_between_requests(server: Running, session: Handle) -> None:
    """Once its time has passed it is gone."""
    session.create(params=[1.0], ttl_s=3600)
    session.step([0.5])
    let_its_time_pass(server, session)
    assert session.get().json()["code"] == "session-expired"


def test_a_wait_holds_the_session(server: Running, session: Handle) -> None:
    """While somebody waits for a step it does not expire; the wait's end starts the time anew."""
    session.create(params=[1.0], ttl_s=3600)
    join = in_thread(lambda: session.params(wait_for_step=1, timeout_s=60))
    server.until_waiting(session)
    let_its_time_pass(server, session)
    assert listed(session)
    assert session.step([0.5]).status_code == 200
    assert join().json()["step"] == 1
    until(lambda: holds(server, session) == 0, "nobody holds it")
    assert deadline(server, session) > time.monotonic()


def test_a_step_in_flight_holds_the_session(server: Running, session: Handle) -> None:
    """A body that takes longer than ttl_s to arrive finds its session there."""
    session.create(params=[1.0], ttl_s=3600)
    body = b'{"grads": [0.5]}'
    with Wire(server.port) as wire:
        wire.request("POST", session.path + "/step", "Content-Type: application/json", body=body[:1], length=len(body))
        until(lambda: holds(server, session) == 1, "the step is in flight")
        let_its_time_pass(server, session)
        assert listed(session)
        wire.send(body[1:])
        assert wire.answer().status == 200
    until(lambda: holds(server, session) == 0, "nobody holds it")
    assert deadline(server, session) > time.monotonic()


def test_the_expired_make_room(servers: Servers) -> None:
    """What did not fit beside a session fits once that has expired; nothing else is deleted for it."""
    server = servers(max_session_bytes=2**20)
    kept, short, late = server.session(), server.session(), server.session()
    assert kept.create(shape=[10]).status_code == 201
    assert short.create(shape=[30_000], ttl_s=SHORT_S).status_code == 201
    until(lambda: late.create(shape=[30_000]).status_code == 201, "the expired session makes room")
    assert short.get().json()["code"] == "session-expired"
    assert kept.get().status_code == 200
    late.delete()
    kept.delete()


@pytest.mark.parametrize("ttl_s", [1e-9, 0.5, 3600, 3600.5, 315360000])
def test_times_to_live_of_every_size(session: Handle, ttl_s: Any) -> None:
    """Any number above 0, up to ten years, whole or not."""
    answer = session.create(params=[1.0], ttl_s=ttl_s)
    assert (answer.status_code, answer.json()["ttl_s"]) == (201, ttl_s)
