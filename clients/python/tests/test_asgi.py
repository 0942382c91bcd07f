"""What an application may do, and what its caller sees: in this process exactly what uvicorn shows over a socket."""

import asyncio
import logging
import signal
import threading

import httpx
import pytest
from clients.python.tests import awaited
from clients.python.tests.asgi_ways import (
    LOCAL_WAYS,
    PATIENCE_S,
    WAYS,
    App,
    begin,
    give,
    in_a_thread,
    on_the_callers_loop,
    read,
)

from tests.server import until


@pytest.fixture(params=WAYS, ids=lambda way: way.__name__)
def connected(request):
    """Each way to reach an application."""
    return request.param


@pytest.fixture(params=LOCAL_WAYS, ids=lambda way: way.__name__)
def local(request):
    """Each way to reach an application in this process."""
    return request.param


@pytest.mark.parametrize("size", [0, 1, 20_000_000])
def test_a_body_arrives_whole_and_so_does_the_answer(connected, size):
    """Twenty megabytes there and back, in as many parts as the application likes."""

    async def echo(scope, receive, send):
        body = await read(receive)
        await begin(send, 201, [(b"x-length", str(len(body)).encode()), (b"x-from", scope["state"]["from"].encode())])
        await give(send, body[: len(body) // 2], more_body=True)
        await give(send, body[len(body) // 2 :])

    app = App(echo)
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    with connected(app) as client:
        answer = client.request("POST", "/echo", content=body)
        assert (answer.status_code, answer.headers["x-length"]) == (201, str(size))
        assert answer.content == body
        assert answer.headers["x-from"] == "startup"
    assert app.events == ["startup", "shutdown"]


def test_the_application_is_told_the_same_of_a_request():
    """Path, query, method and headers are what uvicorn makes of them, escapes and doubled headers included."""
    told = []

    async def tell(scope, receive, send):
        told.append(
            {name: scope[name] for name in ("method", "path", "raw_path", "query_string", "root_path", "http_version")}
            | {"headers": sorted(header for header in scope["headers"] if header[0] not in (b"host", b"connection"))}
            | {"body": await read(receive)}
        )
        await begin(send)
        await give(send)

    for way in WAYS:
        with way(App(tell)) as client:
            headers = [("X-Twice", "a"), ("X-Twice", "b"), ("X-Latin", "\u00e9".encode("latin-1"))]
            client.request("PUT", "/a%2Fb/\u00fc%20?label=a%3Db&label=c+d", content=b"{}", headers=headers)
            client.request("GET", "/plain")
            client.request("POST", "/parts", content=(part for part in [b"a", b"b"]) if way is not WAYS[2] else parts())
    first, *others = [told[index : index + 3] for index in range(0, 9, 3)]
    assert first[0]["path"] == "/a/b/\u00fc "
    assert others == [first, first]


async def parts():
    yield b"a"
    yield b"b"


def test_a_failure_is_answered_and_logged(connected, caplog):
    """An exception before an answer has begun is a plain 500, never raised to the caller; the log has it."""

    async def fail(scope, receive, send):
        raise ValueError("not foreseen")

    with connected(App(fail)) as client:
        answer = client.request("GET", "/")
    assert (answer.status_code, answer.content) == (500, b"Internal Server Error")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert "ValueError: not foreseen" in caplog.text


def test_an_application_that_answers_nothing_has_failed(connected):
    """One that returns without an answer is a 500 too."""

    async def nothing(scope, receive, send):
        pass

    with connected(App(nothing)) as client:
        assert client.request("GET", "/").status_code == 500


async def fail_after_half(send):
    await give(send, b"half", more_body=True)
    raise ValueError("in the middle")


@pytest.mark.parametrize(
    "after",
    [lambda send: give(send, b"half", more_body=True), fail_after_half],
    ids=["ends", "fails"],
)
def test_an_answer_that_is_broken_off_is_no_answer(connected, after, caplog):
    """Half an answer is a protocol error, which a client takes for a lost one."""

    async def half(scope, receive, send):
        await begin(send)
        await after(send)

    with connected(App(half)) as client, pytest.raises(httpx.RemoteProtocolError):
        client.request("GET", "/")


@pytest.mark.parametrize("length", [3, 5])
def test_an_answer_of_another_length_than_it_says_is_no_answer(connected, length, caplog):
    """The application hears of it, and the caller gets nothing that could be taken for the whole."""
    heard = []

    async def misstate(scope, receive, send):
        await begin(send, headers=[(b"content-length", str(length).encode())])
        try:
            await give(send, b"four")
        except RuntimeError as error:
            heard.append(error)
            raise

    with connected(App(misstate)) as client, pytest.raises(httpx.RemoteProtocolError):
        client.request("GET", "/")
    assert len(heard) == 1


def test_a_second_answer_is_refused(connected, caplog):
    """The first counts; the application is told, whatever it tries to send after it."""
    heard = []

    async def twice(scope, receive, send):
        await begin(send, 200)
        await give(send, b"first")
        for again in (lambda: begin(send, 500), lambda: give(send, b"second")):
            try:
                await again()
            except RuntimeError as error:
                heard.append(error)

    with connected(App(twice)) as client:
        answer = client.request("GET", "/")
        assert (answer.status_code, answer.content) == (200, b"first")
        until(lambda: len(heard) == 2, "both are refused")


def test_a_body_before_its_head_is_a_failure(connected, caplog):
    """An application that has the order wrong is one that failed."""

    async def headless(scope, receive, send):
        await give(send, b"body")

    with connected(App(headless)) as client:
        assert client.request("GET", "/").status_code == 500


def test_head_has_the_headers_alone(connected):
    """What an application sends with a HEAD is not passed on."""

    async def answer(scope, receive, send):
        await begin(send, headers=[(b"content-length", b"4")])
        await give(send, b"four")

    with connected(App(answer)) as client:
        answered = client.request("HEAD", "/")
        assert (answered.content, answered.headers["content-length"]) == (b"", "4")


def test_a_caller_who_has_his_answer_is_gone(connected):
    """After its last part the application hears `http.disconnect`, and may go on."""
    heard = []

    async def listen(scope, receive, send):
        await read(receive)
        await begin(send)
        await give(send)
        heard.append((await receive())["type"])

    with connected(App(listen)) as client:
        client.request("POST", "/", content=b"body")
        until(lambda: heard, "the application hears it")
    assert heard == ["http.disconnect"]


def test_an_application_that_is_silent_for_too_long_is_a_timeout(connected):
    """The caller's read timeout counts; the application hears that he has gone, and goes on to its end."""
    heard = []

    async def silent(scope, receive, send):
        await read(receive)
        heard.append((await receive())["type"])
        await begin(send)  # nobody listens, which is no error
        await give(send, b"late")
        heard.append("end")

    with connected(App(silent)) as client:
        with pytest.raises(httpx.ReadTimeout):
            client.request("GET", "/", timeout=httpx.Timeout(PATIENCE_S, read=0.1))
        until(lambda: len(heard) == 2, "the application goes on")
    assert heard == ["http.disconnect", "end"]


def test_a_caller_who_is_cancelled_does_not_cancel_the_application():
    """What has begun is finished: the application hears of his going, and is not interrupted."""
    heard = []
    begun = asyncio.Event()

    async def work(scope, receive, send):
        begun.set()
        await read(receive)
        heard.append((await receive())["type"])
        await asyncio.sleep(0)
        heard.append("end")

    async def cancel(client):
        asking = asyncio.ensure_future(client.request("GET", "/"))
        await begun.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    with on_the_callers_loop(App(work)) as client:
        awaited.wait(cancel(client.client))
        until(lambda: len(heard) == 2, "the application goes on")
    assert heard == ["http.disconnect", "end"]


def test_a_caller_who_is_interrupted_does_not_interrupt_the_application():
    """Ctrl-C while a client waits: the caller has his exception at once, the application hears that he has gone."""
    heard = []

    class Interrupted(Exception):
        pass

    def interrupt(number, frame):
        raise Interrupted

    async def work(scope, receive, send):
        await read(receive)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
        heard.append((await receive())["type"])

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with in_a_thread(App(work)) as client:
            with pytest.raises(Interrupted):
                client.request("GET", "/")
            until(lambda: heard, "the application hears it")
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert heard == ["http.disconnect"]


def test_what_the_transport_logs_has_no_bodies(local, caplog):
    """A failing request is logged by method and path."""
    caplog.set_level(logging.DEBUG)

    async def fail(scope, receive, send):
        raise ValueError("not foreseen")

    with local(App(fail)) as client:
        client.request("POST", "/path", content=b"0.654321")
    assert "POST /path" in caplog.text
    assert "0.654321" not in caplog.text
