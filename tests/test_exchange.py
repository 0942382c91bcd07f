"""How bodies arrive and answers leave: in pieces, not at all, after asking, in the old version, slowly."""

import asyncio

import numpy as np
import pytest

from stepd.api import middleware
from stepd.exchange import begin
from tests.api.raw import Wire
from tests.server import Handle, Running, until

JSON = "Content-Type: application/json"
RAW = "Content-Type: application/octet-stream"
LARGE = 200_000


def large(server: Running) -> tuple[Handle, bytes]:
    """A session of many values, and gradients for it as an octet-stream body."""
    session = server.session()
    session.create(shape=[LARGE])
    return session, np.linspace(-1, 1, LARGE).tobytes()


@pytest.mark.parametrize("first", [0, 1, 65_536, 300_000], ids=["head alone", "a byte", "64 KiB", "300 KB"])
def test_a_large_body_in_pieces_is_read_whole(server: Running, first: int) -> None:
    """However much of it comes with the head, each byte lands where it belongs."""
    session, body = large(server)
    with Wire(server.port) as wire:
        wire.request("POST", session.path + "/step", RAW, "Accept: */*", body=body[:first], length=len(body))
        until(lambda: server.bytes_in_flight() > 0, "the request is in flight")
        for at in range(first, len(body), 99_991):
            wire.send(body[at : at + 99_991])
        given = wire.answer().content
    other, _ = large(server)
    assert (
        other.http.post(
            other.path + "/step", content=body, headers={"Content-Type": "application/octet-stream"}
        ).content
        == given
    )


@pytest.mark.parametrize("framing", ["small", "large", "chunked"])
def test_a_caller_that_goes_away_in_the_middle_of_a_body_leaves_nothing(server: Running, framing: str) -> None:
    """No byte stays in flight, nothing is applied, and no connection is left."""
    session, body = large(server)
    before, there = session.state().content, len(server.connections())
    with Wire(server.port) as wire:
        if framing == "small":
            wire.request("POST", session.path + "/step", JSON, body=b'{"grads"', length=1000)
        elif framing == "large":
            wire.request("POST", session.path + "/step", RAW, body=body[:-1], length=len(body))
        else:
            wire.request("POST", session.path + "/step", RAW, "Transfer-Encoding: chunked")
            wire.send(b"%x\r\n%b\r\n" % (len(body), body))  # and not the last chunk, which is empty
        until(lambda: server.bytes_in_flight() > 0, "the request is in flight")
    until(lambda: server.bytes_in_flight() == 0, "its bytes are given back")
    until(lambda: len(server.connections()) == there, "its connection is gone")
    assert session.state().content == before


@pytest.mark.parametrize("size", ["small", "large"])
def test_who_asks_first_is_told_to_go_on(server: Running, size: str) -> None:
    """Expect: 100-continue is answered once the body will be read, and the connection is kept."""
    session, body = large(server)
    path, content_type = session.path + "/step", RAW
    if size == "small":
        path, content_type, body = "/v1/step", JSON, b'{"params": [1.0], "grads": [0.5]}'
    with Wire(server.port) as wire:
        for _ in range(2):
            wire.request("POST", path, content_type, "Expect: 100-continue", length=len(body))
            assert wire.answer().status == 100
            wire.send(body)
            assert wire.answer().status == 200


def test_who_asks_first_and_is_refused_begins_again(server: Running) -> None:
    """Whether the body follows is up to the caller, so the connection is closed: no request is read as a body."""
    with Wire(server.port) as wire:
        wire.request("POST", "/v1/sessions/none-such/step", RAW, "Expect: 100-continue", length=1_000_000)
        answer = wire.answer()
        assert (answer.status, answer.headers["connection"]) == (404, "close")
        assert wire.ended()


@pytest.mark.parametrize("expect", [b"", b"Expect: 100-continue\r\n"], ids=["plain", "expecting"])
def test_http_1_0_is_answered_and_closed(server: Running, expect: bytes) -> None:
    """In one piece, with nothing before it that the old version does not know."""
    body = b'{"params": [1.0], "grads": [0.5]}'
    head = b"POST /v1/step HTTP/1.0\r\n%b\r\nContent-Length: %d\r\n%b\r\n" % (JSON.encode(), len(body), expect)
    with Wire(server.port) as wire:
        wire.send(head)
        wire.send(body)
        answer = wire.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert wire.ended()


@pytest.mark.parametrize("path", ["/livez", "/docs", "/nothing"])
def test_a_connection_that_is_to_be_closed_is(server: Running, path: str) -> None:
    """Connection: close is heard, and said again."""
    with Wire(server.port) as wire:
        wire.request("GET", path, "Connection: close")
        assert wire.answer().headers["connection"] == "close"
        assert wire.ended()


