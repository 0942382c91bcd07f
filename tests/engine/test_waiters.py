"""How a long-poll's wait ends: by its step, another incarnation, the session's end, time, the drain, or its caller."""

import asyncio
from collections.abc import Callable

import pytest

from stepd.engine.waiters import Waiters
from stepd.values import SessionKey
from tests.engine.engines import PATIENCE_S, go, until

A, B = SessionKey("default", "a"), SessionKey("default", "b")
LONG = 10 * PATIENCE_S


async def waiting(waiters: Waiters, *steps: int) -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(waiters.wait(A, step, "life", LONG)) for step in steps]
    await until(lambda: len(waiters._waiters.get(A, ())) == len(steps))
    return tasks


ENDINGS: dict[str, tuple[Callable[[Waiters], None], list[bool]]] = {
    "the step": (lambda waiters: waiters.notify(A, 3, "life"), [True, False]),
    "a later step": (lambda waiters: waiters.notify(A, 4, "life"), [True, False]),
    "an earlier step": (lambda waiters: waiters.notify(A, 2, "life"), [False, False]),
    "another incarnation": (lambda waiters: waiters.notify(A, 0, "next"), [True, True]),
    "the end": (lambda waiters: waiters.end(A), [True, True]),
    "the drain": (lambda waiters: waiters.close(), [True, True]),
    "another session's step": (lambda waiters: waiters.notify(B, 9, "life"), [False, False]),
    "another session's end": (lambda waiters: waiters.end(B), [False, False]),
}


@pytest.mark.parametrize(("event", "ends"), ENDINGS.values(), ids=ENDINGS)
def test_what_ends_a_wait(event: Callable[[Waiters], None], ends: list[bool]) -> None:
    """Of two who wait for steps 3 and 9 each event ends the right ones, once, and leaves the others waiting."""

    async def scene() -> None:
        waiters = Waiters()
        tasks = await waiting(waiters, 3, 9)
        event(waiters)
        event(waiters)  # what is over can't end again
        ended = [task for task, end in zip(tasks, ends, strict=True) if end]
        await asyncio.gather(*ended)
        assert [task.done() for task in tasks] == ends
        assert len(waiters._waiters.get(A, ())) == len(tasks) - len(ended)
        waiters.end(A)
        await asyncio.gather(*tasks)
        assert waiters._waiters == {}

    go(scene)


@pytest.mark.parametrize("timeout_s", [0.0, 0.001])
def test_time_ends_a_wait(timeout_s: float) -> None:
    """When the time is up the wait returns as if nothing had happened."""

    async def scene() -> None:
        waiters = Waiters()
        await waiters.wait(A, 3, "life", timeout_s)
        assert waiters._waiters == {}

    go(scene)


def test_a_cancelled_wait_leaves_nothing() -> None:
    """A caller who goes away takes only its own wait along."""

    async def scene() -> None:
        waiters = Waiters()
        gone, stays = await waiting(waiters, 3, 3)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        assert len(waiters._waiters[A]) == 1
        waiters.notify(A, 3, "life")
        await stays
        assert waiters._waiters == {}

    go(scene)


def test_after_the_drain_nobody_waits() -> None:
    """A wait that is asked for once the service drains is over at once."""

    async def scene() -> None:
        waiters = Waiters()
        waiters.close()
        await waiters.wait(A, 3, "life", LONG)
        assert waiters._waiters == {}

    go(scene)
