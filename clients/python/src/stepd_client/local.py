"""A stepd service inside this process, for tests and teaching: no socket, the same bytes. The package stepd makes it.

This is the one place where the client knows the service, and it looks for it only when a local client is made.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
from collections.abc import Mapping
from typing import Any

import httpx

from stepd_client.asgi import Application, ASGIApp

LOCAL_URL = "http://in-process"

# Settings of the process around the service; there is none here.
_OF_THE_PROCESS = frozenset({"host", "port", "insecure", "shutdown_s", "log_format"})


def make_app(settings: Mapping[str, Any]) -> ASGIApp:
    """The service with these settings, STEPD_* of the environment where they say nothing.

    Raises:
        ModuleNotFoundError: the package stepd is not installed.
        ValueError: there is no such setting, or none that counts without a server, or its value can't be.
    """
    if idle := _OF_THE_PROCESS & set(settings):
        raise ValueError(f"{', '.join(sorted(idle))}: a local service does not listen, so this would change nothing")
    try:
        from stepd.app import create_app  # noqa: PLC0415 - only a local client needs the service
        from stepd.settings import Settings  # noqa: PLC0415 - as above
    except ModuleNotFoundError as error:
        if error.name != "stepd":
            raise
        raise ModuleNotFoundError(
            "a local client runs the service in this process and needs the package stepd, which is not installed: "
            "pip install stepd, or pip install . in a checkout of it",
            name="stepd",
        ) from None
    # Compiling would outlast most local services, and the bits are the same.
    return create_app(Settings(**{"driver": "blocked", **settings}))


class LocalTransport(httpx.BaseTransport):
    """Hands requests to an application that runs on an event loop in a thread of its own, until it is closed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._process = os.getpid()
        self._closing = threading.Lock()
        self._closed = False
        self._ready: concurrent.futures.Future[Application] = concurrent.futures.Future()
        self._ended: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._thread = threading.Thread(target=self._run, name="stepd-local", daemon=True)
        self._thread.start()
        try:
            self._application = self._ready.result()
        except BaseException:
            self._thread.join()
            raise

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - raised to whoever made or closes this
            (self._ended if self._ready.done() else self._ready).set_exception(error)
        else:
            self._ended.set_result(None)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        application = Application(self._app)
        await application.start()
        self._ready.set_result(application)
        await self._over.wait()
        await application.close()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The application's answer; see Application.answer. Raises RuntimeError in a fork of the process."""
        if self._elsewhere():
            raise RuntimeError("a local client works in the process that made it, and this is a fork: make one here")
        body = request.read()
        gone = asyncio.Event()
        try:
            return self._hand_in(request, body, gone).result()
        except httpx.RequestError:
            raise
        except BaseException:  # the caller is interrupted, wherever he is by now: the application hears of it
            with self._closing:
                if not self._closed:
                    self._loop.call_soon_threadsafe(gone.set)
            raise

    def _hand_in(
        self, request: httpx.Request, body: bytes, gone: asyncio.Event
    ) -> concurrent.futures.Future[httpx.Response]:
        with self._closing:  # what is handed in before the end is still answered, or broken off, by the loop
            if self._closed:
                raise httpx.ConnectError("the service is closed", request=request)
            return asyncio.run_coroutine_threadsafe(self._application.answer(request, body, gone), self._loop)

    def _elsewhere(self) -> bool:
        # A fork has no thread but the one that forked: here nobody would ever answer.
        return os.getpid() != self._process

    def close(self) -> None:
        """Stops the application and ends its thread. Raises RuntimeError where the application fails at that."""
        if self._elsewhere():
            return
        with self._closing:
            if not self._closed:
                self._closed = True
                self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()
        self._ended.result()


class AsyncLocalTransport(httpx.AsyncBaseTransport):
    """Hands requests to an application that runs on the caller's event loop, from the first request until the end."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._starting: asyncio.Task[Application] | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The application's answer; see Application.answer."""
        body = await request.aread()
        if self._starting is None:
            self._starting = asyncio.ensure_future(_started(self._app))
        application = await asyncio.shield(self._starting)
        return await application.answer(request, body)

    async def aclose(self) -> None:
        """Stops the application, if it was ever started."""
        if self._starting is not None:
            await asyncio.wait([self._starting])
            if self._starting.exception() is None:  # else whoever made the first request knows
                await self._starting.result().close()


async def _started(app: ASGIApp) -> Application:
    application = Application(app)
    await application.start()
    return application
