"""An ASGI application run without a server: requests go in and answers come out as they would over a socket.

Not httpx's ASGITransport, which runs the application within the caller: there a caller who gives up cancels the
application in the middle of a change, a failure is raised instead of answered, no timeout counts, and nothing starts or
stops the application (docs/decisions/0007). Which application it is, and on which event loop it runs, is in local.py.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote

import httpx

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

# How long requests in flight may take to end when the application is closed, as the service itself has it.
GRACE_S = 10.0

_ASGI = {"version": "3.0", "spec_version": "2.3"}
_log = logging.getLogger("stepd_client")


class Application:
    """One application on the event loop that is running: started, asked, closed. Its methods belong to that loop."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._lifespan = _Lifespan(app)
        self._tasks: dict[asyncio.Task[None], _Exchange] = {}
        self._closed = False

    async def start(self) -> None:
        """Returns when the application is ready. Raises RuntimeError where it does not start."""
        await self._lifespan.start()

    async def answer(self, request: httpx.Request, body: bytes, gone: asyncio.Event | None = None) -> httpx.Response:
        """The application's answer. The application goes on when the caller gives up, and is told that he has gone.

        Args:
            request, body: the request, and its body, which has been read.
            gone: to be set where the caller gives up without cancelling this.

        Raises:
            httpx.ReadTimeout: no answer within the request's read timeout.
            httpx.RemoteProtocolError: the answer was broken off.
            httpx.ReadError, httpx.ConnectError: the application was closed meanwhile, or before.
        """
        if self._closed:
            raise httpx.ConnectError("the service is closed", request=request)
        exchange = _Exchange(request, body, asyncio.Event() if gone is None else gone)
        task = asyncio.ensure_future(self._run(exchange))
        self._tasks[task] = exchange
        task.add_done_callback(self._tasks.pop)
        read_s = request.extensions.get("timeout", {}).get("read")
        try:
            async with asyncio.timeout(read_s):
                return await exchange.answer
        except TimeoutError:
            raise httpx.ReadTimeout(f"no answer within {read_s:g} s", request=request) from None
        finally:
            exchange.hang_up()

    async def close(self) -> None:
        """Breaks off what is in flight, lets changes under way end, and shuts the application down."""
        if self._closed:
            return
        self._closed = True
        for exchange in self._tasks.values():
            exchange.break_off(httpx.ReadError("the service was closed"))
            exchange.hang_up()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=GRACE_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._lifespan.stop()

    async def _run(self, exchange: _Exchange) -> None:
        try:
            await self._app(exchange.scope(self._lifespan.state), exchange.receive, exchange.send)
        except Exception:  # noqa: BLE001 - a server answers 500 and logs whatever it is
            _log.exception("the application failed at %s %s", exchange.method, exchange.path)
        exchange.end()


class _Exchange:
    """One request and its answer, between the caller and the application."""

    def __init__(self, request: httpx.Request, body: bytes, gone: asyncio.Event) -> None:
        self.answer: asyncio.Future[httpx.Response] = asyncio.get_running_loop().create_future()
        self.method, self.path = request.method, request.url.path
        self._request = request
        self._unread: bytes | None = body
        self._started: Message | None = None
        self._body = bytearray()
        self._complete = False
        self._gone = gone

    def scope(self, state: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        url = self._request.url
        raw_path = url.raw_path.partition(b"?")[0]
        return {
            "type": "http",
            "asgi": _ASGI,
            "http_version": "1.1",
            "server": (url.host, url.port),
            "client": None,
            "scheme": url.scheme,
            "method": self.method,
            "root_path": "",
            "path": unquote(raw_path.decode("ascii")),
            "raw_path": raw_path,
            "query_string": url.query,
            "headers": [(name.lower(), value) for name, value in self._request.headers.raw],
            "state": dict(state),
        }

    async def receive(self) -> Message:
        if self._unread is not None and not self._gone.is_set():
            body, self._unread = self._unread, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if self._gone.is_set() and not self._complete:
            return  # nobody is there to hear it
        expected = "http.response.start" if self._started is None else "http.response.body"
        if self._complete or kind != expected:
            raise RuntimeError(f"{kind!r} was sent {'after the answer' if self._complete else f'for {expected!r}'}")
        if self._started is None:
            self._started = {"headers": [], **message}
            return
        if self.method != "HEAD":
            self._body += message.get("body", b"")
        ended = not message.get("more_body", False)
        self._check_length(self._started, ended=ended)
        if ended:
            self._complete = True
            self._give(self._started["status"], self._started["headers"], bytes(self._body))
            self.hang_up()

    def _check_length(self, started: Message, *, ended: bool) -> None:
        declared = {name.lower(): value for name, value in started["headers"]}.get(b"content-length")
        if declared is None or self.method == "HEAD" or started["status"] == 304:
            return
        if len(self._body) > int(declared) or (ended and len(self._body) < int(declared)):
            raise RuntimeError(f"the body has {len(self._body)} bytes, Content-Length is {int(declared)}")

    def _give(self, status: int, headers: Any, body: bytes) -> None:
        if not self.answer.done():
            stream = httpx.ByteStream(body)  # as content it would get headers that the application did not send
            self.answer.set_result(httpx.Response(status, headers=list(headers), stream=stream, request=self._request))

    def end(self) -> None:
        """The application has returned: what it has not answered is answered as a server would."""
        if self._started is None:
            self._give(500, [(b"content-type", b"text/plain; charset=utf-8")], b"Internal Server Error")
        elif not self._complete:
            self.break_off(httpx.RemoteProtocolError("the answer was broken off"))

    def break_off(self, error: httpx.RequestError) -> None:
        if not self.answer.done():
            error.request = self._request
            self.answer.set_exception(error)

    def hang_up(self) -> None:
        """The caller has his answer, or has gone."""
        self._gone.set()


class _Lifespan:
    """The application's start and end, as the ASGI lifespan protocol has them."""

    def __init__(self, app: ASGIApp) -> None:
        self.state: MutableMapping[str, Any] = {}
        self._app = app
        self._events: asyncio.Queue[Message] = asyncio.Queue()
        self._told: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.ensure_future(self._run())
        await self._tell("startup")

    async def stop(self) -> None:
        if self._task is not None:
            await self._tell("shutdown")
            await self._task

    async def _tell(self, event: str) -> None:
        await self._events.put({"type": f"lifespan.{event}"})
        told = await self._told.get()
        if told["type"] != f"lifespan.{event}.complete":
            raise RuntimeError(f"the service failed at its {event}: {told.get('message', '')}")

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": _ASGI, "state": self.state}
        reason = "it has ended"
        try:
            await self._app(scope, self._events.get, self._told.put)
        except Exception as error:  # noqa: BLE001 - whoever starts or stops it hears of it
            reason = f"{type(error).__name__}: {error}"
        await self._told.put({"type": "lifespan.ended", "message": reason})
