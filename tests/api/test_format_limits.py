"""Limits and fairness of binary bodies: what is reserved, what is never read; nobody waits for others' bytes."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from stepd.api.service import THREAD_BYTES
from stepd.wire import raw, safetensors
from stepd.wire.json import DECODE_BYTES_PER_BYTE
from tests.api.formats import FORMATS, JSON, RAW, SAFETENSORS, body, send
from tests.api.raw import Wire
from tests.api.test_limits import MIB, others
from tests.server import PATIENCE_S, Handle, Running, Servers, in_thread, until
from tests.wire.tensorfiles import entry, made

SIZE = 10_000


@pytest.fixture
def tight(servers: Servers) -> Running:
    """A service with small budgets and the smallest limit for JSON."""
    return servers(max_json_bytes=1024, max_in_flight_bytes=MIB, max_session_bytes=MIB)


@pytest.fixture
def held(tight: Running) -> Iterator[Handle]:
    """A session of that service whose vectors are 80 kB."""
    handle = tight.session()
    handle.create(shape=[SIZE])
    yield handle
    handle.delete()


def state(handle: Handle) -> bytes:
    """The session's state, in a format in which it is small enough to be given."""
    answer = handle.state({"Accept": SAFETENSORS})
    assert answer.status_code == 200
    return answer.content


def chunks(content: bytes, size: int = 999) -> Iterator[bytes]:
    for at in range(0, len(content), size):
        yield content[at : at + size]


@pytest.mark.parametrize("chunked", [False, True], ids=["with-length", "chunked"])
@pytest.mark.parametrize("media_type", [RAW, SAFETENSORS])
def test_the_limit_of_json_binds_json_alone(held: Handle, tight: Running, media_type: str, chunked: bool) -> None:
    """A binary body may be many times as long; the same values in JSON are 413, which names the other formats' way."""
    grads = {"grads": np.ones(SIZE)}
    refused = send(held, "POST /step", body(JSON, grads), JSON)
    assert (refused.status_code, refused.json()["code"]) == (413, "request-too-large")
    assert "binary" in refused.json()["detail"]
    content: Any = body(media_type, grads)
    answer = send(held, "POST /step", chunks(content) if chunked else content, media_type)  # type: ignore[arg-type]
    assert (answer.status_code, answer.headers["stepd-step"]) == (200, "1")
    assert tight.bytes_in_flight() == 0


@pytest.mark.parametrize("media_type", FORMATS)
def test_a_body_without_a_length_that_does_not_end_is_refused(held: Handle, tight: Running, media_type: str) -> None:
    """As soon as it is longer than any body of this session can be, however much is still to come."""
    before = state(held)
    status, code = (422, "shape-mismatch") if media_type == RAW else (413, "request-too-large")
    with Wire(tight.port) as wire:
        wire.request("POST", held.path + "/step", f"Content-Type: {media_type}", "Transfer-Encoding: chunked")
        piece = b" " * 50_000
        for _ in range(5):  # params, gradients and header are 166 kB
            wire.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        answer = wire.answer()
    assert (answer.status, answer.json()["code"]) == (status, code)
    assert state(held) == before
    until(lambda: tight.bytes_in_flight() == 0, "what was read is given back")


@pytest.mark.parametrize("request_", ["POST /step", "PUT /params"])
def test_a_file_that_can_not_be_of_this_session_is_refused_before_it_comes(
    held: Handle, tight: Running, request_: str
) -> None:
    """413 with the bytes of its tensors and a header, where Content-Length says so."""
    method, place = request_.split(" ")
    roles = 2 if place == "/step" else 1
    most = 8 + 4096 + 1024 * roles + 8 * SIZE * roles
    for length, status in ((most + 1, 413), (most, 100)):
        with Wire(tight.port) as wire:
            wire.request(
                method, held.path + place, f"Content-Type: {SAFETENSORS}", "Expect: 100-continue", length=length
            )
            answer = wire.answer()
        assert answer.status == status
        if status == 413:
            assert str(most) in str(answer.json()["detail"])


def with_header(length: int, values: int = 0) -> bytes:
    """A create whose header has so many bytes, most of them blanks."""
    text = json.dumps({"__metadata__": {"labels": "{}"}, **({"params": entry([values], 0)} if values else {})}).encode()
    return made(text.ljust(length), np.ones(values).tobytes())


def test_a_file_of_which_nothing_is_known_may_take_what_all_requests_may(tight: Running, servers: Servers) -> None:
    """Where there is no session yet the bytes in flight are the limit, and the header's depends on max_tensors."""
    refused = send(tight.session(), "PUT ", bytes(MIB + 1), SAFETENSORS)
    assert (refused.status_code, refused.json()["code"]) == (413, "request-too-large")
    assert "STEPD_MAX_IN_FLIGHT_BYTES" in refused.json()["detail"]
    handle = servers(max_in_flight_bytes=8 * MIB).session()
    assert send(handle, "PUT ", with_header(100_000), SAFETENSORS).status_code == 201, "4,096 tensors are expected"
    handle.delete()


