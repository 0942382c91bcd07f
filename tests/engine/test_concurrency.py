"""Many callers at once, on small sessions in place and on large ones in threads: all applied, once, one at a time."""

import asyncio
from typing import Any

import numpy as np
import pytest

from stepd.engine import work
from stepd.engine.contract import ANY_STATE
from stepd.errors import SessionNotFound
from stepd.optimizers.textbook import Adadelta
from tests.engine.engines import (
    RUN,
    GatedDriver,
    Seen,
    an_engine,
    creation,
    go,
    in_line,
    request,
    see,
    see_all,
    state_of,
    step,
    until,
)
from tests.sessions.runs import values


@pytest.fixture(params=["in place", "in threads"])
def anywhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of stepping: in place, and in threads as large vectors are."""
    if request.param == "in threads":
        monkeypatch.setattr(work, "THREAD_SIZE", 1)


@pytest.fixture
def in_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "THREAD_SIZE", 1)


@pytest.mark.usefixtures("anywhere")
def test_every_step_is_applied_once_and_in_some_order() -> None:
    """Of 120 steps at once each gets a number of its own, and the params after each are those of that order."""

    async def scene() -> None:
        async with an_engine(threads=4) as engine:
            await engine.create(RUN, creation([1.0, -1.0]))
            grads = [[np.sin(i), np.cos(i)] for i in range(120)]
            answers = await asyncio.gather(*(step(engine, grad) for grad in grads))
            in_order = sorted(zip(answers, grads, strict=True), key=lambda pair: pair[0].step)
            textbook, params = Adadelta(), np.array([1.0, -1.0])
            for number, (answer, grad) in enumerate(in_order, 1):
                params = textbook.update(params, grad)
                assert answer.encoded == Seen(number, params.tobytes())
                assert (answer.step, answer.applied_step, answer.replayed) == (number, number, False)
            assert (await state_of(engine))[1] == 120

    go(scene)


@pytest.mark.usefixtures("anywhere")
def test_the_same_key_at_once_takes_one_step() -> None:
    """Of 20 requests with one key one is applied; the others wait for it and are replays of it."""

    async def scene() -> None:
        async with an_engine() as engine:
            await engine.create(RUN, creation([1.0]))
            answers = await asyncio.gather(*(step(engine, [0.5], idempotency_key="k") for _ in range(20)))
            assert sorted(answer.replayed for answer in answers) == [False] + [True] * 19
            assert {answer.applied_step for answer in answers} == {1}
            assert {answer.encoded for answer in answers} == {answers[0].encoded}

    go(scene)


@pytest.mark.usefixtures("anywhere")
def test_creating_at_once_makes_one_session() -> None:
    """Of ten who create the same session one does, and all are told the same incarnation."""

    async def scene() -> None:
        async with an_engine() as engine:
            made = await asyncio.gather(*(engine.create(RUN, creation([1.0])) for _ in range(10)))
            assert sum(is_new for _, is_new in made) == 1
            assert len({about.incarnation for about, _ in made}) == 1

    go(scene)


@pytest.mark.usefixtures("in_threads")
def test_readers_see_the_old_state_or_the_new_one_whole() -> None:
    """While a large step runs, who describes the session sees the old state; who reads its values, the new one."""

    async def scene() -> None:
        driver = GatedDriver()
        async with an_engine(driver=driver) as engine:
            await engine.create(RUN, creation([1.0, -1.0]))
            old = await state_of(engine)
            stepping = asyncio.create_task(step(engine, [0.5, 0.25]))
            await driver.reached()
            async with engine.using(RUN):
                about = await engine.describe(RUN)
                assert (about.tag, about.step) == (old[0], 0)
            reading = asyncio.create_task(engine.params(RUN, see))
            saving = asyncio.create_task(engine.checkpoint(RUN, see_all))
            await until(lambda: in_line(engine._turns) == 3)
            driver.gate.set()
            answer, params, checkpoint = await asyncio.gather(stepping, reading, saving)
            textbook = Adadelta()
            new = textbook.update([1.0, -1.0], [0.5, 0.25]).tobytes()
            slots = [slot.tobytes() for slot in (textbook.state or {}).values()]
            assert params.encoded == answer.encoded == Seen(1, new)
            assert checkpoint.encoded == (1, (new, *slots))
            assert params.tag == checkpoint.tag == answer.tag

    go(scene)


@pytest.mark.usefixtures("in_threads")
def test_small_sessions_go_on_beside_a_large_step() -> None:
    """A session whose step runs in a thread holds up nobody else."""

    async def scene() -> None:
        driver = GatedDriver()
        async with an_engine(driver=driver) as engine:
            other = RUN._replace(id="other")
            await engine.create(RUN, creation([1.0]))
            await engine.create(other, creation([1.0]))
            stepping = asyncio.create_task(step(engine, [0.5]))
            await driver.reached()
            async with engine.using(other):
                about = await engine.describe(other)
                assert about.step == 0
            assert (await engine.params(other, see)).encoded == see("", 0, values([1.0]))
            await engine.delete(other, ANY_STATE)
            assert not stepping.done()
            driver.gate.set()
            assert (await stepping).step == 1

    go(scene)


@pytest.mark.usefixtures("in_threads")
def test_a_step_that_waits_for_a_deleted_session_is_not_found() -> None:
    """The step under way ends, then the session is deleted, then who still waits for its turn hears so."""

    async def scene() -> None:
        driver = GatedDriver()
        async with an_engine(driver=driver) as engine:
            await engine.create(RUN, creation([1.0]))
            first = asyncio.create_task(step(engine, [0.5]))
            await driver.reached()
            deleting = asyncio.create_task(engine.delete(RUN, ANY_STATE))
            await until(lambda: in_line(engine._turns) == 2)
            waiting: list[asyncio.Task[Any]] = [
                asyncio.create_task(step(engine, [0.5])),
                asyncio.create_task(engine.put_params(RUN, values([2.0]), ANY_STATE)),
                asyncio.create_task(engine.params(RUN, see)),
            ]
            await until(lambda: in_line(engine._turns) == 5)
            driver.gate.set()
            assert (await first).step == 1
            await deleting
            for task in waiting:
                with pytest.raises(SessionNotFound):
                    await task
            assert (driver.steps, len(engine.table), engine.table.used_bytes) == (1, 0, 0)

    go(scene)


@pytest.mark.usefixtures("in_threads")
def test_a_step_decoded_for_another_dtype_is_not_found() -> None:
    """Where the session was deleted and created anew with another dtype meanwhile, nothing is mixed."""

    async def scene() -> None:
        driver = GatedDriver()
        async with an_engine(driver=driver) as engine:
            await engine.create(RUN, creation([1.0]))
            first = asyncio.create_task(step(engine, [0.5]))
            await driver.reached()
            deleting = asyncio.create_task(engine.delete(RUN, ANY_STATE))
            await until(lambda: in_line(engine._turns) == 2)
            creating = asyncio.create_task(engine.create(RUN, creation([1.0], dtype="float32")))
            await until(lambda: in_line(engine._turns) == 3)
            late = asyncio.create_task(engine.step(RUN, request([0.5]), see))
            later = asyncio.create_task(engine.put_params(RUN, values([0.5]), ANY_STATE))
            await until(lambda: in_line(engine._turns) == 5)
            driver.gate.set()
            await asyncio.gather(first, deleting, creating)
            for task in (late, later):
                with pytest.raises(SessionNotFound, match="holds float32"):
                    await task
            assert (await state_of(engine))[1:] == (0, (values([1.0], "float32").flat.tobytes(), bytes(4), bytes(4)))

    go(scene)
