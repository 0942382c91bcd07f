"""Every limit: bytes of a body, bytes in flight, memory for sessions, tensors. Each refuses by name, losing nothing."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from stepd.api.budget import Reservation
from stepd.values import DTYPES
from stepd.wire.json import DECODE_BYTES_PER_BYTE, ENCODE_BYTES_PER_VALUE
from tests.api.raw import Wire
from tests.server import Handle, Running, Servers, until

MIB = 2**20
JSON = "Content-Type: application/json"
AS_JSON = {"Content-Type": "application/json"}
SIZE = 300


@pytest.fixture
def tight(servers: Servers) -> Running:
    """A service with the smallest budgets that there are."""
    return servers(max_json_bytes=100 * 1024, max_in_flight_bytes=MIB, max_session_bytes=MIB)


@pytest.fixture
def held(tight: Running) -> Iterator[Handle]:
    """A session of that service, small beside its budgets, deleted afterwards."""
    handle = tight.session()
    handle.create(shape=[SIZE])
    yield handle
    handle.delete()


@contextmanager
def half_a_body(server: Running, handle: Handle, length: int) -> Iterator[Wire]:
    """While it is open a step with a body of that length is in flight, of which only the first byte was sent."""
    before = server.bytes_in_flight()
    with Wire(server.port) as wire:
        wire.request("POST", handle.path + "/step", JSON, body=b"{", length=length)
        until(lambda: server.bytes_in_flight() >= before + length, "the body's bytes are reserved")
        yield wire
    until(lambda: server.bytes_in_flight() == before, "what was in flight is given back")


@contextmanager
def others(server: Running, share: float) -> Iterator[None]:
    """While it is open other requests hold such a share of the bytes in flight."""
    reservation = Reservation(server.service.budget)
    server.call(reservation.grow, int(share * MIB))
    yield
    server.call(reservation.release)


def body_of(share: float) -> int:
    """The length of a JSON body that takes such a share of the bytes in flight while it is parsed."""
    return int(share * MIB) // DECODE_BYTES_PER_BYTE


def answer_of(share: float) -> int:
    """The number of values whose answer takes such a share of the bytes in flight."""
    return int(share * MIB) // ENCODE_BYTES_PER_VALUE[DTYPES["float64"]]


def grads(count: int) -> bytes:
    return b'{"grads": [' + b",".join([b"0.5"] * count) + b"]}"


def test_info_declares_every_limit(tight: Running) -> None:
    """GET /v1/info has the limits that hold."""
    limits = tight.http.get("/v1/info").json()["limits"]
    assert limits == {
        "max_json_bytes": 100 * 1024,
        "max_session_bytes": MIB,
        "max_in_flight_bytes": MIB,
        "max_tensors": 4096,
        "max_rank": 8,
        "max_tensor_name": 128,
        "max_wait_s": 60.0,
        "max_page_size": 1000,
        "max_idempotency_key": 255,
        "max_labels": 16,
        "max_label_name": 63,
        "max_label_value": 255,
        "max_ttl_s": 10 * 365 * 86_400,
        "max_head_bytes": 65_536,
        "keys_per_session": 64,
    }


def test_a_body_that_is_too_large_is_refused_before_it_is_read(tight: Running, held: Handle) -> None:
    """413 comes when the headers are there, with the numbers; a caller that asks first is never told to go on."""
    before = held.state().content
    with Wire(tight.port) as wire:
        wire.request("POST", held.path + "/step", JSON, "Expect: 100-continue", length=100 * 1024 + 1)
        answer = wire.answer()
    assert (answer.status, answer.json()["code"]) == (413, "request-too-large")
    detail = str(answer.json()["detail"])
    assert str(100 * 1024 + 1) in detail
    assert str(100 * 1024) in detail
    assert "STEPD_MAX_JSON_BYTES" in detail
    assert held.state().content == before


def test_a_caller_that_asks_first_may_go_on(tight: Running, held: Handle) -> None:
    """Expect: 100-continue is answered once the body will be read."""
    body = grads(SIZE)
    with Wire(tight.port) as wire:
        wire.request("POST", held.path + "/step", JSON, "Expect: 100-continue", length=len(body))
        assert wire.answer().status == 100
        wire.send(body)
        assert wire.answer().status == 200


def test_chunked_bodies_are_read(tight: Running, held: Handle) -> None:
    """A body that does not say how long it is works as any other."""
    body = grads(SIZE)
    pieces = [body[i : i + 700] for i in range(0, len(body), 700)]
    answer = tight.http.post(held.path + "/step", content=iter(pieces), headers=AS_JSON)
    assert (answer.status_code, answer.json()["step"]) == (200, 1)
    empty = tight.http.post(held.path + "/step", content=iter([]), headers=AS_JSON)
    assert (empty.status_code, empty.json()["code"]) == (400, "malformed-json")


def test_chunked_bodies_obey_the_limit(servers: Servers) -> None:
    """413 as soon as it is longer than the limit, however much is still to come."""
    server = servers(max_json_bytes=2048)
    session = server.session()
    session.create(params=[1.0])
    chunk = b"400\r\n" + b" " * 1024 + b"\r\n"
    with Wire(server.port) as wire:
        wire.request("POST", session.path + "/step", JSON, "Transfer-Encoding: chunked")
        wire.send(chunk * 3)
        answer = wire.answer()
    assert (answer.status, answer.json()["code"]) == (413, "request-too-large")
    assert "more than 2048" in str(answer.json()["detail"])
    until(lambda: server.bytes_in_flight() == 0, "what was in flight is given back")
    longest = b'{"grads": [1]}'.ljust(2048)
    for body in (longest, iter([longest])):
        answers = server.http.post(session.path + "/step", content=body, headers=AS_JSON)
        assert answers.status_code == 200


def test_a_request_that_never_fits_in_flight_is_too_large(tight: Running, held: Handle) -> None:
    """413 when it is beyond the whole budget even alone: a body, and an answer as well."""
    refused = tight.http.post(held.path + "/step", content=grads(SIZE).ljust(body_of(1.1)), headers=AS_JSON)
    assert (refused.status_code, refused.json()["code"]) == (413, "request-too-large")
    assert "STEPD_MAX_IN_FLIGHT_BYTES" in refused.json()["detail"]
    assert held.get().json()["step"] == 0
    wide = tight.session()
    assert wide.create(shape=[answer_of(0.7)]).status_code == 201
    assert wide.params().status_code == 200
    refused = wide.state()
    assert (refused.status_code, refused.json()["code"]) == (413, "request-too-large"), "three times as many"
    wide.delete()


def test_while_others_are_in_flight_a_request_is_put_off(tight: Running, held: Handle) -> None:
    """503 over-budget with Retry-After, and nothing has changed; once the others are done it passes."""
    before = held.state().content
    body = grads(SIZE).ljust(body_of(0.5))
    with others(tight, 0.6):
        refused = tight.http.post(held.path + "/step", content=body, headers=AS_JSON)
        assert (refused.status_code, refused.json()["code"]) == (503, "over-budget")
        assert int(refused.headers["retry-after"]) >= 1
        assert held.state().content == before
    again = tight.http.post(held.path + "/step", content=body, headers=AS_JSON)
    assert (again.status_code, again.json()["step"]) == (200, 1)


def test_a_body_reserves_its_bytes_before_it_is_read(tight: Running, held: Handle) -> None:
    """503 comes when the headers are there, where not even the bytes themselves would fit."""
    with others(tight, 0.99), Wire(tight.port) as wire:
        wire.request("POST", held.path + "/step", JSON, body=b"{", length=body_of(0.9))
        answer = wire.answer()
    assert (answer.status, answer.json()["code"]) == (503, "over-budget")


def test_reading_is_put_off_too(tight: Running, held: Handle) -> None:
    """Writing an answer takes memory as well: GET params, GET state and a long-poll that wakes are 503 meanwhile."""
    wide = tight.session()
    wide.create(shape=[answer_of(0.3)])
    with others(tight, 0.9):
        for answer in (wide.params(), wide.state(), wide.params(wait_for_step=0)):
            assert (answer.status_code, answer.json()["code"]) == (503, "over-budget")
            assert answer.headers["retry-after"]
        assert held.get().status_code == 200, "what is small is answered"
    assert wide.params().status_code == 200
    wide.delete()


def test_a_step_is_put_off_for_its_answer(tight: Running) -> None:
    """What a step will compute and write is reserved before its body is read; an answer without params takes less."""
    wide = tight.session()
    wide.create(shape=[answer_of(0.3)])
    zeros = b'{"grads":[' + b",".join([b"0"] * answer_of(0.3)) + b"]}"
    parsing = len(zeros) * DECODE_BYTES_PER_BYTE / MIB
    with others(tight, 0.8 - parsing):
        refused = tight.http.post(wide.path + "/step", content=zeros, headers=AS_JSON)
        assert (refused.status_code, refused.json()["code"]) == (503, "over-budget")
        minimal = tight.http.post(wide.path + "/step", content=zeros, headers={**AS_JSON, "Prefer": "return=minimal"})
        assert minimal.status_code == 204
    assert wide.step([0.0] * answer_of(0.3)).status_code == 200
    wide.delete()


def test_chunks_are_put_off_too(tight: Running, held: Handle) -> None:
    """A body that does not say how long it is reserves as it comes."""
    chunk = MIB // 50
    with others(tight, 0.99), Wire(tight.port) as wire:
        wire.request("POST", held.path + "/step", JSON, "Transfer-Encoding: chunked")
        wire.send(f"{chunk:x}\r\n".encode() + b" " * chunk + b"\r\n")
        answer = wire.answer()
    assert (answer.status, answer.json()["code"]) == (503, "over-budget")
    assert answer.headers["retry-after"]


def test_a_caller_that_goes_away_gives_its_bytes_back(tight: Running, held: Handle) -> None:
    """A connection that ends in the middle of a body leaves nothing reserved and changes nothing."""
    before = held.state().content
    with half_a_body(tight, held, body_of(0.6)):
        assert tight.bytes_in_flight() > 0
    assert tight.bytes_in_flight() == 0
    assert held.state().content == before


def test_nothing_stays_reserved(tight: Running, held: Handle) -> None:
    """After many requests, refused ones among them, no byte is in flight."""
    for body in (grads(SIZE), grads(3), b"{", b'{"grads": null}', b'{"grads": [NaN]}'):
        for _ in range(5):
            tight.http.post(held.path + "/step", content=body, headers=AS_JSON)
    held.params()
    held.state()
    assert tight.bytes_in_flight() == 0


def fits(handle: Handle, free: int) -> dict[str, Any]:
    """A create body whose session takes all of the free bytes but some, which do not suffice for a key."""
    small = handle.create(shape=[1]).json()["bytes"]
    handle.delete()
    return {"shape": [1 + (free - small) // 24]}


def test_what_does_not_fit_into_memory_is_refused(tight: Running, held: Handle) -> None:
    """507 with the numbers; nothing is deleted for it; what is there is still stepped; a deletion makes room."""
    big = tight.session()
    assert big.create(shape=[30_000]).status_code == 201
    listed = tight.http.get("/v1/sessions").content
    late = tight.session()
    checkpoint = held.state().json()
    refusals = [
        late.create(shape=[30_000]),
        late.create(shape=[10**9]),
        tight.http.post("/v1/sessions", json={"shape": [30_000]}),
    ]
    for refused in refusals:
        assert (refused.status_code, refused.json()["code"]) == (507, "capacity-exceeded")
        assert str(MIB) in refused.json()["detail"]
        assert "STEPD_MAX_SESSION_BYTES" in refused.json()["detail"]
    assert late.get().status_code == 404
    assert tight.http.get("/v1/sessions").content == listed
    assert held.step([0.5] * SIZE).status_code == 200
    assert big.delete().status_code == 204
    assert late.put_state(checkpoint).status_code == 201
    assert late.delete().status_code == 204


def test_a_shape_that_does_not_fit_is_refused(servers: Servers) -> None:
    """An unshaped session stays so where its first params, from whatever verb, would not fit: 507."""
    server = servers(max_session_bytes=MIB)
    big, empty = server.session(), server.session()
    big.create(shape=[40_000])
    empty.create()
    before = empty.get().content
    params = [1.0] * 5000
    state = {"optimizer": {"name": "adadelta"}, "step": 1, "params": params,
             "state": {"square_avg": params, "acc_delta": params}}  # fmt: skip
    for refused in (
        empty.step(params, params=params, key="a"),
        empty.put_params(params),
        empty.put_state(state),
        server.session().put_state(state),
    ):
        assert (refused.status_code, refused.json()["code"]) == (507, "capacity-exceeded")
    assert empty.get().content == before
    big.delete()
    assert empty.step(params, params=params, key="a").status_code == 200
    empty.delete()


def test_a_key_that_does_not_fit_is_refused(servers: Servers) -> None:
    """Keys count: where there is no room to remember one its step is not taken, and without a key it is."""
    server = servers(max_session_bytes=MIB)
    full = server.session()
    answer = full.create(**fits(full, MIB))
    assert answer.status_code == 201
    free = MIB - answer.json()["bytes"]
    assert 0 <= free < 24
    ones = [1.0] * answer.json()["size"]
    refused = full.step(ones, key="a")
    assert (refused.status_code, refused.json()["code"]) == (507, "capacity-exceeded")
    assert full.get().json()["step"] == 0
    assert full.step(ones).status_code == 200
    assert full.get().json()["bytes"] == answer.json()["bytes"]
    full.delete()


def test_concurrent_creations_do_not_exceed_the_memory(servers: Servers) -> None:
    """Of many that would each fit alone only as many are made as fit together."""
    server = servers(max_session_bytes=MIB)
    handles = [server.session() for _ in range(8)]

    def create(handle: Handle) -> httpx.Response:
        return handle.create(shape=[10_000])

    with ThreadPoolExecutor(8) as pool:
        statuses = [answer.status_code for answer in pool.map(create, handles)]
    assert sorted(statuses) == [201] * 4 + [507] * 4
    for handle in handles:
        handle.delete()
    assert server.call(lambda: server.engine.table.used_bytes) == 0


def test_tensors_are_counted(servers: Servers) -> None:
    """More named tensors than the setting are refused with the numbers, wherever they would come in."""
    server = servers(max_tensors=3)
    session = server.session()
    four = {name: [1.0] for name in "abcd"}
    three = {name: [1.0] for name in "abc"}
    slots = {"square_avg": four, "acc_delta": four}
    session.create()
    for refused in (
        session.step(four, params=four),
        session.put_params(four),
        session.put_state({"optimizer": {"name": "adadelta"}, "step": 0, "params": four, "state": slots}),
        server.session().create(params=four),
        server.session().create(shape={name: [1] for name in four}),
        server.http.post("/v1/step", json={"params": four, "grads": four}),
    ):
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid-tensors")
        assert "4 tensors" in refused.json()["detail"]
        assert "at most 3" in refused.json()["detail"]
    assert session.put_params(three).status_code == 200