@pytest.mark.parametrize("values", [0, SIZE], ids=["short", "long"])
@pytest.mark.parametrize("chunked", [False, True], ids=["with-length", "chunked"])
def test_what_a_header_may_take_is_reserved_before_it_is_parsed(tight: Running, values: int, chunked: bool) -> None:
    """56 bytes for each of its own: 503 while others have the room, 413 where nobody could have it."""
    handle = tight.session()

    def create(header: int) -> httpx.Response:
        content: Any = with_header(header, values)
        return send(handle, "PUT ", chunks(content) if chunked else content, SAFETENSORS)

    refused = create(MIB // DECODE_BYTES_PER_BYTE)
    assert (refused.status_code, refused.json()["code"]) == (413, "request-too-large")
    with others(tight, 0.6):
        late = create(MIB // DECODE_BYTES_PER_BYTE // 2)
        assert (late.status_code, late.json()["code"]) == (503, "over-budget")
    assert create(MIB // DECODE_BYTES_PER_BYTE // 2).status_code == 201
    assert tight.bytes_in_flight() == 0
    handle.delete()


def test_a_file_that_claims_a_header_too_long_to_be_read_reserves_none(tight: Running, held: Handle) -> None:
    """It is told what is wrong, and not that there is no room."""
    refused = send(held, "POST /step", b"\xff" * (8 * SIZE), SAFETENSORS)
    assert (refused.status_code, refused.json()["code"]) == (400, "malformed-safetensors")
    assert tight.bytes_in_flight() == 0


@pytest.mark.parametrize("media_type", [RAW, SAFETENSORS])
def test_bytes_are_reserved_before_they_are_read(held: Handle, tight: Running, media_type: str) -> None:
    """503 while others take the room, nothing has changed; once they are done the same request passes."""
    content = body(media_type, {"grads": np.ones(SIZE)})
    before = state(held)
    with others(tight, 0.9), Wire(tight.port) as wire:
        wire.request("POST", held.path + "/step", f"Content-Type: {media_type}", body=b" ", length=len(content))
        answer = wire.answer()
        assert (answer.status, answer.json()["code"]) == (503, "over-budget")
        assert answer.headers["retry-after"]
    assert state(held) == before
    assert send(held, "POST /step", content, media_type, Prefer="return=minimal").status_code == 204
    assert tight.bytes_in_flight() == 0


@pytest.mark.parametrize("media_type", [RAW, SAFETENSORS])
def test_an_answer_in_bytes_takes_less_than_one_in_text(servers: Servers, media_type: str) -> None:
    """What an answer may take is reserved by its format: 8 bytes for each value and not 128."""
    server = servers(max_in_flight_bytes=MIB, max_session_bytes=MIB)
    handle = server.session()
    handle.create(shape=[SIZE])
    refused = handle.params()
    assert (refused.status_code, refused.json()["code"]) == (413, "request-too-large")
    with others(server, 0.9):
        assert handle.params({"Accept": media_type}).status_code == 200
    with others(server, 0.95):
        late = handle.params({"Accept": media_type})
        assert (late.status_code, late.json()["code"]) == (503, "over-budget")
    assert server.bytes_in_flight() == 0
    handle.delete()


def test_refused_bodies_give_their_bytes_back(held: Handle, tight: Running) -> None:
    """Whatever was wrong with them."""
    for media_type, content in (
        (RAW, bytes(8 * SIZE - 8)),
        (RAW, np.full(SIZE, np.nan).tobytes()),
        (SAFETENSORS, made(b"{", bytes(8 * SIZE))),
        (SAFETENSORS, body(SAFETENSORS, {"grads": np.full(SIZE, np.inf)})),
        (SAFETENSORS, body(SAFETENSORS, {"params": np.ones(SIZE)})),
    ):
        assert send(held, "POST /step", content, media_type).status_code in (400, 422)
        assert send(held, "POST /step", chunks(content), media_type).status_code in (400, 422)  # type: ignore[arg-type]
        assert tight.bytes_in_flight() == 0
    assert held.get().json()["step"] == 0


class Gate:
    """Holds whoever calls a function, until it is opened; wherever that runs, others can go on or not."""

    def __init__(self, function: Any) -> None:
        self._function = function
        self._open = threading.Event()
        self.reached = threading.Event()

    def __call__(self, *given: Any, **named: Any) -> Any:
        self.reached.set()
        assert self._open.wait(PATIENCE_S), "nobody opened the gate"
        return self._function(*given, **named)

    def open(self) -> None:
        self._open.set()


@pytest.mark.parametrize(
    ("module", "name", "request_"),
    [
        (raw, "decode", "step"),
        (safetensors, "parse", "step"),
        (raw, "encode", "params"),
        (safetensors, "dumps", "params"),
        (safetensors, "dumps", "state"),
        (raw, "encode", "step"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_others_are_answered_while_8_mb_are_read_or_written(
    server: Running, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, request_: str
) -> None:
    """The bytes of one are looked at and written elsewhere than where all are answered."""
    size = 2**20
    assert 8 * size > THREAD_BYTES
    media_type = module.MEDIA_TYPE
    handle, small = server.session(), server.session()
    handle.create(shape=[size])
    small.create(params=[1.0])
    content = body(media_type, {"grads": np.ones(size)})
    gate = Gate(getattr(module, name))
    monkeypatch.setattr(module, name, gate)
    if request_ == "step":
        answer = in_thread(lambda: send(handle, "POST /step", content, media_type))
    else:
        answer = in_thread(lambda: handle.http.get(f"{handle.path}/{request_}", headers={"Accept": media_type}))
    try:
        assert gate.reached.wait(PATIENCE_S)
        assert small.step([0.5]).status_code == 200
    finally:
        gate.open()
    assert answer().status_code == 200
    handle.delete()
