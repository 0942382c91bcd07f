"""Several requests at once on one connection: each is answered, in order, and nothing grows without bound."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from stepd.api.headers import MAX_HEAD_BYTES
from stepd.wire.json import ENCODE_BYTES_PER_VALUE
from tests.api.raw import Wire
from tests.server import Running, Servers, in_thread, until

JSON = "Content-Type: application/json"
UPGRADE = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA"
MANY = 2 * sys.getrecursionlimit()
# What asyncio reads at once.
PIECE = 256 * 1024


def request(method: str, path: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: stepd", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@contextmanager
def busy(server: Running) -> Iterator[None]:
    """While it is open the event loop reads nothing: what is sent meanwhile arrives in one piece."""
    done = threading.Event()
    ended = in_thread(lambda: server.call(done.wait))
    yield
    done.set()
    ended()


def test_more_requests_than_python_recurses_are_answered_in_order(server: Running) -> None:
    """Each step is taken, one after another, whether or not its body came in the same piece as its head."""
    session = server.session()
    session.create(params=[1.0])
    step = request("POST", session.path + "/step", JSON, "Prefer: return=minimal", body=b'{"grads": [0.5]}')
    with Wire(server.port) as wire:
        sent = in_thread(lambda: wire.send(step * MANY))
        assert [wire.answer().headers["stepd-step"] for _ in range(MANY)] == [str(n) for n in range(1, MANY + 1)]
        sent()
    assert session.get().json()["step"] == MANY


def test_more_offers_to_upgrade_than_python_recurses_are_ignored(server: Running) -> None:
    """Every request of them is answered as if it made none."""
    with Wire(server.port) as wire:
        with busy(server):
            wire.send(request("GET", "/livez", UPGRADE) * MANY)
        assert {wire.answer().status for _ in range(MANY)} == {200}


@pytest.mark.parametrize("before", ["requests", "a body"])
def test_a_head_that_begins_behind_others_has_a_limit_of_its_own(server: Running, before: str) -> None:
    """What was sent before it, in the same piece, does not count as its bytes."""
    count = MAX_HEAD_BYTES // 30 if before == "requests" else 1
    first = request("GET", "/livez") * count
    if before == "a body":
        first = request("POST", "/v1/step", JSON, body=b'{"params": [1], "grads": [1]}'.ljust(2 * MAX_HEAD_BYTES))
    last = request("GET", "/livez", "X: y")
    assert len(first) > MAX_HEAD_BYTES
    with Wire(server.port) as wire:
        with busy(server):
            wire.send(first + last[:-5])
        assert {wire.answer().status for _ in range(count)} == {200}
        wire.send(last[-5:])
        assert wire.answer().status == 200


def test_the_second_waits_for_the_first(server: Running) -> None:
    """A long-poll is answered first, with the step that it waited for, then the step that was sent behind it."""
    session = server.session()
    session.create(params=[1.0])
    with Wire(server.port) as wire:
        wire.send(
            request("GET", session.path + "/params?wait_for_step=1")
            + request("POST", session.path + "/step", JSON, body=b'{"grads": [0.5]}')
        )
        server.until_waiting(session)
        assert session.step([0.5]).json()["step"] == 1, "what is behind a wait has not begun"
        assert [wire.answer().json()["step"] for _ in range(2)] == [1, 2]


def test_a_step_in_a_thread_is_answered_before_what_was_sent_behind_it(server: Running) -> None:
    """Large vectors are stepped elsewhere; the order of the answers is that of the requests all the same."""
    session = server.session()
    session.create(shape=[100_000])
    raw = "Content-Type: application/octet-stream"
    step = request("POST", session.path + "/step", raw, "Prefer: return=minimal", body=bytes(800_000))
    with Wire(server.port) as wire:
        sent = in_thread(lambda: wire.send((step + request("GET", session.path)) * 5))
        for number in range(1, 6):
            assert wire.answer().headers["stepd-step"] == str(number)
            assert wire.answer().json()["step"] == number
        sent()


def test_what_the_first_has_reserved_is_given_back_before_the_second_begins(servers: Servers) -> None:
    """Requests of one connection, each of which takes most of the bytes in flight, are not put off."""
    server = servers(max_in_flight_bytes=2**20)
    session = server.session()
    size = int(0.6 * 2**20) // max(ENCODE_BYTES_PER_VALUE.values())
    session.create(shape=[size])
    with Wire(server.port) as wire:
        wire.send(request("GET", session.path + "/params", "Accept: application/json") * 8)
        assert [wire.answer().status for _ in range(8)] == [200] * 8
    session.delete()


def test_no_more_is_read_while_requests_wait(server: Running) -> None:
    """Whoever sends requests faster than they are answered waits; they don't gather in the service's memory."""
    session = server.session()
    session.create(params=[1.0])
    padding = "X: " + "y" * 200
    wait = request("GET", session.path + "/params?wait_for_step=1&timeout_s=0", padding)
    small = request("GET", "/livez", padding)
    count, most = 2500, 0
    with Wire(server.port) as wire:
        sent = in_thread(lambda: wire.send((small + wait) * count))
        for number in range(2 * count):
            assert wire.answer().status == 200
            if number % 100 == 0:
                most = max(most, *(len(one.pipeline) for one in server.connections()))
        sent()
    assert 0 < most <= 2 * PIECE // len(small + wait) + 2 < count


def test_what_is_not_http_is_not_the_answer_to_a_request_before_it(server: Running) -> None:
    """While one is being answered the connection is closed without a word, and the one that waits is told."""
    session = server.session()
    session.create(params=[1.0])
    with Wire(server.port) as wire:
        wire.send(request("GET", session.path + "/params?wait_for_step=1"))
        server.until_waiting(session)
        wire.send(request("GET", "/livez") + b"nonsense\r\n\r\n")
        assert wire.ended()
    until(lambda: server.waits(session) == 0, "the wait is given up")


def test_what_is_not_http_right_behind_a_request_changes_nothing(server: Running) -> None:
    """Both came in one piece: 400, and the step before it is not taken."""
    session = server.session()
    session.create(params=[1.0])
    before = session.state().content
    with Wire(server.port) as wire:
        with busy(server):
            wire.send(request("POST", session.path + "/step", JSON, body=b'{"grads": [0.5]}') + b"nonsense\r\n\r\n")
        assert (wire.answer().status, wire.ended()) == (400, True)
    assert session.state().content == before
