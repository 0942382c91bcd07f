"""The way from the event loop to a store and back: what waits together shares a commit; nothing blocks the loop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple, TypeVar

from stepd.errors import StepdError, StorageFull, StorageUnavailable
from stepd.storage.contract import Store, Write

T = TypeVar("T")

# Bytes of vectors that one commit may bring, and how many sessions: the first of a group waits for the last.
GROUP_BYTES = 64 * 2**20
GROUP_WRITES = 1024
READERS = 4


class Fenced(Exception):
    """The store holds another state of the session than this process does: somebody else has changed it."""


class _Waiting(NamedTuple):
    write: Write
    done: asyncio.Future[None]


class Journal:
    """One per store, used on the event loop's thread. `trouble` is why the last write was not taken, if it wasn't."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.trouble: StepdError | None = None
        self._waiting: deque[_Waiting] = deque()
        self._writing: asyncio.Task[None] | None = None
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="stepd-store")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="stepd-load")

    async def record(self, write: Write) -> None:
        """Returns when the write is durable.

        Raises Fenced, StorageFull, StorageUnavailable (nothing has changed), OutcomeUnknown. One at a time per session.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(write, loop.create_future())
        self._waiting.append(waiting)
        if self._writing is None:
            self._writing = loop.create_task(self._write())
        await waiting.done

    async def read(self, function: Callable[..., T], *arguments: object, **options: object) -> T:
        """Calls a function that reads from the store, beside whatever is written."""
        call = partial(function, *arguments, **options)
        return await asyncio.get_running_loop().run_in_executor(self._readers, call)

    async def maintain(self, function: Callable[..., T], *arguments: object, **options: object) -> T:
        """Calls a function that changes the store without moving a session, between two commits."""
        call = partial(function, *arguments, **options)
        return await asyncio.get_running_loop().run_in_executor(self._writer, call)

    async def check(self) -> StepdError | None:
        """Why nothing can be written now, if so: after a refusal it is tried again."""
        if self.trouble is not None:
            try:
                await self.maintain(self.store.probe)
            except (StorageFull, StorageUnavailable) as error:
                self.trouble = error
            else:
                self.trouble = None
        return self.trouble

    async def close(self) -> None:
        """Writes what still waits, then lets go of the store."""
        if self._writing is not None:
            await self._writing
        await asyncio.get_running_loop().run_in_executor(self._writer, self.store.close)
        self._writer.shutdown()
        self._readers.shutdown()

    async def _write(self) -> None:
        while self._waiting:
            group = self._group()
            writes = [waiting.write for waiting in group]
            try:
                taken = await self.maintain(self.store.commit, writes)
            except BaseException as error:  # noqa: BLE001 - whatever it is, those who wait are told
                self.trouble = error if isinstance(error, StepdError) else self.trouble
                for waiting in group:
                    waiting.done.set_exception(error)
                    waiting.done.exception()  # heard, though its caller may have gone
                continue
            self.trouble = None
            for waiting, accepted in zip(group, taken, strict=True):
                if accepted:
                    waiting.done.set_result(None)
                else:
                    waiting.done.set_exception(Fenced())
        self._writing = None

    def _group(self) -> list[_Waiting]:
        """The next that share a commit, in the order in which they came."""
        group, nbytes = [self._waiting.popleft()], 0
        while self._waiting and len(group) < GROUP_WRITES:
            nbytes += group[-1].write.nbytes
            if nbytes + self._waiting[0].write.nbytes > GROUP_BYTES:
                break
            group.append(self._waiting.popleft())
        return group
