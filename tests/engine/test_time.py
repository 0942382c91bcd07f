"""Time in the engine: sessions expire, requests hold and renew them, waits end. The clock goes on only when told to."""

import asyncio
from dataclasses import replace

import pytest

from stepd.engine import beginnings, changes, local, residence, upkeep, using, work
from stepd.engine.contract import ANY_STATE
from stepd.engine.local import LocalEngine
from stepd.errors import InvalidQuery, SessionExpired, SessionNotFound
from tests.engine.engines import (
    RUN,
    Clock,
    GatedDriver,
    an_engine,
    creation,
    go,
    request,
    restoration_of,
    see,
    see_all,
    step,
    until,
)
from tests.sessions.runs import values


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    for module in (beginnings, changes, local, residence, upkeep, using):
        monkeypatch.setattr(module, "time", made)
    return made


def gone(engine: LocalEngine) -> bool:
    return engine.table._sessions.get(RUN) is None


def test_a_request_holds_a_session(clock: Clock) -> None:
    """However long it takes, the session is there; when it has succeeded the time starts anew."""

    async def scene() -> None:
        async with an_engine() as engine:
            about, _ = await engine.create(RUN, creation([1.0], ttl_s=10.0))
            assert about.expires_at == clock.time() + 10.0
            async with engine.using(RUN):
                clock.now += 100.0
                engine.table.sweep(clock.now)
                async with engine.using(RUN):
                    clock.now += 100.0
                assert (await step(engine, [0.5])).step == 1
            async with engine.using(RUN):
                about = await engine.describe(RUN)
                assert about.expires_at == clock.time() + 10.0
            clock.now += 9.9
            async with engine.using(RUN):
                pass
            clock.now += 10.0
            with pytest.raises(SessionExpired):
                await engine.params(RUN, see)

    go(scene)


def test_a_request_that_fails_renews_nothing(clock: Clock) -> None:
    """What is refused is no use of the session; held beyond its time, it goes when the request ends."""

    async def scene() -> None:
        async with an_engine() as engine:
            await engine.create(RUN, creation([1.0], ttl_s=10.0))
            clock.now += 9.0

            async def refused() -> None:
                async with engine.using(RUN):
                    clock.now += 9.0
                    raise InvalidQuery("no such thing")

            with pytest.raises(InvalidQuery):
                await refused()
            assert not gone(engine)
            with pytest.raises(SessionExpired):
                async with engine.using(RUN):
                    pytest.fail("it has expired")
            assert gone(engine)

    go(scene)


