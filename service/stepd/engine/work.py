"""Where work on vectors is done: at once where they are small, else in a thread; changes that go on to their end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from stepd.errors import CapacityExceeded, StepdError

T = TypeVar("T")

# From this many values on, work on vectors goes to a thread, so that it does not hold everybody else up; smaller steps
# are taken at once, within a millisecond, and spare the way there and back, which takes a third of one each time.
THREAD_SIZE = 131_072


class Work:
    """The threads of an engine, and the changes that are under way."""

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="stepd-step")
        self.changes: set[asyncio.Future[Any]] = set()

    @staticmethod
    def is_small(size: int) -> bool:
        """Whether vectors of that size are worked on at once."""
        return size < THREAD_SIZE

    async def run(self, size: int, function: Callable[..., T], *arguments: Any) -> T:
        """Calls a function that works on vectors of that size: at once where they are small, else in a thread."""
        if size < THREAD_SIZE:
            return at_once(size, function, *arguments)
        return await asyncio.get_running_loop().run_in_executor(self._threads, at_once, size, function, *arguments)

    async def to_its_end(self, change: Coroutine[Any, Any, T]) -> T:
        """Runs a change as a task of its own, so that it goes on when the caller is cancelled."""
        task = asyncio.ensure_future(change)
        self.changes.add(task)
        task.add_done_callback(self.changes.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_unheard)
            raise

    async def finish(self) -> None:
        """Returns when every change under way has ended."""
        await asyncio.gather(*self.changes, return_exceptions=True)

    def close(self) -> None:
        """Ends the threads."""
        self._threads.shutdown(wait=True)


def at_once(size: int, function: Callable[..., T], *arguments: Any) -> T:
    """Calls a function; where the machine has no memory for vectors of that size, that is said by name."""
    try:
        return function(*arguments)
    except MemoryError:
        raise CapacityExceeded(f"the machine has no memory left for vectors of {size} values") from None


def _unheard(change: asyncio.Future[Any]) -> None:
    """What is refused when its caller has gone is nobody's to hear; a failure is reported."""
    error = None if change.cancelled() else change.exception()
    if error is not None and not isinstance(error, StepdError):
        told = {"message": "a change failed after its caller had gone", "exception": error, "future": change}
        change.get_loop().call_exception_handler(told)
