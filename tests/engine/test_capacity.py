"""What does not fit is refused before anything is made, and where the machine itself has no memory nothing is lost."""

from typing import Any

import pytest

from stepd.engine import work
from stepd.engine.contract import ANY_STATE, Creation
from stepd.engine.local import LocalEngine
from stepd.errors import CapacityExceeded, SessionExists
from stepd.optimizers import resolve
from stepd.sessions.keys import KEY_RECORD_BYTES
from stepd.sessions.session import SESSION_BYTES
from stepd.values import DTYPES, SessionKey, Tensors
from tests.engine.engines import (
    RUN,
    an_engine,
    assert_clean,
    creation,
    go,
    request,
    restoration_of,
    see,
    state_of,
    step,
)
from tests.sessions.runs import values

F8 = DTYPES["float64"]
OTHER = SessionKey("default", "other")


def of_shape(*shape: int) -> Creation:
    return Creation(resolve({"name": "adadelta"}, F8), F8, Tensors.unnamed(shape, F8))


@pytest.fixture
def nothing_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Making zeros of any size fails the test."""

    def zeros(tensors: Tensors) -> Any:
        raise AssertionError(f"{tensors.size} values were made")

    monkeypatch.setattr(Tensors, "zeros", zeros)


@pytest.mark.usefixtures("nothing_made")
@pytest.mark.parametrize("shape", [(10**15,), (2**40, 2**40), (10**9,) * 8])
def test_a_shape_beyond_all_memory(shape: tuple[int, ...]) -> None:
    """It is refused by its numbers, before a single value is made."""

    async def scene() -> None:
        async with an_engine(capacity_bytes=10**9) as engine:
            with pytest.raises(CapacityExceeded, match="of 1000000000 are free"):
                await engine.create(RUN, of_shape(*shape))
            assert (len(engine.table), engine.table.used_bytes) == (0, 0)

    go(scene)


def test_asking_for_another_shape_makes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the id is taken by a session of another shape, that is said before anything of the size is made."""

    async def scene() -> None:
        async with an_engine() as engine:
            await engine.create(RUN, creation([1.0, 2.0]))
            with monkeypatch.context() as patch:
                patch.setattr(Tensors, "zeros", lambda tensors: pytest.fail("values were made"))
                with pytest.raises(SessionExists) as refused:
                    await engine.create(RUN, of_shape(10**15))
            assert refused.value.extra["fields"] == ["shape"]

    go(scene)


def test_sessions_fill_the_capacity_and_no_more() -> None:
    """The last byte may be taken; one more session is refused, and a deleted one makes room."""

    async def scene() -> None:
        one = SESSION_BYTES + 3 * 8
        async with an_engine(capacity_bytes=3 * one) as engine:
            for name in "abc":
                await engine.create(SessionKey("default", name), creation([1.0]))
            assert engine.table.used_bytes == engine.table.capacity_bytes
            with pytest.raises(CapacityExceeded, match=rf"needs {one} bytes and 0 of {3 * one} are free"):
                await engine.create(RUN, creation([1.0]))
            await engine.delete(SessionKey("default", "b"), ANY_STATE)
            await engine.create(RUN, creation([1.0]))

    go(scene)


def test_what_does_not_fit_changes_nothing() -> None:
    """A step whose key can't be remembered, or that gives a shape too large, is not applied."""

    async def scene() -> None:
        room = SESSION_BYTES + 3 * 8 + KEY_RECORD_BYTES
        async with an_engine(capacity_bytes=room + SESSION_BYTES) as engine:
            await engine.create(RUN, creation([1.0]))
            await engine.create(OTHER, creation())
            with pytest.raises(CapacityExceeded):
                await engine.step(OTHER, request([0.5] * 100, [1.0] * 100), see)
            with pytest.raises(CapacityExceeded):
                await engine.put_params(OTHER, values([1.0] * 100), ANY_STATE)
            before = await state_of(engine)
            with pytest.raises(CapacityExceeded):
                await step(engine, [0.5], idempotency_key="too long")
            assert await state_of(engine) == before
            assert (await step(engine, [0.5])).step == 1
            await engine.delete(OTHER, ANY_STATE)
            assert (await step(engine, [0.5], idempotency_key="fits now")).step == 2

    go(scene)


def test_a_restore_that_does_not_fit_makes_no_session() -> None:
    """A checkpoint under a new id counts as any new session does."""

    async def scene() -> None:
        async with an_engine(capacity_bytes=SESSION_BYTES + 3 * 8) as engine:
            await engine.create(RUN, creation([1.0]))
            with pytest.raises(CapacityExceeded):
                await engine.restore(OTHER, await restoration_of(engine), ANY_STATE)
            assert len(engine.table) == 1

    go(scene)


class Exhausted:
    """A driver on a machine without memory."""

    name = "exhausted"

    def step(self, *arguments: Any) -> bool:
        raise MemoryError


@pytest.mark.parametrize("thread_size", [1, 100])
def test_a_step_without_memory_changes_nothing(thread_size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In place or in a thread: the refusal is by name, the turn is handed on, the next step is taken."""
    monkeypatch.setattr(work, "THREAD_SIZE", thread_size)

    async def scene() -> None:
        async with an_engine() as engine:
            await engine.create(RUN, creation([1.0]))
            before, driver = await state_of(engine), engine.drivers.current
            engine.drivers.current = Exhausted()
            with pytest.raises(CapacityExceeded, match="no memory left for vectors of 1 value"):
                await step(engine, [0.5], idempotency_key="k")
            assert_clean(engine)
            assert await state_of(engine) == before
            engine.drivers.current = driver
            answer = await step(engine, [0.5], idempotency_key="k")
            assert (answer.step, answer.replayed) == (1, False)

    go(scene)


@pytest.mark.parametrize("thread_size", [1, 100])
def test_creating_without_memory_makes_nothing(thread_size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No session is left behind, and its bytes are not counted."""
    monkeypatch.setattr(work, "THREAD_SIZE", thread_size)

    async def refused(engine: LocalEngine) -> None:
        with pytest.raises(CapacityExceeded, match="no memory left"):
            await engine.create(RUN, of_shape(3))

    async def scene() -> None:
        async with an_engine() as engine:
            with monkeypatch.context() as patch:
                patch.setattr(Tensors, "zeros", Exhausted.step)
                await refused(engine)
            assert (len(engine.table), engine.table.used_bytes) == (0, 0)
            _, is_new = await engine.create(RUN, of_shape(3))
            assert is_new
            before = await state_of(engine)
            with monkeypatch.context() as patch:
                patch.setattr(Tensors, "zeros", Exhausted.step)
                with pytest.raises(CapacityExceeded):
                    await engine.reset(RUN, ANY_STATE)
            assert await state_of(engine) == before

    go(scene)
