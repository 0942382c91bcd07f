"""What only awaiting brings: cancelling, many tasks on one client. The rest is tested for both clients at once."""

import asyncio

import httpx
import numpy as np
import pytest
from clients.python.tests.dropping_proxy import DroppingProxy, Loss
from clients.python.tests.reference import ReferenceAdadelta

from stepd_client import SGD, AsyncClient, Client, PreconditionFailed

GRADS = np.array([0.5, -0.25, 0.125])
PARAMS = np.array([1.0, 2.0, 3.0])


@pytest.fixture(scope="module")
def proxy(live_server):
    with DroppingProxy(live_server) as running:
        yield running


async def until(condition):
    """Returns when the condition holds; the other tasks run meanwhile."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - the proxy's threads can set no asyncio.Event
            await asyncio.sleep(0.002)


async def cancelled(task):
    """Cancels the task and waits for its end."""
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_step_that_is_cancelled_leaves_the_object_as_it_was(proxy):
    """The service may have taken it: stepping again is refused then, and the way back is known."""

    async def run():
        async with AsyncClient(proxy.url) as client:
            session = await client.session(params=PARAMS)
            before = session.etag
            proxy.lose(Loss.HELD)
            stepping = asyncio.ensure_future(session.step(GRADS))
            await until(lambda: proxy.seen)
            await cancelled(stepping)
            assert (session.etag, session.params.tolist()) == (before, PARAMS.tolist())
            with pytest.raises(PreconditionFailed):
                await session.step(GRADS)
            reference = ReferenceAdadelta(PARAMS)
            assert (await session.fetch_params()).tobytes() == reference.step(GRADS).tobytes()
            assert (await session.step(GRADS)).tobytes() == reference.step(GRADS).tobytes()
            assert session.step_number == 2

    asyncio.run(run())


def test_catching_up_that_is_cancelled_halfway_takes_over_nothing(proxy, client):
    """Between the two requests of catching up with another session the object still is the old one, all of it."""

    async def run():
        async with AsyncClient(proxy.url) as connected:
            old = await connected.session("cancelled", params=PARAMS)
            client.delete("cancelled")
            client.session("cancelled", optimizer=SGD(), params=np.ones(2, np.float32))
            before = (old.etag, old.dtype, old.shape, old.optimizer, old.params.tolist())
            proxy.lose(None, Loss.HELD)
            fetching = asyncio.ensure_future(old.fetch_params())
            await until(lambda: len(proxy.seen) == 2)
            await cancelled(fetching)
            assert (old.etag, old.dtype, old.shape, old.optimizer, old.params.tolist()) == before
            assert (await old.fetch_params()).tolist() == [1.0, 1.0]
            assert (old.dtype, old.shape) == (np.dtype("float32"), (2,))

    asyncio.run(run())


def test_a_wait_that_is_cancelled_ends_at_once_and_the_object_goes_on(client, live_server):
    """Giving up on a long-poll costs nothing: the same object steps on over the same client."""

    async def run():
        async with AsyncClient(live_server) as connected:
            session = await connected.session(params=PARAMS)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(session.wait_for_step(5), timeout=0.1)
            assert (await session.step(GRADS)).shape == (3,)
            assert session.step_number == 1

    asyncio.run(run())


def test_a_step_that_is_cancelled_in_a_pause_is_sent_no_more(proxy):
    """Between two attempts there is nothing to lose: after cancelling no further attempt is made."""

    async def run():
        pausing = asyncio.Event()

        async def pause(seconds):
            pausing.set()
            await asyncio.Event().wait()

        async with AsyncClient(proxy.url, sleep=pause) as client:
            session = await client.session(params=PARAMS)
            proxy.lose(Loss.CLOSED)
            stepping = asyncio.ensure_future(session.step(GRADS))
            await pausing.wait()
            await cancelled(stepping)
            assert len(proxy.seen) == 1
            assert (session.step_number, session.params.tolist()) == (0, PARAMS.tolist())

    asyncio.run(run())


def test_many_tasks_step_sessions_of_their_own_through_one_client(live_server):
    """Thirty tasks at once: each session takes its steps, with the formula's bits."""

    async def work(client, number):
        session = await client.session(params=PARAMS + number)
        reference = ReferenceAdadelta(PARAMS + number)
        for _ in range(3):
            assert (await session.step(GRADS)).tobytes() == reference.step(GRADS).tobytes()
        return session.step_number

    async def run():
        async with AsyncClient(live_server) as client:
            return await asyncio.gather(*(work(client, number) for number in range(30)))

    assert asyncio.run(run()) == [3] * 30


class Counting(httpx.AsyncHTTPTransport):
    """Notes how many requests are under way at once, at most."""

    now = most = 0

    async def handle_async_request(self, request):
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            return await super().handle_async_request(request)
        finally:
            self.now -= 1


def test_hundreds_of_tasks_take_turns_at_a_few_connections(live_server):
    """httpx grows slow with every request that is under way, until connecting itself fails for want of time."""

    async def run():
        counting = Counting()
        async with AsyncClient(live_server, transport=counting) as client:
            infos = await asyncio.gather(*(client.info() for _ in range(200)))
        assert len(infos) == 200
        assert 1 < counting.most < 50

    asyncio.run(run())


def test_however_many_tasks_wait_the_step_that_they_wait_for_is_taken(live_server):
    """More waits than a pool has connections by default, and the one who ends them all comes last."""

    async def run():
        async with AsyncClient(live_server) as client:
            stepping = await client.session("many-wait", params=PARAMS)
            waiting = [await client.session("many-wait") for _ in range(110)]
            waits = [asyncio.ensure_future(one.wait_for_step(1, timeout_s=30)) for one in waiting]
            await asyncio.sleep(0)  # theirs are the first requests
            await stepping.step(GRADS)
            await asyncio.gather(*waits)
            assert {one.step_number for one in waiting} == {1}

    asyncio.run(run())


def test_two_steps_at_once_from_one_object_are_one_step(live_server):
    """Both name the same state: the service takes one and refuses the other, which the caller hears of."""

    async def run():
        async with AsyncClient(live_server) as client:
            session = await client.session(params=PARAMS)
            results = await asyncio.gather(session.step(GRADS), session.step(GRADS), return_exceptions=True)
            assert {type(result) for result in results} == {np.ndarray, PreconditionFailed}
            assert (session.step_number, (await session.describe()).step) == (1, 1)

    asyncio.run(run())


def test_a_client_that_was_left_sends_nothing(live_server):
    """Leaving `async with` closes the client, and its sessions with it."""

    async def run():
        async with AsyncClient(live_server) as client:
            session = await client.session(params=PARAMS)
        with pytest.raises(RuntimeError, match="closed"):
            await session.step(GRADS)

    asyncio.run(run())
    with Client(live_server) as client:
        assert client.info()
