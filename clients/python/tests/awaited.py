"""An AsyncClient behind the interface of Client, so that one test can be told of both.

Its coroutines run on an event loop in a thread of its own, the same for all tests; a call returns when its own is done.
"""

from __future__ import annotations

import asyncio
import atexit
import functools
import inspect
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Self

from stepd_client import AsyncClient, AsyncSession, Client


@functools.cache
def loop() -> asyncio.AbstractEventLoop:
    """The loop of all awaited clients, running."""
    running = asyncio.new_event_loop()
    thread = threading.Thread(target=running.run_forever, name="awaited-clients", daemon=True)

    def stop() -> None:
        running.call_soon_threadsafe(running.stop)
        thread.join()
        running.close()

    atexit.register(stop)
    thread.start()
    return running


def wait(coroutine: Any) -> Any:
    """The coroutine's result, or error."""
    return asyncio.run_coroutine_threadsafe(coroutine, loop()).result()


class Awaited:
    """An AsyncClient or AsyncSession whose verbs are awaited for the caller."""

    def __init__(self, of: Any) -> None:
        self.of = of

    def __getattr__(self, name: str) -> Any:
        member = getattr(self.of, name)
        if inspect.iscoroutinefunction(member):
            return lambda *given, **options: self._wait(member(*given, **options))
        if inspect.isasyncgenfunction(member):
            return lambda *given, **options: self._iterate(member(*given, **options))
        return member

    def _wait(self, coroutine: Any) -> Any:
        result = wait(coroutine)
        return Awaited(result) if isinstance(result, AsyncSession) else result

    def _iterate(self, items: AsyncIterator[Any]) -> Iterator[Any]:
        async def following() -> Any:
            return await anext(items, self)

        while (item := wait(following())) is not self:
            yield item

    def __repr__(self) -> str:
        return repr(self.of)

    def __enter__(self) -> Self:
        wait(self.of.__aenter__())
        return self

    def __exit__(self, *raised: object) -> None:
        wait(self.of.__aexit__(None, None, None))


def awaited(*given: Any, sleep: Callable[[float], object] | None = None, **options: Any) -> Awaited:
    """Made like Client, but an AsyncClient does the work."""

    async def sleep_awaited(seconds: float) -> None:
        assert sleep is not None
        sleep(seconds)

    return Awaited(AsyncClient(*given, **options, **({} if sleep is None else {"sleep": sleep_awaited})))


def awaited_local(**options: Any) -> Awaited:
    """Made like Client.local, but an AsyncClient does the work."""
    return Awaited(AsyncClient.local(**options))


# Ways to make a client of the service at an address, and of one of its own. All of them have to do the same.
MAKERS = {"Client": Client, "AsyncClient": awaited}
LOCAL_MAKERS = {"Client.local": Client.local, "AsyncClient.local": awaited_local}
