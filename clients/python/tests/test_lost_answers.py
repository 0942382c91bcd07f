"""Once is once: every verb, called and awaited, against a real service through a proxy that loses answers."""

from collections.abc import Iterator

import numpy as np
import pytest
from clients.python.tests.awaited import MAKERS
from clients.python.tests.dropping_proxy import DroppingProxy, Loss
from clients.python.tests.reference import ReferenceAdadelta

from stepd_client import (
    Adadelta,
    ConnectionFailed,
    PreconditionFailed,
    RequestTimedOut,
    RetryPolicy,
    SessionNotFound,
)

GRADS = np.array([0.5, -0.25, 0.125])
PARAMS = np.array([1.0, 2.0, 3.0])
LOSSES = [Loss.CLOSED, Loss.RESET, Loss.CUT]


@pytest.fixture(scope="module")
def proxy(live_server) -> Iterator[DroppingProxy]:
    with DroppingProxy(live_server) as running:
        yield running


@pytest.fixture(params=MAKERS)
def make(request):
    """Makes a client of either kind."""
    return MAKERS[request.param]


@pytest.fixture
def through(proxy, make):
    """A client behind the proxy."""
    with make(proxy.url, sleep=lambda seconds: None) as client:
        yield client


@pytest.fixture
def session(through):
    """A new session behind the proxy."""
    return through.session(params=PARAMS)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_step_whose_answer_is_lost_is_applied_once(proxy, session, client, loss):
    """The same request is sent again and answered with what the first one did: one step, with the formula's bits."""
    proxy.lose(loss)
    params = session.step(GRADS)
    first, second = proxy.seen
    assert first == second
    assert first.key
    assert first.if_match
    assert first.status == 200
    expected = ReferenceAdadelta(PARAMS).step(GRADS)
    assert params.tobytes() == expected.tobytes()
    assert client.session(session.id).params.tobytes() == expected.tobytes()
    assert (session.step_number, client.session(session.id).step_number) == (1, 1)


def test_many_steps_through_a_proxy_that_loses_most_answers_are_each_applied_once(proxy, session):
    """Twenty steps with up to three lost answers each give the formula's bits after exactly twenty steps."""
    reference = ReferenceAdadelta(PARAMS)
    random = np.random.default_rng(7)
    for _ in range(20):
        grads = random.standard_normal(3)
        proxy.lose(*(LOSSES[way] for way in random.integers(0, 3, random.integers(0, 4))))
        assert session.step(grads).tobytes() == reference.step(grads).tobytes()
    assert session.step_number == session.describe().step == 20
    assert session.state().state["acc_delta"].tobytes() == reference.acc_delta.tobytes()


def test_a_step_without_params_in_its_answer_is_applied_once_too(proxy, session):
    """A lost 204 is repeated as a 204, and the session goes on from the ETag of the replay."""
    proxy.lose(Loss.RESET)
    assert session.step(GRADS, return_params=False) is None
    assert [seen.status for seen in proxy.seen] == [204, 204]
    assert session.step_number == 1
    assert session.fetch_params().tobytes() == ReferenceAdadelta(PARAMS).step(GRADS).tobytes()


def test_a_replay_after_which_others_have_stepped_gives_what_is_there_now(proxy, session, client):
    """The answer to a repeated step is the session as it is: the object goes on from there, another's step included."""
    proxy.lose(Loss.CLOSED, meanwhile=lambda: client.session(session.id).step(GRADS))
    params = session.step(GRADS)
    reference = ReferenceAdadelta(PARAMS)
    reference.step(GRADS)
    assert params.tobytes() == reference.step(GRADS).tobytes()
    assert (session.step_number, session.describe().step) == (2, 2)


def test_stepping_again_after_all_answers_were_lost_is_refused(proxy, session):
    """Where every attempt is lost, the error says that it may have been applied; a new step can't be applied on top."""
    proxy.lose(*[Loss.CLOSED] * 4)
    with pytest.raises(ConnectionFailed) as raised:
        session.step(GRADS)
    assert raised.value.maybe_applied
    with pytest.raises(PreconditionFailed) as stale:
        session.step(GRADS)
    assert (stale.value.step, stale.value.resent) == (1, False)
    assert session.fetch_params().tobytes() == ReferenceAdadelta(PARAMS).step(GRADS).tobytes()
    assert session.step(GRADS).shape == (3,)
    assert session.step_number == 2


