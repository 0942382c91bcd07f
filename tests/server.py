"""Real servers for tests: uvicorn in a thread of this process, on a free port, where coverage sees the service at work.

Nothing here sleeps a fixed time: `until` looks again until a condition holds.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx
import numpy as np

from stepd.api.service import Service
from stepd.app import create_app, drain
from stepd.engine.local import LocalEngine
from stepd.server import Server
from stepd.settings import Settings

T = TypeVar("T")

PATIENCE_S = 20.0

_numbers = itertools.count(1)


def until(condition: Callable[[], T], what: str, seconds: float = PATIENCE_S) -> T:
    """What the condition gives as soon as that is true; fails after `seconds`, saying what was waited for."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.002)
    return found


def in_thread(function: Callable[[], T]) -> Callable[[], T]:
    """Runs a function in a thread; the returned function waits for it and gives its result or raises its error."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(function())
        except BaseException as error:  # noqa: BLE001 - handed to whoever joins
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def join() -> T:
        thread.join(PATIENCE_S)
        assert not thread.is_alive(), "the thread did not end"
        if errors:
            raise errors[0]
        return results[0]

    return join


def bits(values: Any, dtype: str = "float64") -> str:
    """The values of a JSON document as bytes in hex: equal only where every bit is."""
    return np.array(values, np.dtype(dtype).newbyteorder("<")).tobytes().hex()


class Handle:
    """The verbs of one session, as short to write as a test wants them. Each gives the answer, whatever its status."""

    def __init__(self, http: httpx.Client, session_id: str) -> None:
        self.http = http
        self.id = session_id
        self.path = f"/v1/sessions/{session_id}"

    def create(self, headers: Mapping[str, str] | None = None, **body: Any) -> httpx.Response:
        return self.http.put(self.path, json=body, headers=headers)

    def get(self) -> httpx.Response:
        return self.http.get(self.path)

    def step(
        self,
        grads: Any,
        params: Any = None,
        *,
        lr: Any = None,
        key: str | None = None,
        if_match: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        given = {"Idempotency-Key": key, "If-Match": if_match, **(headers or {})}
        body = {"grads": grads} if params is None else {"grads": grads, "params": params}
        return self.http.post(
            self.path + "/step",
            params=None if lr is None else {"lr": str(lr)},
            json=body,
            headers={name: value for name, value in given.items() if value is not None},
        )

    def params(self, headers: Mapping[str, str] | None = None, **query: Any) -> httpx.Response:
        return self.http.get(self.path + "/params", params=query, headers=headers)

    def put_params(self, params: Any, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return self.http.put(self.path + "/params", json={"params": params}, headers=headers)

    def state(self, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return self.http.get(self.path + "/state", headers=headers)

    def put_state(self, checkpoint: Any, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return self.http.put(self.path + "/state", json=checkpoint, headers=headers)

    def reset(self, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return self.http.post(self.path + "/reset", headers=headers)

    def delete(self, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return self.http.delete(self.path, headers=headers)

    def tag(self) -> str:
        """The current entity tag."""
        return self.get().headers["etag"]

    def incarnation(self) -> str:
        incarnation: str = self.get().json()["incarnation"]
        return incarnation


class Running:
    """A server that is up. `http` talks to it; `service`, `engine` and `call` show what no answer does."""

    def __init__(self, **settings: Any) -> None:
        self.settings = Settings(**{"port": 0, "driver": "blocked", **settings})
        self.app = create_app(self.settings)
        self.server = Server(self.app, self.settings)
        self._thread = threading.Thread(target=self.server.run, name="stepd-under-test", daemon=True)
        self._thread.start()
        until(lambda: self.server.started or not self._thread.is_alive(), "the server starts")
        assert self.server.started, "the server did not start"
        self.host, self.port = self.server.servers[0].sockets[0].getsockname()[:2]
        self.url = f"http://{self.host}:{self.port}"
        # Whatever proxy the environment names is not for this.
        self.http = httpx.Client(base_url=self.url, timeout=PATIENCE_S, trust_env=False)

    @property
    def service(self) -> Service:
        service: Service = self.app.service
        return service

    @property
    def engine(self) -> LocalEngine:
        assert isinstance(self.service.engine, LocalEngine)
        return self.service.engine

    def session(self, session_id: str | None = None) -> Handle:
        """The verbs of a session that need not exist; without an id, one that nobody has used."""
        return Handle(self.http, session_id or f"test-{next(_numbers)}")

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Runs a function on the event loop's thread, as the service runs its own."""

        async def run() -> T:
            return function(*arguments)

        assert self.server._loop is not None
        return asyncio.run_coroutine_threadsafe(run(), self.server._loop).result(PATIENCE_S)

    def waits(self, handle: Handle) -> int:
        """How many long-polls wait for that session."""
        return self.call(
            lambda: sum(len(some) for key, some in self.engine._waiters._waiters.items() if key.id == handle.id)
        )

    def until_waiting(self, handle: Handle, count: int = 1) -> None:
        until(lambda: self.waits(handle) == count, f"{count} long-polls wait")

    def connections(self) -> list[Any]:
        """The connections that there are, as they are made of."""
        return self.call(lambda: list(self.server.server_state.connections))

    def bytes_in_flight(self) -> int:
        return self.call(lambda: self.service.budget.used_bytes)

    def drain(self) -> None:
        """What the first moment after SIGTERM does."""
        self.call(drain, self.app)

    def begin_stop(self) -> None:
        self.server.should_exit = True

    def stop(self) -> None:
        """As SIGTERM would: drains, answers what is in flight, ends."""
        if self._thread.is_alive() and not self.server.should_exit:  # else its loop may be closed already
            self.drain()
        self.http.close()
        self.begin_stop()
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), "the server does not stop"


class Servers:
    """Makes servers and stops them all at the end. Tests that ask for the same settings share one."""

    def __init__(self) -> None:
        self._shared: dict[str, Running] = {}

    def __call__(self, **settings: Any) -> Running:
        name = repr(sorted(settings.items()))
        if name not in self._shared:
            self._shared[name] = Running(**settings)
        return self._shared[name]

    def stop(self) -> None:
        for server in self._shared.values():
            server.drain()
            server.begin_stop()
        for server in self._shared.values():
            server.stop()


@contextmanager
def running(**settings: Any) -> Iterator[Running]:
    """A server of one's own, for a test that stops or breaks it."""
    server = Running(**settings)
    try:
        yield server
    finally:
        server.stop()
