"""Long-polls against a real service: what ends a wait, and what it gives then."""

import pytest
from clients.python.tests.awaited import MAKERS

import stepd_client
from tests.server import in_thread, running

PARAMS = [1.0, 2.0, 3.0]
GRADS = [0.5, -0.25, 0.125]


@pytest.fixture(scope="module")
def server():
    """A service in a thread of this process, which tells who waits."""
    with running() as started:
        yield started


@pytest.fixture(params=MAKERS)
def make(request):
    """Makes a client of either kind."""
    return MAKERS[request.param]


@pytest.fixture
def client(server, make):
    """A client of that service."""
    with make(server.url) as connected:
        yield connected


@pytest.fixture
def waiting(server, client):
    """A session, and what begins another object's wait for it: gives the object, and what waits for the end."""
    session = client.session(params=PARAMS)

    def begin(step, timeout_s=None):
        waiter = client.session(session.id)
        join = in_thread(lambda: waiter.wait_for_step(step, timeout_s))
        server.until_waiting(session)
        return waiter, join

    return session, begin


def test_a_wait_ends_when_another_takes_the_step(waiting):
    """What comes back is what that step gave, and the waiter goes on from there."""
    session, begin = waiting
    waiter, join = begin(2)
    session.step(GRADS)
    stepped = session.step(GRADS)
    assert join().tolist() == stepped
    assert (waiter.step_number, waiter.etag) == (2, session.etag)
    waiter.step(GRADS)
    assert waiter.step_number == 3


def test_a_step_that_is_taken_already_is_not_waited_for(client):
    """Waiting for the past, or for now, is fetching the params, however long one would wait."""
    session = client.session(params=PARAMS)
    behind = client.session(session.id)
    assert session.wait_for_step(0) == PARAMS
    session.step(GRADS)
    stepped = session.step(GRADS)
    assert behind.wait_for_step(1).tolist() == stepped
    assert behind.step_number == 2


def test_a_wait_that_is_over_tells_by_the_step_number(client):
    """The current params come back when the time is over; the step number tells that the step is not taken."""
    session = client.session(params=PARAMS)
    client.session(session.id).step(GRADS)
    params = session.wait_for_step(5, timeout_s=0.05)
    assert (params, session.step_number) == (client.session(session.id).params.tolist(), 1)
    assert session.wait_for_step(5, timeout_s=0) == params


@pytest.mark.parametrize(
    "change", [lambda session: session.reset(), lambda session: session.put_params([7.0, 8.0, 9.0])]
)
def test_another_life_ends_a_wait(waiting, change):
    """What is there then is given, under the ETag of the new life."""
    session, begin = waiting
    waiter, join = begin(7)
    change(session)
    assert join().tolist() == session.params
    assert (waiter.step_number, waiter.etag) == (0, session.etag)


def test_a_life_that_had_ended_before_the_wait_shows_when_the_first_request_ends(client):
    """An object that was left behind by a reset is not kept waiting for a step of a life that is over."""
    session = client.session(params=PARAMS)
    behind = client.session(session.id)
    session.reset()
    assert behind.wait_for_step(9, timeout_s=0.05).tolist() == PARAMS
    assert behind.etag == session.etag


def test_a_session_that_is_deleted_ends_a_wait(waiting):
    """There is nothing to wait for any longer: SessionNotFound."""
    session, begin = waiting
    _, join = begin(7)
    session.delete()
    with pytest.raises(stepd_client.SessionNotFound):
        join()


def test_a_service_that_shuts_down_ends_a_wait(make):
    """A wait without end is over when the service drains, with what is there."""
    with running() as server, make(server.url) as connected:
        session = connected.session(params=PARAMS)
        join = in_thread(lambda: session.wait_for_step(1))
        server.until_waiting(session)
        server.drain()
        assert join() == PARAMS
        assert session.step_number == 0


def test_a_service_that_allows_short_waits_is_asked_several_times(make):
    """Where a request may wait a twentieth of a second, a longer wait still ends with the step."""
    with running(max_wait_s=0.05) as server, make(server.url) as connected:
        session = connected.session(params=PARAMS)
        waiter = connected.session(session.id)
        assert waiter.wait_for_step(1, timeout_s=0.2).tolist() == PARAMS
        join = in_thread(lambda: waiter.wait_for_step(1))
        server.until_waiting(session)
        stepped = session.step(GRADS)
        assert join().tolist() == stepped
        assert waiter.step_number == 1


def test_the_clients_patience_counts_from_the_end_of_the_wait(server, client, make):
    """A client that gives the service two tenths of a second to answer waits for longer where it is told to."""
    session = client.session(params=PARAMS)
    with make(server.url, timeout_s=0.2, sleep=lambda seconds: None) as hasty:
        waiter = hasty.session(session.id)
        assert waiter.wait_for_step(1, timeout_s=0.6).tolist() == PARAMS


def test_a_session_without_a_shape_can_be_waited_for(client):
    """Without a shape there are no params to give; the first step gives both."""
    session = client.session()
    assert session.wait_for_step(1, timeout_s=0.05) is None
    stepped = client.session(session.id).step(GRADS, params=PARAMS)
    assert session.wait_for_step(1).tolist() == stepped
    assert session.shape == (3,)


def test_params_that_were_left_with_the_service_come_with_the_wait(client):
    """After a step without params in its answer the wait brings them, whether or not anything happens meanwhile."""
    session = client.session(params=PARAMS)
    session.step(GRADS, return_params=False)
    assert session.wait_for_step(2, timeout_s=0.05) == client.session(session.id).params.tolist()
    assert session.step_number == 1
