"""GET params with wait_for_step: what ends a wait, and what it gives then."""

from collections.abc import Callable

import httpx
import pytest

from tests.api.raw import Wire
from tests.server import Handle, Running, Servers, in_thread, running

Waiting = Callable[..., Callable[[], httpx.Response]]


@pytest.fixture
def waiting(server: Running, session: Handle) -> Waiting:
    """Begins a long-poll on a session that has taken no step; what it returns waits for the answer."""
    session.create(params=[1.0, 2.0])

    def begin(step: int = 1, headers: dict[str, str] | None = None, **query: float) -> Callable[[], httpx.Response]:
        before = server.waits(session)
        join = in_thread(lambda: session.params(headers, wait_for_step=step, timeout_s=60, **query))
        server.until_waiting(session, before + 1)
        return join

    return begin


@pytest.mark.parametrize("step", [0, 1, 2])
def test_a_step_that_is_taken_already_is_not_waited_for(session: Handle, step: int) -> None:
    """The answer is there at once, with the current step."""
    session.create(params=[1.0, 2.0])
    session.step([0.5, -0.5])
    session.step([0.5, -0.5])
    answer = session.params(wait_for_step=step)
    assert (answer.status_code, answer.json()["step"]) == (200, 2)


def test_the_wait_ends_at_its_step(server: Running, session: Handle, waiting: Waiting) -> None:
    """Earlier steps do not end it; the answer has what that step gave."""
    join = waiting(2)
    session.step([0.5, -0.5])
    assert server.waits(session) == 1
    last = session.step([0.5, -0.5])
    answer = join()
    assert (answer.status_code, answer.content) == (200, last.content)
    assert answer.headers["etag"] == last.headers["etag"]


def test_each_waits_for_its_own_step(server: Running, session: Handle, waiting: Waiting) -> None:
    """Of several waits those are over whose step is reached."""
    joins = [waiting(step) for step in (1, 1, 3)]
    session.step([0.5, -0.5])
    assert [join().json()["step"] for join in joins[:2]] == [1, 1]
    assert server.waits(session) == 1
    session.step([0.5, -0.5])
    session.step([0.5, -0.5])
    assert joins[2]().json()["step"] == 3


@pytest.mark.parametrize(
    "change", [Handle.reset, lambda s: s.put_params([7.0, 7.0]), lambda s: s.put_state(s.state().json())]
)
def test_another_incarnation_ends_the_wait(
    session: Handle, waiting: Waiting, change: Callable[[Handle], httpx.Response]
) -> None:
    """Reset, PUT params and PUT state end it: 200 with what is there, whose ETag tells of another life."""
    join = waiting(5)
    changed = change(session)
    answer = join()
    assert (answer.status_code, answer.json()["step"]) == (200, 0)
    assert answer.headers["etag"] == changed.headers["etag"] == session.tag()


def test_a_deleted_session_ends_the_wait(session: Handle, waiting: Waiting) -> None:
    """404: there is nothing to wait for."""
    join = waiting(5)
    session.delete()
    assert (join().status_code, join().json()["code"]) == (404, "session-not-found")


@pytest.mark.parametrize("timeout_s", ["0", "0.05", "1e-2"])
def test_the_time_ends_the_wait(session: Handle, timeout_s: str) -> None:
    """200 with what is there; 304 where the caller has it."""
    session.create(params=[1.0, 2.0])
    answer = session.params(wait_for_step=5, timeout_s=timeout_s)
    assert (answer.status_code, answer.json()) == (200, {"step": 0, "params": [1.0, 2.0]})
    unchanged = session.params({"If-None-Match": session.tag()}, wait_for_step=5, timeout_s=timeout_s)
    assert (unchanged.status_code, unchanged.headers["etag"]) == (304, session.tag())


def test_a_wait_that_is_worth_it_is_no_304(session: Handle, waiting: Waiting) -> None:
    """If-None-Match is judged when the wait is over."""
    join = waiting(1, {"If-None-Match": session.tag()})
    session.step([0.5, -0.5])
    assert (join().status_code, join().json()["step"]) == (200, 1)


def test_the_longest_wait_is_a_setting(servers: Servers) -> None:
    """max_wait_s bounds timeout_s, and the default wait is no longer than it."""
    server = servers(max_wait_s=0.05)
    session = server.session()
    session.create(params=[1.0])
    assert session.params(wait_for_step=1).json()["step"] == 0
    assert session.params(wait_for_step=1, timeout_s="0.05").status_code == 200
    refused = session.params(wait_for_step=1, timeout_s="0.051")
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid-query")
    assert "0.05" in refused.json()["detail"]