@pytest.mark.parametrize("media_type", ["application/json", "application/octet-stream", "application/vnd.safetensors"])
def test_head_sends_no_byte_of_a_body(server: Running, media_type: str) -> None:
    """Only its length; the next answer begins right behind the head."""
    session, _ = large(server)
    with Wire(server.port) as wire:
        wire.request("HEAD", session.path + "/params", f"Accept: {media_type}")
        wire.request("GET", session.path + "/params", f"Accept: {media_type}")
        head, get = wire.answer(head=True), wire.answer()
    assert (head.status, head.headers["content-type"]) == (200, media_type)
    assert int(head.headers["content-length"]) == len(get.content)


def test_an_answer_that_is_read_slowly_stays_reserved_until_it_has_left(server: Running) -> None:
    """What the budget holds is what is really in memory, and it is given back when the last byte is on its way."""
    session = server.session()
    size = 4_000_000
    session.create(shape=[size])
    with Wire(server.port) as wire:
        wire.request("GET", session.path + "/params", "Accept: application/octet-stream")
        until(lambda: any(one.flow.write_paused for one in server.connections()), "the reader is too slow")
        assert server.bytes_in_flight() >= 8 * size
        assert session.get().status_code == 200, "others are answered meanwhile"
        left = 8 * size
        while left > 0 and (piece := wire._socket.recv(2**20)):
            left -= len(piece)
        assert left <= 0
    until(lambda: server.bytes_in_flight() == 0, "the bytes are given back")
    session.delete()


def test_a_slow_reader_that_goes_away_gives_its_bytes_back(server: Running) -> None:
    """An answer that nobody takes is dropped."""
    session = server.session()
    session.create(shape=[4_000_000])
    with Wire(server.port) as wire:
        wire.request("GET", session.path + "/params", "Accept: application/octet-stream")
        until(lambda: any(one.flow.write_paused for one in server.connections()), "the reader is too slow")
    until(lambda: server.bytes_in_flight() == 0, "the bytes are given back")
    session.delete()


def test_a_refusal_comes_while_the_body_is_still_being_sent(server: Running) -> None:
    """The rest of the body is passed over, the next request is answered, and an idle connection ends as any other."""
    body = bytes(1_000_000)
    with Wire(server.port) as wire:
        wire.request("POST", "/v1/sessions/none-such/step", RAW, body=body[:1000], length=len(body))
        assert wire.answer().status == 404
        wire.send(body[1000:])
        wire.request("GET", "/livez")
        assert wire.answer().status == 200
        wire.request("POST", "/v1/sessions/none-such/step", RAW, body=body[:1000], length=len(body))
        assert wire.answer().status == 404
        wire.send(body[1000:])
        (one,) = [one for one in server.connections() if one.client == wire._socket.getsockname()]
        until(lambda: one._head_began_behind, "the body is over")
        until(lambda: one.timeout_keep_alive_task is not None, "the connection's clock runs")


@pytest.mark.parametrize("path", ["/livez", "/params", "/docs"], ids=["in one piece", "in two pieces", "a page"])
def test_headers_that_are_refused_are_an_error_that_is_told(
    server: Running, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing has been sent by then, so 500 can be; nothing of the headers that may not be is in it."""
    session, _ = large(server)
    where = session.path + path if path == "/params" else path
    monkeypatch.setattr(middleware, "_common_headers", lambda call: ((b"x-split", b"a\r\nset-cookie: b"),))
    with Wire(server.port) as wire:
        wire.request("GET", where, "Accept: application/octet-stream, */*")
        answer = wire.answer()
        assert (answer.status, answer.content) == (500, b"Internal Server Error")
        assert not {"x-split", "set-cookie"} & answer.headers.keys()
        assert answer.headers["connection"] == "close"
        assert wire.ended()


def test_what_has_to_wait_is_cancelled_even_before_its_task_begins() -> None:
    """The coroutine hears of it where it waits, and may still do what it has to."""
    heard = []

    async def work() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            heard.append("cancelled")

    async def main() -> None:
        for steps in range(3):
            rest = begin(work())
            assert rest is not None
            task = asyncio.get_running_loop().create_task(rest)
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            await task

    asyncio.run(main())
    assert heard == ["cancelled"] * 3


def test_what_need_not_wait_is_done_at_once() -> None:
    """No task is made for it, and what it raises is raised."""
    done = []

    async def work() -> None:
        done.append("at once")

    async def failing() -> None:
        raise OSError("the disk")

    assert begin(work()) is None
    assert done == ["at once"]
    with pytest.raises(OSError, match="the disk"):
        begin(failing())
