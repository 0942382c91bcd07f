"""One at a time per session, first come first served, and nothing left behind."""

import asyncio

import pytest

from stepd.engine.turns import Turns
from stepd.values import SessionKey
from tests.engine.engines import go, in_line, until

A, B = SessionKey("default", "a"), SessionKey("default", "b")


def test_turns_are_taken_in_order() -> None:
    """Whoever came first is served first, and never two at a time."""

    async def scene() -> None:
        turns, order, inside = Turns(), [], 0

        async def take(number: int) -> None:
            nonlocal inside
            async with turns(A):
                inside += 1
                assert inside == 1
                order.append(number)
                await asyncio.sleep(0)
                inside -= 1

        await asyncio.gather(*(take(number) for number in range(50)))
        assert order == list(range(50))
        assert len(turns) == 0

    go(scene)


def test_sessions_do_not_wait_for_each_other() -> None:
    """While one session's turn is taken another's is free, of the same id in another tenant too."""

    async def scene() -> None:
        turns = Turns()
        async with turns(A), turns(B), turns(SessionKey("other", "a")):
            assert len(turns) == 3
        assert len(turns) == 0

    go(scene)


def test_a_turn_ends_with_an_exception() -> None:
    """Whatever happens in it, the next one comes."""

    async def scene() -> None:
        turns = Turns()
        with pytest.raises(KeyError):
            async with turns(A):
                raise KeyError
        async with turns(A):
            pass
        assert len(turns) == 0

    go(scene)


@pytest.mark.parametrize("leaving", [0, 1, 2])
def test_leaving_the_queue(leaving: int) -> None:
    """Who is cancelled in the queue, or in its turn, is passed over; all others are served in order."""

    async def scene() -> None:
        turns, order, door = Turns(), [], asyncio.Event()

        async def take(number: int) -> None:
            async with turns(A):
                order.append(number)
                await door.wait()

        tasks = [asyncio.create_task(take(number)) for number in range(4)]
        await until(lambda: in_line(turns, A) == 4 and order == [0])
        tasks[leaving].cancel()
        await asyncio.gather(tasks[leaving], return_exceptions=True)
        door.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert order == [number for number in range(4) if number != leaving or number == 0]
        assert len(turns) == 0

    go(scene)


def test_leaving_at_the_moment_of_being_called() -> None:
    """Cancelled between the end of one turn and the start of its own, it hands the turn on."""

    async def scene() -> None:
        turns, order = Turns(), []

        async def take(number: int) -> None:
            async with turns(A):
                order.append(number)

        async with turns(A):
            called, following = (asyncio.create_task(take(number)) for number in (1, 2))
            await until(lambda: in_line(turns, A) == 3)
        called.cancel()  # it has been woken, and has not run yet
        await asyncio.gather(called, following, return_exceptions=True)
        assert order == [2]
        assert len(turns) == 0

    go(scene)
