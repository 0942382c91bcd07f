"""A caller who goes away: a change under way goes on to its end, whole, and everybody else is served."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from stepd.engine import work
from stepd.engine.contract import ANY_STATE
from stepd.engine.local import LocalEngine
from stepd.optimizers.textbook import Adadelta
from tests.engine.engines import (
    RUN,
    GatedDriver,
    Seen,
    an_engine,
    assert_clean,
    creation,
    go,
    in_line,
    request,
    restoration_of,
    see,
    state_of,
    step,
    until,
)
from tests.sessions.runs import values


async def gone(task: asyncio.Task[Any]) -> None:
    """Cancels the caller, who ends at once, whatever goes on without it."""
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_large_step_goes_on_without_its_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """The step is applied and remembered by its key, the turn is handed on, and the next step follows it."""
    monkeypatch.setattr(work, "THREAD_SIZE", 1)

    async def scene() -> None:
        driver = GatedDriver()
        async with an_engine(driver=driver) as engine:
            await engine.create(RUN, creation([1.0]))
            left = asyncio.create_task(step(engine, [0.5], idempotency_key="k"))
            await driver.reached()
            follows = asyncio.create_task(step(engine, [0.25]))
            await until(lambda: in_line(engine._turns) == 2)
            await gone(left)
            assert in_line(engine._turns) == 2
            driver.gate.set()
            textbook = Adadelta()
            first = textbook.update([1.0], [0.5])
            assert (await follows).encoded == Seen(2, textbook.update(first, [0.25]).tobytes())
            again = await step(engine, [0.5], idempotency_key="k")
            assert (again.replayed, again.applied_step, again.step) == (True, 1, 2)

    go(scene)


def test_a_large_step_that_waits_goes_on_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller who goes away while its step waits for its turn doesn't undo it."""
    monkeypatch.setattr(work, "THREAD_SIZE", 1)

    async def scene() -> None:
        driver = GatedDriver()
        async with an_engine(driver=driver) as engine:
            await engine.create(RUN, creation([1.0]))
            first = asyncio.create_task(step(engine, [0.5]))
            await driver.reached()
            second = asyncio.create_task(step(engine, [0.25]))
            await until(lambda: in_line(engine._turns) == 2)
            await gone(second)
            driver.gate.set()
            await first
            await until(lambda: not engine._work.changes)
            assert (await state_of(engine))[1] == 2

    go(scene)


Change = Callable[[LocalEngine], Awaitable[Any]]
CHANGES: dict[str, tuple[Change, int]] = {
    "put params": (lambda engine: engine.put_params(RUN, values([7.0]), ANY_STATE), 1),
    "reset": (lambda engine: engine.reset(RUN, ANY_STATE), 0),
}


@pytest.mark.parametrize(("change", "wanted"), CHANGES.values(), ids=CHANGES)
def test_other_changes_go_on_without_their_caller(change: Change, wanted: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for its turn behind a large step is done though nobody waits for it any more."""
    monkeypatch.setattr(work, "THREAD_SIZE", 1)

    async def scene() -> None:
        driver = GatedDriver()
        async with an_engine(driver=driver) as engine:
            about, _ = await engine.create(RUN, creation([1.0]))
            first = asyncio.create_task(step(engine, [0.5]))
            await driver.reached()
            left = asyncio.create_task(change(engine))  # type: ignore[arg-type]
            await until(lambda: in_line(engine._turns) == 2)
            await gone(left)
            driver.gate.set()
            await first
            await until(lambda: not engine._work.changes)
            tag, number, _ = await state_of(engine)
            assert number == wanted
            assert not tag.startswith(about.incarnation)

    go(scene)


def test_a_restore_goes_on_without_its_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint is in place whole, whether or not anybody waits for it."""
    monkeypatch.setattr(work, "THREAD_SIZE", 1)

    async def scene() -> None:
        driver = GatedDriver()
        async with an_engine(driver=driver) as engine:
            await engine.create(RUN, creation([1.0]))
            restoration = await restoration_of(engine)
            first = asyncio.create_task(step(engine, [0.5]))
            await driver.reached()
            left = asyncio.create_task(engine.restore(RUN, restoration, ANY_STATE))
            await until(lambda: in_line(engine._turns) == 2)
            await gone(left)
            driver.gate.set()
            await first
            await until(lambda: not engine._work.changes)
            assert (await state_of(engine))[1:] == (0, (values([1.0]).flat.tobytes(), bytes(8), bytes(8)))

    go(scene)


def test_a_reader_who_goes_away_holds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A read that waited for its turn leaves the queue."""
    monkeypatch.setattr(work, "THREAD_SIZE", 1)

    async def scene() -> None:
        driver = GatedDriver()
        async with an_engine(driver=driver) as engine:
            await engine.create(RUN, creation([1.0]))
            first = asyncio.create_task(step(engine, [0.5]))
            await driver.reached()
            reading = asyncio.create_task(engine.params(RUN, see))
            await until(lambda: in_line(engine._turns) == 2)
            await gone(reading)
            driver.gate.set()
            await first
            assert_clean(engine)

    go(scene)


def test_closing_finishes_what_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps that lost their callers are whole when the engine has closed."""
    monkeypatch.setattr(work, "THREAD_SIZE", 1)

    async def scene() -> None:
        driver = GatedDriver()
        async with an_engine(driver=driver) as engine:
            await engine.create(RUN, creation([1.0]))
            left = [asyncio.create_task(step(engine, [0.5])) for _ in range(3)]
            await driver.reached()
            await until(lambda: in_line(engine._turns) == 3)
            for task in left:
                await gone(task)
            closing = asyncio.create_task(engine.close())
            await asyncio.sleep(0)
            driver.gate.set()
            await closing
            assert (await state_of_small(engine))[1] == 3

    async def state_of_small(engine: LocalEngine) -> tuple[str, int]:
        async with engine.using(RUN):
            about = await engine.describe(RUN)
            return about.tag, about.step

    go(scene)


def test_a_failed_change_without_a_caller_is_silent(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What a change would have been refused with is nobody's to hear, and no error of the loop's."""
    monkeypatch.setattr(work, "THREAD_SIZE", 1)

    async def scene() -> None:
        driver = GatedDriver()
        async with an_engine(driver=driver) as engine:
            await engine.create(RUN, creation([1.0]))
            first = asyncio.create_task(step(engine, [0.5]))
            await driver.reached()
            left = asyncio.create_task(step(engine, [0.5, 0.5]))
            await until(lambda: in_line(engine._turns) == 2)
            await gone(left)
            driver.gate.set()
            await first
            await until(lambda: not engine._work.changes)
            assert (await state_of(engine))[1] == 1

    go(scene)
    assert [record.message for record in caplog.records if record.name == "asyncio"] == []


def test_a_failure_without_a_caller_is_reported(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An error of stepd's own in a change whose caller has gone is told to the loop, which logs it."""
    monkeypatch.setattr(work, "THREAD_SIZE", 1)

    async def scene() -> None:
        driver = GatedDriver()
        async with an_engine(driver=driver) as engine:
            await engine.create(RUN, creation([1.0]))
            left = asyncio.create_task(engine.step(RUN, request([0.5]), lambda incarnation, step, params: 1 / 0))
            await driver.reached()
            await gone(left)
            driver.gate.set()
            await until(lambda: not engine._work.changes)

    go(scene)
    (record,) = (record for record in caplog.records if record.name == "asyncio")
    assert "a change failed after its caller had gone" in record.message
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError
