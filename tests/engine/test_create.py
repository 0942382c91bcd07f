"""Creating: once, whoever asks again; told apart field by field; reads that spare what the caller has; checkpoints."""

from typing import Any

import pytest

from stepd.engine.contract import ANY_STATE, Creation, Preconditions
from stepd.errors import DigestMismatch, PreconditionFailed, SessionExists, SessionHasNoShape, SessionReplaced
from stepd.optimizers import resolve
from stepd.values import DTYPES, SessionKey, Tensors, digest
from tests.engine.engines import (
    RUN,
    an_engine,
    copied,
    creation,
    go,
    if_match,
    request,
    restoration_of,
    see,
    see_all,
    state_of,
    step,
)
from tests.sessions.runs import values

F8 = DTYPES["float64"]
NEW_ONLY = Preconditions(if_none_match=frozenset("*"))
OTHER = SessionKey("default", "other")


def test_zeros_are_params_of_zeros() -> None:
    """A shape asks for the same as as many zeros do, and minus zeros are something else."""

    async def scene() -> None:
        async with an_engine() as engine:
            shape = Creation(resolve({"name": "adadelta"}, F8), F8, Tensors.unnamed((2,), F8))
            about, is_new = await engine.create(RUN, shape)
            assert is_new
            assert (about.step, about.tensors, about.nbytes) == (0, shape.tensors, engine.table.used_bytes)
            again, is_new = await engine.create(RUN, creation([0.0, 0.0]))
            assert (again, is_new) == (about, False)
            with pytest.raises(SessionExists, match="created with other params"):
                await engine.create(RUN, creation([0.0, -0.0]))

    go(scene)


DIFFERENT: dict[str, tuple[Creation, list[str]]] = {
    "rho": (creation([1.0], rho=0.9), ["optimizer"]),
    "rule": (creation([1.0], rule="sgd"), ["optimizer"]),
    "dtype": (creation([1.0], dtype="float32"), ["dtype"]),
    "shape": (creation([[1.0]]), ["shape"]),
    "names": (creation({"w": [1.0]}), ["shape"]),
    "no shape": (creation(), ["shape"]),
    "params": (creation([2.0]), ["params"]),
}


@pytest.mark.parametrize(("other", "fields"), DIFFERENT.values(), ids=DIFFERENT)
def test_something_else_under_a_taken_id(other: Creation, fields: list[str]) -> None:
    """The refusal names fields, tag and step, and the session goes on as it was."""

    async def scene() -> None:
        async with an_engine() as engine:
            await engine.create(RUN, creation([1.0]))
            answer = await step(engine, [0.5])
            before = await state_of(engine)
            with pytest.raises(SessionExists) as refused:
                await engine.create(RUN, other)
            assert refused.value.extra == {"fields": fields, "etag": f'"{answer.tag}"', "step": 1}
            assert await state_of(engine) == before
            again, is_new = await engine.create(RUN, creation([1.0]))
            assert (again.step, is_new) == (1, False)

    go(scene)


def test_a_restored_session_was_not_created() -> None:
    """Whatever it holds, nobody asked for it by create: that is said."""

    async def scene() -> None:
        async with an_engine() as engine:
            await engine.create(RUN, creation([1.0]))
            await engine.restore(RUN, await restoration_of(engine), ANY_STATE)
            with pytest.raises(SessionExists, match="restored from a checkpoint") as refused:
                await engine.create(RUN, creation([1.0]))
            assert refused.value.extra["fields"] == ["restored"]

    go(scene)


def test_only_a_new_session() -> None:
    """If-None-Match: * lets a create through where nothing is, and else fails with the current tag."""

    async def scene() -> None:
        async with an_engine() as engine:
            about, _ = await engine.create(RUN, creation([1.0]), NEW_ONLY)
            with pytest.raises(PreconditionFailed) as refused:
                await engine.create(RUN, creation([1.0]), NEW_ONLY)
            assert refused.value.extra == {"etag": f'"{about.tag}"', "step": 0}
            with pytest.raises(PreconditionFailed, match="no such session"):
                await engine.create(OTHER, creation([1.0]), if_match("*"))

    go(scene)


def test_reads_spare_what_the_caller_has() -> None:
    """Where If-None-Match names the current state nothing is encoded."""

    async def scene() -> None:
        async with an_engine() as engine:
            await engine.create(RUN, creation([1.0]))
            tag = (await engine.params(RUN, see)).tag
            for known in ({tag}, {"other-1", tag}, {"*"}):
                unless = Preconditions(if_none_match=frozenset(known))
                assert (await engine.params(RUN, pytest.fail, unless)) == (tag, 0, None)  # type: ignore[arg-type]
                assert (await engine.checkpoint(RUN, pytest.fail, unless)) == (tag, 0, None)  # type: ignore[arg-type]
            await step(engine, [0.5])
            unless = Preconditions(if_none_match=frozenset({tag}))
            assert (await engine.params(RUN, see, unless)).encoded is not None

    go(scene)


