"""Bodies that arrive slowly: what happens to their session meanwhile is seen when they are whole."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.api.raw import Answer, Wire
from tests.server import Handle, Running, bits, until

STEP = ("POST", "/step", b'{"grads": [0.1, 0.7]}')
PUT_PARAMS = ("PUT", "/params", b'{"params": [0.1, 0.7]}')
RETYPED = {"params": [1.0, 2.0], "dtype": "float32"}


@contextmanager
def half_sent(
    server: Running, session: Handle, request: tuple[str, str, bytes], *headers: str
) -> Iterator[Callable[[], Answer]]:
    """A request of which the service has all but the last byte; calling what is given sends that."""
    method, place, body = request
    with Wire(server.port) as wire:
        sent = ("Content-Type: application/json", *headers)
        wire.request(method, session.path + place, *sent, body=body[:-1], length=len(body))
        until(lambda: server.bytes_in_flight() > 0, "the request is in flight")

        def finish() -> Answer:
            wire.send(body[-1:])
            return wire.answer()

        yield finish


@pytest.mark.parametrize("request_", [STEP, PUT_PARAMS], ids=["step", "put params"])
def test_a_session_that_is_deleted_meanwhile_is_not_found(
    server: Running, session: Handle, request_: tuple[str, str, bytes]
) -> None:
    """404, as for any request that came after the deletion."""
    session.create(params=[1.0, 2.0])
    with half_sent(server, session, request_) as finish:
        session.delete()
        answer = finish()
    assert (answer.status, answer.json()["code"]) == (404, "session-not-found")


@pytest.mark.parametrize("request_", [STEP, PUT_PARAMS], ids=["step", "put params"])
def test_values_that_were_read_for_another_dtype_are_not_taken(
    server: Running, session: Handle, request_: tuple[str, str, bytes]
) -> None:
    """They belong to the deleted session and not to the one of another dtype that has its id now: 404."""
    session.create(params=[1.0, 2.0])
    with half_sent(server, session, request_) as finish:
        session.delete()
        session.create(**RETYPED)
        before = session.state()
        answer = finish()
    assert (answer.status, answer.json()["code"]) == (404, "session-not-found")
    assert "float32" in str(answer.json()["detail"])
    assert session.state().content == before.content


@pytest.mark.parametrize("request_", [STEP, PUT_PARAMS], ids=["step", "put params"])
def test_values_that_were_read_for_another_shape_are_not_taken(
    server: Running, session: Handle, request_: tuple[str, str, bytes]
) -> None:
    """They are judged against the session that is there when they are whole."""
    session.create(params=[1.0, 2.0])
    with half_sent(server, session, request_) as finish:
        session.delete()
        session.create(params=[[1.0, 2.0]])
        before = session.state()
        answer = finish()
    assert (answer.status, answer.json()["code"]) == (422, "shape-mismatch")
    assert session.state().content == before.content


def test_a_step_is_taken_from_the_state_that_it_finds(server: Running, session: Handle) -> None:
    """Steps that are taken while it arrives come before it."""
    session.create(params=[1.0, 2.0])
    with half_sent(server, session, STEP) as finish:
        session.step([3.0, -3.0])
        slots = session.state().json()
        answer = finish()
    assert (answer.status, answer.json()["step"]) == (200, 2)
    once = server.http.post(
        "/v1/step", json={"params": slots["params"], "grads": [0.1, 0.7], "state": slots["state"]}
    ).json()
    assert bits(answer.json()["params"]) == bits(once["params"])


def test_a_tag_that_becomes_stale_meanwhile_is_refused(server: Running, session: Handle) -> None:
    """If-Match is judged when the body is whole and its turn has come."""
    tag = session.create(params=[1.0, 2.0]).headers["etag"]
    with half_sent(server, session, STEP, f"If-Match: {tag}") as finish:
        session.step([3.0, -3.0])
        answer = finish()
    assert (answer.status, answer.headers["etag"]) == (412, session.tag())


def test_a_key_that_is_used_meanwhile_makes_it_a_replay(server: Running, session: Handle) -> None:
    """Whichever of two requests with one key is whole first is the one that is applied."""
    session.create(params=[1.0, 2.0])
    with half_sent(server, session, STEP, "Idempotency-Key: a") as finish:
        assert "idempotent-replayed" not in session.step([0.1, 0.7], key="a").headers
        answer = finish()
    assert (answer.status, answer.headers["idempotent-replayed"]) == (200, "true")
    assert session.get().json()["step"] == 1


def test_the_first_params_of_an_unshaped_session_win(server: Running, session: Handle) -> None:
    """Two first steps of different shapes: the one that is whole first gives the shape, the other is refused."""
    session.create()
    with half_sent(server, session, ("POST", "/step", b'{"params": [1, 2], "grads": [1, 1]}')) as finish:
        assert session.step([1.0] * 3, params=[1.0] * 3).status_code == 200
        answer = finish()
    assert (answer.status, answer.json()["code"]) == (422, "shape-mismatch")
    assert session.get().json()["shape"] == [3]


def test_half_a_body_blocks_nobody(server: Running, session: Handle) -> None:
    """While it arrives the session is read, stepped and reset by others."""
    session.create(params=[1.0, 2.0])
    with half_sent(server, session, STEP) as finish:
        for answer in (session.step([1.0, 1.0]), session.params(), session.state(), session.reset()):
            assert answer.status_code == 200
        assert finish().json()["step"] == 1