def test_an_unshaped_session_can_be_waited_for(server: Running, session: Handle) -> None:
    """Its first step ends the wait; before that there is nothing to give."""
    session.create()
    assert session.params(wait_for_step=1, timeout_s=0).json()["code"] == "session-has-no-shape"
    join = in_thread(lambda: session.params(wait_for_step=1, timeout_s=60))
    server.until_waiting(session)
    session.step([1.0], params=[2.0])
    assert join().json()["step"] == 1


def test_a_step_that_changes_nothing_does_not_end_the_wait(server: Running, session: Handle, waiting: Waiting) -> None:
    """Refused steps and replays leave it waiting."""
    session.step([0.5, -0.5], key="a")
    join = waiting(2)
    assert session.step([1e300, 1.0]).status_code == 422
    assert session.step([1.0]).status_code == 422
    assert session.step([1.0, 1.0], if_match='"stale"').status_code == 412
    assert session.step([0.5, -0.5], key="a").status_code == 200
    assert server.waits(session) == 1
    session.step([0.5, -0.5])
    assert join().json()["step"] == 2


def test_a_caller_that_goes_away_is_not_waited_for(server: Running, session: Handle) -> None:
    """When the connection ends the wait is over, and the session is held by nobody."""
    session.create(params=[1.0], ttl_s=3600)
    with Wire(server.port) as wire:
        wire.request("GET", session.path + "/params?wait_for_step=1&timeout_s=60")
        server.until_waiting(session)
    server.until_waiting(session, 0)
    lease = next(lease for key, lease in server.engine.table._leases.items() if key.id == session.id)
    assert server.call(lambda: lease.holds) == 0


def test_head_waits_too(server: Running, session: Handle) -> None:
    """HEAD is GET without the body."""
    session.create(params=[1.0])
    join = in_thread(lambda: session.http.head(session.path + "/params", params={"wait_for_step": 1}))
    server.until_waiting(session)
    session.step([0.5])
    answer = join()
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (200, b"", session.tag())


def test_the_drain_ends_all_waits() -> None:
    """Waits are answered with what is there, later ones at once; /readyz is 503, and steps are still taken."""
    with running() as server:
        session = server.session()
        session.create(params=[1.0, 2.0])
        assert server.http.get("/readyz").status_code == 200
        join = in_thread(lambda: session.params(wait_for_step=5, timeout_s=60))
        server.until_waiting(session)
        server.drain()
        assert (join().status_code, join().json()["step"]) == (200, 0)
        assert session.params(wait_for_step=5, timeout_s=60).json()["step"] == 0
        refused = server.http.get("/readyz")
        assert (refused.status_code, refused.json()["code"]) == (503, "not-ready")
        assert refused.headers["retry-after"]
        assert server.http.get("/livez").status_code == 200
        assert session.step([0.5, -0.5]).status_code == 200


@pytest.mark.parametrize("more", ["", ', "other-7"'])
def test_a_life_that_ended_before_is_not_waited_for(session: Handle, more: str) -> None:
    """Who names states of other incarnations only learns at once that the session was replaced."""
    known = session.create(params=[1.0, 2.0]).headers["etag"]
    session.reset()
    answer = session.params({"If-None-Match": known + more}, wait_for_step=1, timeout_s=60)
    assert (answer.status_code, answer.json()) == (200, {"step": 0, "params": [1.0, 2.0]})
    assert answer.headers["etag"] == session.tag() != known


@pytest.mark.parametrize("named", ["*", '"other-0", {current}', "{current}"])
def test_a_life_that_goes_on_is_waited_for(server: Running, session: Handle, named: str) -> None:
    """A state of the present incarnation, or whatever it may be: the wait is for the step."""
    current = session.create(params=[1.0, 2.0]).headers["etag"]
    headers = {"If-None-Match": named.format(current=current)}
    join = in_thread(lambda: session.params(headers, wait_for_step=1, timeout_s=60))
    server.until_waiting(session)
    session.step([0.5, -0.5])
    answer = join()
    assert answer.status_code == (304 if named == "*" else 200)
    assert answer.headers["etag"] == session.tag()