def test_an_unshaped_session_has_nothing_to_read() -> None:
    """Until it has a shape it is described, and its values are refused."""

    async def scene() -> None:
        async with an_engine() as engine:
            about, _ = await engine.create(RUN, creation())
            assert (about.tensors, about.step) == (None, 0)
            for read in (engine.params(RUN, see), engine.checkpoint(RUN, see_all), step(engine, [0.5])):
                with pytest.raises(SessionHasNoShape):
                    await read
            await step(engine, [0.5], params=[1.0])
            async with engine.using(RUN):
                about = await engine.describe(RUN)
                assert about.tensors == Tensors.unnamed((1,), F8)
                assert about.nbytes == engine.table.used_bytes

    go(scene)


def test_a_checkpoint_with_a_wrong_digest_is_refused() -> None:
    """The digest is checked before anything else, where it is there."""

    async def scene() -> None:
        async with an_engine() as engine:
            await engine.create(RUN, creation([1.0]))
            wrong = await restoration_of(engine, digest=digest(values([2.0]).flat))
            with pytest.raises(DigestMismatch, match=r"have the digest sha-256:.*, not sha-256:") as refused:
                await engine.restore(OTHER, wrong, ANY_STATE)
            assert refused.value.errors[0].pointer == "/digest"
            assert len(engine.table) == 1
            right = await restoration_of(engine, digest=wrong.checkpoint.digest, ttl_s=5.0, labels={"a": "b"})
            about, is_new = await engine.restore(OTHER, right, ANY_STATE)
            assert (is_new, about.ttl_s, about.labels) == (True, 5.0, {"a": "b"})

    go(scene)


def test_a_key_of_an_earlier_life_tells_where_the_session_is() -> None:
    """The refusal has the current tag and step, so that the caller can look before it goes on."""

    async def scene() -> None:
        async with an_engine() as engine:
            await engine.create(RUN, creation([1.0]))
            await step(engine, [0.5], idempotency_key="k")
            about = await engine.reset(RUN, ANY_STATE)
            with pytest.raises(SessionReplaced) as refused:
                await step(engine, [0.5], idempotency_key="k")
            assert refused.value.extra == {"etag": f'"{about.tag}"', "step": 0}

    go(scene)


@pytest.mark.parametrize("rule", ["adadelta", "adagrad", "rmsprop", "sgd"])
def test_a_step_without_a_session_is_a_sessions_step(rule: str) -> None:
    """The stateless form gives the bits that a session gives, and leaves nothing behind."""

    async def scene() -> None:
        async with an_engine() as engine:
            await engine.create(RUN, creation([1.0, -2.0], rule=rule))
            start = await restoration_of(engine)
            for grads in ([0.5, 1.0], [-3.0, 1e-9]):
                await step(engine, grads)
            checkpoint, encoded = start.checkpoint, None
            for grads in ([0.5, 1.0], [-3.0, 1e-9]):
                answer = await engine.step_once(start.optimizer, checkpoint, values(grads), copied)
                checkpoint = answer.encoded
                encoded = see_all("", checkpoint)
            assert encoded == (await state_of(engine))[1:]
            assert len(engine.table) == 1

    go(scene)


def test_an_encode_that_fails_undoes_nothing() -> None:
    """The step was taken; its key finds it, and the turn is handed on."""

    async def scene() -> None:
        async with an_engine() as engine:
            await engine.create(RUN, creation([1.0]))

            def broken(incarnation: str, number: int, params: Any) -> None:
                raise RuntimeError

            with pytest.raises(RuntimeError):
                await engine.step(RUN, request([0.5], idempotency_key="k"), broken)
            again = await step(engine, [0.5], idempotency_key="k")
            assert (again.replayed, again.applied_step) == (True, 1)

    go(scene)


def test_lists_are_pages_of_descriptions() -> None:
    """Ids in order, with the id where the next page begins."""

    async def scene() -> None:
        async with an_engine() as engine:
            for name in ("c", "a", "b"):
                await engine.create(SessionKey("default", name), creation([1.0]))
            page, following = await engine.list("default", "", 2, {})
            assert ([about.key.id for about in page], following) == (["a", "b"], "b")
            page, following = await engine.list("default", "b", 2, {})
            assert ([about.key.id for about in page], following) == (["c"], None)

    go(scene)