def test_a_step_whose_answer_does_not_come_in_time_is_applied_once(proxy, client, make):
    """After a timeout the same request is sent again, and answered with what the first one did."""
    made = client.session(params=PARAMS)
    proxy.lose(None, None, Loss.HELD)
    with make(proxy.url, timeout_s=1.0, sleep=lambda seconds: None) as impatient:
        params = impatient.session(made.id).step(GRADS)
    steps = [seen for seen in proxy.seen if seen.line.startswith("POST")]
    assert len(steps) >= 2
    assert set(steps) == {steps[0]}
    assert params.tobytes() == ReferenceAdadelta(PARAMS).step(GRADS).tobytes()
    assert made.describe().step == 1


def test_a_service_that_does_not_answer_is_a_timeout(proxy, make):
    """A held answer raises RequestTimedOut once the attempts are used up."""
    proxy.lose(Loss.HELD)
    with (
        make(proxy.url, timeout_s=0.2, retry=RetryPolicy(attempts=1)) as impatient,
        pytest.raises(RequestTimedOut),
    ):
        impatient.info()


CHANGES = {
    "put_params": lambda session, checkpoint: session.put_params([4.0, 5.0, 6.0]),
    "reset": lambda session, checkpoint: session.reset(),
    "restore": lambda session, checkpoint: session.restore(checkpoint),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_whose_answer_is_lost_is_applied_once_and_says_so(proxy, session, change, loss):
    """The repetition is refused with `resent`; who looks finds the change made, once, and goes on from there."""
    checkpoint = session.state()
    stepped = session.step(GRADS)
    before = session.etag
    proxy.lose(loss)
    with pytest.raises(PreconditionFailed) as raised:
        CHANGES[change](session, checkpoint)
    assert raised.value.resent
    assert session.etag == before
    assert [(seen.status, seen.if_match) for seen in proxy.seen] == [(200, before), (412, before)]
    found = session.fetch_params()
    assert session.etag == raised.value.etag != before
    expected = {"put_params": [4.0, 5.0, 6.0], "reset": stepped, "restore": PARAMS}[change]
    assert found.tolist() == list(expected)
    assert session.step_number == {"put_params": 1, "reset": 0, "restore": 0}[change]


@pytest.mark.parametrize("loss", LOSSES)
def test_a_wait_whose_answer_is_lost_is_asked_for_again(proxy, session, client, loss):
    """A long-poll changes nothing: the second one finds the step that ended the first."""
    stepped = client.session(session.id).step(GRADS)
    proxy.lose(loss)
    assert session.wait_for_step(1).tobytes() == stepped.tobytes()
    assert [seen.status for seen in proxy.seen] == [200, 200]


@pytest.mark.parametrize("loss", [Loss.CLOSED, Loss.RESET])
@pytest.mark.parametrize("delete", [lambda client, session: session.delete(), lambda c, session: c.delete(session.id)])
def test_a_delete_whose_answer_is_lost_is_done(proxy, session, through, client, delete, loss):
    """The repetition finds nothing, which is what was asked for."""
    proxy.lose(loss)
    delete(through, session)
    assert [seen.status for seen in proxy.seen] == [204, 404]
    with pytest.raises(SessionNotFound):
        client.session(session.id)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_create_whose_answer_is_lost_attaches_to_the_session_that_it_made(proxy, through, client, loss):
    """The repetition of a create finds the same session, even if somebody has stepped it since."""
    session_id = f"lost-{type(through).__name__}-{loss.name}"
    proxy.lose(loss, meanwhile=lambda: client.session(session_id).step(GRADS))
    session = through.session(session_id, optimizer=Adadelta(), params=PARAMS)
    assert [seen.status for seen in proxy.seen] == [201, 200, 200]
    assert session.step_number == 1
    assert session.params.tobytes() == ReferenceAdadelta(PARAMS).step(GRADS).tobytes()


@pytest.mark.parametrize("found", [False, True])
def test_a_restore_under_an_id_whose_answer_is_lost_is_applied_once_and_says_so(proxy, session, through, found):
    """Whether the id was free or not: the repetition is refused with `resent`, and the session is there, restored."""
    checkpoint = session.state()
    session_id = f"restored-{session.id}"
    if found:
        through.restore(session_id, checkpoint).step(GRADS)
    proxy.lose(None, Loss.CLOSED)
    with pytest.raises(PreconditionFailed) as raised:
        through.restore(session_id, checkpoint)
    assert raised.value.resent
    assert [seen.status for seen in proxy.seen] == ([200, 200, 412] if found else [404, 201, 412])
    restored = through.session(session_id)
    assert (restored.etag, restored.step_number) == (raised.value.etag, 0)
    assert restored.params.tobytes() == PARAMS.tobytes()
