"""Applications to try a transport with, and the ways to reach one: behind uvicorn, and in this process."""

from contextlib import contextmanager

import httpx
import uvicorn
from clients.python.tests import awaited

from stepd_client.local import AsyncLocalTransport, LocalTransport
from tests.server import in_thread, until

PATIENCE_S = 30.0


@contextmanager
def over_a_socket(app):
    """A client of the application behind uvicorn."""
    config = uvicorn.Config(app, port=0, log_config=None, ws="none", lifespan="auto", timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    join = in_thread(server.run)
    until(lambda: server.started, "uvicorn starts")
    port = server.servers[0].sockets[0].getsockname()[1]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S, trust_env=False) as client:
        yield client
    server.should_exit = True
    join()


@contextmanager
def in_a_thread(app):
    """A client of the application on a loop of its own."""
    with httpx.Client(base_url="http://in-process", timeout=PATIENCE_S, transport=LocalTransport(app)) as client:
        yield client


class Awaited:
    """`request` of an httpx.AsyncClient, awaited for the caller."""

    def __init__(self, client):
        self.client = client

    def request(self, *given, **options):
        return awaited.wait(self.client.request(*given, **options))


@contextmanager
def on_the_callers_loop(app):
    """A client of the application on the loop of the caller."""
    client = httpx.AsyncClient(base_url="http://in-process", timeout=PATIENCE_S, transport=AsyncLocalTransport(app))
    yield Awaited(client)
    awaited.wait(client.aclose())


WAYS = [over_a_socket, in_a_thread, on_the_callers_loop]
LOCAL_WAYS = WAYS[1:]


class App:
    """An application with a lifespan; `answer(scope, receive, send)` is what it does with requests."""

    def __init__(self, answer):
        self.answer = answer
        self.events = []

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            await self.answer(scope, receive, send)
            return
        scope["state"]["from"] = "startup"
        while self.events[-1:] != ["shutdown"]:
            event = (await receive())["type"].removeprefix("lifespan.")
            self.events.append(event)
            await send({"type": f"lifespan.{event}.complete"})


async def begin(send, status=200, headers=()):
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})


async def give(send, body=b"", more_body=False):
    await send({"type": "http.response.body", "body": body, "more_body": more_body})


async def read(receive):
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message["body"]
        if not message["more_body"]:
            break
    return body
