"""What the tests of the engine share: an engine, requests, what a reader sees, and a driver that waits at a gate."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

from stepd.engine.contract import Creation, Preconditions, Restoration, StepAnswer, StepRequest
from stepd.engine.local import LocalEngine
from stepd.engine.turns import Turns
from stepd.optimizers import resolve
from stepd.optimizers.blocked import BlockedDriver
from stepd.optimizers.contract import Driver
from stepd.optimizers.drivers import Drivers
from stepd.values import DTYPES, Checkpoint, SessionKey, Values
from tests.sessions.runs import values

T = TypeVar("T")
RUN = SessionKey("default", "run")
PATIENCE_S = 30.0


def go(scene: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Plays a scene on a loop of its own; one that hangs fails."""

    async def bounded() -> T:
        return await asyncio.wait_for(scene(), PATIENCE_S)

    return asyncio.run(bounded())


@asynccontextmanager
async def an_engine(
    *, capacity_bytes: int = 10**9, keys_per_session: int = 4, threads: int = 2, driver: Driver | None = None
) -> AsyncIterator[LocalEngine]:
    """An engine that ends clean: no change under way, no turn taken, nobody waiting."""
    drivers = Drivers()
    if driver is not None:
        drivers.current = driver
    engine = LocalEngine(
        drivers, capacity_bytes=capacity_bytes, keys_per_session=keys_per_session, threads=threads
    )  # fmt: skip
    await engine.start()
    yield engine
    await engine.close()
    assert_clean(engine)


def assert_clean(engine: LocalEngine) -> None:
    """Whatever came, nothing of it is left behind."""
    assert len(engine._turns) == 0
    assert engine._waiters._waiters == {}
    assert engine._work.changes == set()


class Seen(NamedTuple):
    """What a caller is shown of a session: the step, and the bytes of its params."""

    step: int
    params: bytes


def see(incarnation: str, step: int, params: Values) -> Seen:
    return Seen(step, params.flat.tobytes())


def see_all(incarnation: str, checkpoint: Checkpoint) -> tuple[int, tuple[bytes, ...]]:
    """The step, and the bytes of params and slots."""
    return checkpoint.step, tuple(vector.tobytes() for vector in (checkpoint.params, *checkpoint.slots.values()))


def copied(incarnation: str, checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint with vectors of its own: those that are shown are the session's, which writes to them."""
    slots = {name: slot.copy() for name, slot in checkpoint.slots.items()}
    return replace(checkpoint, params=checkpoint.params.copy(), slots=slots)


def creation(
    params: Any = None, *, dtype: str = "float64", ttl_s: float | None = None, rule: str = "adadelta", **hyper: Any
) -> Creation:
    optimizer = resolve({"name": rule, **hyper}, DTYPES[dtype])
    if params is None:
        return Creation(optimizer, DTYPES[dtype], ttl_s=ttl_s)
    given = values(params, dtype)
    return Creation(optimizer, DTYPES[dtype], given.tensors, given.flat, ttl_s)


def request(grads: Any, params: Any = None, *, dtype: str = "float64", **more: Any) -> StepRequest:
    return StepRequest(values(grads, dtype), None if params is None else values(params, dtype), **more)


async def step(engine: LocalEngine, grads: Any, key: SessionKey = RUN, **more: Any) -> StepAnswer[Seen]:
    return await engine.step(key, request(grads, **more), see)


async def state_of(engine: LocalEngine, key: SessionKey = RUN) -> tuple[str, int, tuple[bytes, ...]]:
    """Tag, step, and every byte of params and slots."""
    read = await engine.checkpoint(key, see_all)
    assert read.encoded is not None
    assert read.step == read.encoded[0]
    return read.tag, read.step, read.encoded[1]


async def restoration_of(engine: LocalEngine, key: SessionKey = RUN, **more: Any) -> Restoration:
    read = await engine.checkpoint(key, copied)
    assert read.encoded is not None
    async with engine.using(key) as layout:
        return Restoration(layout.optimizer, read.encoded, **more)


def if_match(*tags: str) -> Preconditions:
    return Preconditions(if_match=frozenset(tags))


class GatedDriver:
    """Steps as the blocked driver does, once the gate is opened. `entered` tells that a step is at the gate."""

    name = "gated"

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.gate = threading.Event()
        self.steps = 0
        self._blocked = BlockedDriver()

    def step(self, *arguments: Any) -> bool:
        self.steps += 1
        self.entered.set()
        assert self.gate.wait(PATIENCE_S)
        return self._blocked.step(*arguments)

    async def reached(self) -> None:
        """Returns when a step is at the gate."""
        assert await asyncio.to_thread(self.entered.wait, PATIENCE_S)


async def until(condition: Callable[[], bool]) -> None:
    """Lets the loop run until the condition holds; `go` bounds the wait."""
    while not condition():  # noqa: ASYNC110 - what is waited for has no event of its own
        await asyncio.sleep(0)


def in_line(turns: Turns, key: SessionKey = RUN) -> int:
    """How many have a session's turn or wait for it."""
    return turns._locks[key][1] if key in turns._locks else 0


@dataclass
class Clock:
    """Stands for the module `time` inside the engine; goes on only when told to."""

    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1.6e9 + self.now

    def perf_counter(self) -> float:
        return self.now
