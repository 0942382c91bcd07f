"""How an application in this process starts and ends, and what is left when it does neither well."""

import threading

import httpx
import pytest
from clients.python.tests.asgi_ways import LOCAL_WAYS, PATIENCE_S, App, begin, give, in_a_thread, read

from tests.server import in_thread


@pytest.fixture(params=LOCAL_WAYS, ids=lambda way: way.__name__)
def local(request):
    """Each way to reach an application in this process."""
    return request.param


def test_closing_ends_what_is_in_flight(caplog):
    """Who waits for an answer then hears that there will be none; the application ends in order."""
    heard = []
    begun = threading.Event()

    async def wait_for_ever(scope, receive, send):
        begun.set()
        await read(receive)
        heard.append((await receive())["type"])

    app = App(wait_for_ever)
    with in_a_thread(app) as client:
        join = in_thread(lambda: client.request("GET", "/"))
        assert begun.wait(PATIENCE_S)
    with pytest.raises(httpx.ReadError):
        join()
    assert heard == ["http.disconnect"]
    assert app.events == ["startup", "shutdown"]


def test_an_application_that_does_not_start_says_why(local):
    """Whether it refuses, fails or returns: RuntimeError has the reason, and nothing is left running."""

    async def refuse(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no disk"})

    async def fail(scope, receive, send):
        raise OSError("no disk either")

    async def leave(scope, receive, send):
        pass

    before = set(threading.enumerate())
    for app, reason in ((refuse, "no disk"), (fail, "OSError: no disk either"), (leave, "it has ended")):
        with pytest.raises(RuntimeError, match=f"failed at its startup: {reason}"), local(app) as client:
            client.request("GET", "/")
    assert {thread.name for thread in set(threading.enumerate()) - before} <= {"awaited-clients"}


def test_an_application_that_does_not_stop_in_order_is_told_of(local):
    """A failure at shutdown is raised to whoever closes the client."""

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            raise OSError("can't write")
        await begin(send)
        await give(send)

    with pytest.raises(RuntimeError, match="failed at its shutdown: OSError: can't write"), local(app) as client:
        client.request("GET", "/")
