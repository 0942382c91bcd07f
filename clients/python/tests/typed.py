"""What type checkers see of both clients. Nothing here is run: test_twins.py has mypy check it, strictly."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, assert_type

import numpy as np

from stepd_client import AsyncClient, AsyncSession, Checkpoint, Client, Incarnation, PastStep, Session, SessionInfo
from stepd_client.values import FloatArray


def called(client: Client) -> None:
    """Results come at once; a step gives the kind that it was given."""
    session = client.session("typed", params=[1.0], labels={"run": "7"})
    assert_type(session, Session)
    assert_type(session.step(np.ones(3)), FloatArray)
    assert_type(session.step(np.ones(3), [1.0], lr=0.5, return_params=True), FloatArray)
    assert_type(session.step({"w": [1.0]}), dict[str, Any])
    assert_type(session.step([1.0]), list[Any])
    assert_type(session.step([1.0], return_params=bool(session.step_number)), Any)
    assert_type(session.wait_for_step(3, timeout_s=1), Any)
    assert_type(session.state(), Checkpoint)
    assert_type(session.describe(), SessionInfo)
    assert_type(session.state(at_step=3, incarnation="abc"), Checkpoint)
    assert_type(session.snapshot(), SessionInfo)
    assert_type(session.history(page_size=3), Iterator[PastStep])
    assert_type(session.incarnations(), list[Incarnation])
    assert_type(session.fork("fork", at_step=3, optimizer={"lr": 0.5}), Session)
    assert_type(client.restore("typed", session.state()), Session)
    assert_type(client.sessions(label={"run": "7"}), Iterator[SessionInfo])
    assert_type(client.step_once({"name": "sgd"}, [1.0], [1.0]), tuple[Any, dict[str, Any]])
    assert_type(Client.local(max_tensors=3), Client)
    session.step(1.0)  # type: ignore[call-overload]
    session.wait_for_step("3")  # type: ignore[arg-type]
    session.wait_for_step(3, patience=1)  # type: ignore[call-arg]
    session.put_params()  # type: ignore[call-arg]
    session.fork(durability="paper")  # type: ignore[arg-type]


async def awaited(client: AsyncClient) -> None:
    """The same results, awaited."""
    session = await client.session("typed", params=[1.0], labels={"run": "7"})
    assert_type(session, AsyncSession)
    assert_type(await session.step(np.ones(3)), FloatArray)
    assert_type(await session.step(np.ones(3), [1.0], lr=0.5, return_params=True), FloatArray)
    assert_type(await session.step({"w": [1.0]}), dict[str, Any])
    assert_type(await session.step([1.0]), list[Any])
    assert_type(await session.step([1.0], return_params=bool(session.step_number)), Any)
    assert_type(await session.wait_for_step(3, timeout_s=1), Any)
    assert_type(await session.state(), Checkpoint)
    assert_type(await session.describe(), SessionInfo)
    assert_type(await session.state(at_step=3, incarnation="abc"), Checkpoint)
    assert_type(await session.snapshot(), SessionInfo)
    assert_type(session.history(page_size=3), AsyncIterator[PastStep])
    assert_type(await session.incarnations(), list[Incarnation])
    assert_type(await session.fork("fork", at_step=3, optimizer={"lr": 0.5}), AsyncSession)
    assert_type(await client.restore("typed", await session.state()), AsyncSession)
    assert_type(client.sessions(label={"run": "7"}), AsyncIterator[SessionInfo])
    assert_type(await client.step_once({"name": "sgd"}, [1.0], [1.0]), tuple[Any, dict[str, Any]])
    assert_type(AsyncClient.local(max_tensors=3), AsyncClient)
    await session.step(1.0)  # type: ignore[call-overload]
    await session.wait_for_step("3")  # type: ignore[arg-type]
    await session.wait_for_step(3, patience=1)  # type: ignore[call-arg]
    await session.put_params()  # type: ignore[call-arg]
    await session.fork(durability="paper")  # type: ignore[arg-type]
    session.reset()  # type: ignore[unused-coroutine]