def test_a_step_without_its_caller_holds_the_session(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session does not expire under a step that goes on for a caller who has gone; it is counted exactly after it."""
    monkeypatch.setattr(work, "THREAD_SIZE", 1)

    async def scene() -> None:
        driver = GatedDriver()
        async with an_engine(driver=driver) as engine:
            await engine.create(RUN, creation([1.0], ttl_s=10.0))
            left = asyncio.create_task(step(engine, [0.5], idempotency_key="k"))
            await driver.reached()
            left.cancel()
            await asyncio.gather(left, return_exceptions=True)
            clock.now += 100.0
            assert engine.table.sweep(clock.now) == []
            driver.gate.set()
            await until(lambda: not engine._work.changes)
            assert not gone(engine)
            assert engine.table.used_bytes == engine.table._sessions[RUN].nbytes
            clock.now += 1.0
            assert engine.table.sweep(clock.now) == [RUN]
            assert engine.table.used_bytes == 0

    go(scene)


def test_no_verb_finds_an_expired_session(clock: Clock) -> None:
    """Whatever is asked of a session past its time, it has expired, though nobody has swept it away."""

    async def scene() -> None:
        async with an_engine() as engine:
            await engine.create(RUN, creation([1.0], ttl_s=10.0))
            restoration = await restoration_of(engine)
            for verb in (
                lambda: step(engine, [0.5]),
                lambda: engine.params(RUN, see),
                lambda: engine.checkpoint(RUN, see_all),
                lambda: engine.put_params(RUN, values([2.0]), ANY_STATE),
                lambda: engine.reset(RUN, ANY_STATE),
                lambda: engine.delete(RUN, ANY_STATE),
                lambda: engine.wait(RUN, 1, 1000.0),
                lambda: engine.using(RUN).__aenter__(),
            ):
                clock.now += 10.0
                with pytest.raises(SessionExpired):
                    await verb()
                _, is_new = await engine.restore(RUN, replace(restoration, ttl_s=10.0), ANY_STATE)
                assert is_new

    go(scene)


def test_using_describes_the_session_as_it_was(clock: Clock) -> None:
    """What a request is told at its start is of one moment, and stays as it was told."""

    async def scene() -> None:
        async with an_engine() as engine:
            await engine.create(RUN, creation([1.0]))
            async with engine.using(RUN):
                about = await engine.describe(RUN)
                await step(engine, [0.5])
                assert (about.step, about.expires_at, about.ttl_s) == (0, None, None)
            async with engine.using(RUN):
                about = await engine.describe(RUN)
                assert (about.step, about.updated_at) == (1, clock.time())
            with pytest.raises(SessionNotFound):
                await engine.using(RUN._replace(id="nobody")).__aenter__()

    go(scene)


def test_a_request_may_delete_what_it_uses(clock: Clock) -> None:
    """The end of the request finds nothing to renew, also where the id was taken anew meanwhile."""

    async def scene() -> None:
        async with an_engine() as engine:
            await engine.create(RUN, creation([1.0], ttl_s=10.0))
            async with engine.using(RUN):
                await engine.delete(RUN, ANY_STATE)
                await engine.create(RUN, creation([1.0], ttl_s=1000.0))
                clock.now += 5.0
            assert engine.table.seconds_left(RUN, clock.now) == 995.0

    go(scene)


def test_asking_again_renews(clock: Clock) -> None:
    """Creating what is there, and restoring over it, count as use; listing does not."""

    async def scene() -> None:
        async with an_engine() as engine:
            await engine.create(RUN, creation([1.0], ttl_s=10.0))
            restoration = await restoration_of(engine)
            for again in (
                lambda: engine.create(RUN, creation([1.0], ttl_s=10.0)),
                lambda: engine.restore(RUN, restoration, ANY_STATE),
            ):
                clock.now += 9.0
                about, is_new = await again()
                assert not is_new
                assert about.expires_at == clock.time() + 10.0
            clock.now += 9.0
            page, _ = await engine.list("default", "", 10, {})
            assert [about.key for about in page] == [RUN]
            clock.now += 1.0
            assert (await engine.list("default", "", 10, {}))[0] == []

    go(scene)


def test_the_sweeper_deletes_what_nobody_asks_for(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session goes when its time has come, and who waits for a step of it hears so."""
    monkeypatch.setattr(upkeep, "SWEEP_INTERVAL_S", 0)

    async def scene() -> None:
        async with an_engine() as engine:
            await engine.create(RUN, creation([1.0], ttl_s=10.0))
            waiting = asyncio.create_task(engine.wait(RUN, 5, 1000.0))
            await until(lambda: RUN in engine._waiters._waiters)
            clock.now += 10.0
            with pytest.raises(SessionExpired):
                await waiting
            assert gone(engine)

    go(scene)


def test_a_wait_ends_with_its_step() -> None:
    """It returns when the step is reached, at once where it was, and after the time at the latest."""

    async def scene() -> None:
        async with an_engine() as engine:
            await engine.create(RUN, creation([1.0]))
            waiting = asyncio.create_task(engine.wait(RUN, 2, 1000.0))
            await until(lambda: RUN in engine._waiters._waiters)
            await step(engine, [0.5])
            assert not waiting.done()
            await step(engine, [0.5])
            await waiting
            await engine.wait(RUN, 2, 1000.0)
            await engine.wait(RUN, 0, 1000.0)
            await engine.wait(RUN, 3, 0.0)

    go(scene)


@pytest.mark.parametrize("change", ["params", "reset", "restore"])
def test_a_wait_ends_with_the_incarnation(change: str) -> None:
    """The step that was waited for won't come: another life of the session has begun."""

    async def scene() -> None:
        async with an_engine() as engine:
            await engine.create(RUN, creation([1.0]))
            restoration = await restoration_of(engine)
            waiting = asyncio.create_task(engine.wait(RUN, 5, 1000.0))
            await until(lambda: RUN in engine._waiters._waiters)
            await {
                "params": lambda: engine.put_params(RUN, values([2.0]), ANY_STATE),
                "reset": lambda: engine.reset(RUN, ANY_STATE),
                "restore": lambda: engine.restore(RUN, restoration, ANY_STATE),
            }[change]()
            await waiting

    go(scene)


def test_a_wait_ends_with_the_session_and_with_the_service() -> None:
    """Deleted: not found. Drained: as if the time were up, for those who come later too; steps go on."""

    async def scene() -> None:
        async with an_engine() as engine:
            await engine.create(RUN, creation([1.0]))
            waiting = asyncio.create_task(engine.wait(RUN, 5, 1000.0))
            await until(lambda: RUN in engine._waiters._waiters)
            await engine.delete(RUN, ANY_STATE)
            with pytest.raises(SessionNotFound):
                await waiting
            with pytest.raises(SessionNotFound):
                await engine.wait(RUN, 5, 1000.0)
            await engine.create(RUN, creation([1.0]))
            waiting = asyncio.create_task(engine.wait(RUN, 5, 1000.0))
            await until(lambda: RUN in engine._waiters._waiters)
            engine.drain()
            await waiting
            await engine.wait(RUN, 5, 1000.0)
            assert (await engine.step(RUN, request([0.5]), see)).step == 1

    go(scene)
