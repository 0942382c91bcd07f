"""What the network does to requests, called and awaited: lost answers, resets, busy services, proxies.

No service is needed for these.
"""

import httpx
import numpy as np
import orjson
import pytest
from clients.python.tests.awaited import MAKERS
from clients.python.tests.network import BAD_GATEWAY, LATE, LOST, REFUSED, Network, ok, problem

from stepd_client import (
    Adadelta,
    Checkpoint,
    ConnectionFailed,
    NotReady,
    PreconditionFailed,
    RequestTimedOut,
    RetryPolicy,
    SessionNotFound,
    UnexpectedAnswer,
)


@pytest.fixture(autouse=True, params=MAKERS)
def _kind(request, monkeypatch):
    """Every test here holds for both clients."""
    monkeypatch.setattr(Network, "make", staticmethod(MAKERS[request.param]))


@pytest.mark.parametrize("trouble", [LOST, REFUSED, LATE, BAD_GATEWAY, problem(503, "not-ready")], ids=str)
def test_a_step_is_sent_again_with_the_same_state_and_key(trouble):
    """A step whose answer is lost or refused for now is sent again, byte for byte, with the same If-Match and key."""
    network = Network(trouble, ok({"step": 1, "params": [3.0, 4.0]}, step=1))
    session = network.session()
    assert session.step(np.array([0.5, 0.5])).tolist() == [3.0, 4.0]
    first, second = network.requests
    for name in ("if-match", "idempotency-key"):
        assert first.headers[name] == second.headers[name]
    assert first.headers["if-match"] == '"abc-0"'
    assert first.content == second.content == b'{"grads":[0.5,0.5]}'
    assert (session.step_number, session.etag) == (1, '"abc-1"')


def test_every_step_has_a_key_of_its_own():
    """Two steps with equal gradients are two steps."""
    network = Network(ok({"step": 1, "params": [1.0, 2.0]}, 1), ok({"step": 2, "params": [1.0, 2.0]}, 2))
    session = network.session()
    session.step([0.5, 0.5])
    session.step([0.5, 0.5])
    first, second = network.requests
    assert first.headers["idempotency-key"] != second.headers["idempotency-key"]
    assert (first.headers["if-match"], second.headers["if-match"]) == ('"abc-0"', '"abc-1"')


def test_after_the_last_attempt_the_failure_is_raised():
    """Four attempts by default; then the caller hears that the step may have been applied, and the session stays."""
    network = Network(LOST, LATE, LOST, REFUSED)
    session = network.session()
    with pytest.raises(ConnectionFailed, match="POST /v1/sessions/run/step: connection refused") as raised:
        session.step([0.5, 0.5])
    assert raised.value.maybe_applied
    assert isinstance(raised.value.__cause__, httpx.ConnectError)
    assert len(network.requests) == 4
    assert (session.etag, session.params) == ('"abc-0"', pytest.approx(np.array([1.0, 2.0])))


def test_a_request_that_never_went_out_was_not_applied():
    """Where no connection comes about, it is certain that nothing has happened."""
    network = Network(*[REFUSED] * 4)
    with pytest.raises(ConnectionFailed) as raised:
        network.session().step([0.5, 0.5])
    assert not raised.value.maybe_applied


def test_a_timeout_is_told_from_a_broken_connection():
    """The last attempt's timeout is RequestTimedOut, which is a ConnectionFailed."""
    network = Network(*[LATE] * 2)
    with pytest.raises(RequestTimedOut) as raised:
        network.session(retry=RetryPolicy(attempts=2)).step([0.5, 0.5])
    assert isinstance(raised.value, ConnectionFailed)


def test_pauses_follow_the_policy_and_retry_after():
    """The client waits what the policy says, and at least what the service asks for."""
    busy = problem(503, "over-budget", **{"retry-after": "3"})
    network = Network(LOST, busy, LOST, ok())
    client = network.client(retry=RetryPolicy(base_s=1.0, cap_s=2.0, random=lambda: 0.5))
    network.outcomes.append(ok({"params": [1.0, 2.0]}))
    client.session("run")
    assert network.pauses == [0.5, 4.0, 1.0]


def test_a_problem_that_stays_is_raised_as_what_it_is():
    """After the last attempt the service's own error is raised, with how long it asks to wait."""
    network = Network(*[problem(503, "not-ready", **{"retry-after": "2"})] * 4)
    with pytest.raises(NotReady) as raised:
        network.client().info()
    assert (raised.value.retry_after_s, raised.value.maybe_applied) == (2.0, False)
    assert network.pauses == [2.0, 2.0, 2.0]


def test_a_refusal_is_not_repeated():
    """412 is the caller's to decide: the session object keeps its view, the error tells the current one."""
    network = Network(problem(412, "precondition-failed"))
    session = network.session()
    with pytest.raises(PreconditionFailed) as raised:
        session.step([0.5, 0.5])
    assert (raised.value.etag, raised.value.step, raised.value.resent) == ('"abc-9"', 9, False)
    assert (session.etag, session.step_number, len(network.requests)) == ('"abc-0"', 0, 1)


@pytest.mark.parametrize(
    "verb",
    [
        lambda session: session.reset(),
        lambda session: session.put_params([3.0, 4.0]),
        lambda session: session.restore(
            Checkpoint({"name": "adadelta"}, "float64", 0, [1.0, 2.0], {"square_avg": [0.0, 0.0]})
        ),
        lambda session: session.delete(),
        lambda session: session.step([0.5, 0.5]),
    ],
    ids=["reset", "put_params", "restore", "delete", "step"],
)
@pytest.mark.parametrize(
    ("trouble", "resent"), [(LOST, True), (BAD_GATEWAY, True), (REFUSED, False), (problem(503, "not-ready"), False)]
)
def test_a_refusal_of_a_repetition_says_that_the_first_may_have_been_applied(verb, trouble, resent):
    """412 after a lost answer carries `resent`, unless the first sending certainly came to nothing."""
    network = Network(trouble, problem(412, "precondition-failed"))
    session = network.session()
    with pytest.raises(PreconditionFailed) as raised:
        verb(session)
    assert raised.value.resent is resent
    assert [request.headers["if-match"] for request in network.requests] == ['"abc-0"', '"abc-0"']
    assert (session.etag, session.params.tolist()) == ('"abc-0"', [1.0, 2.0])


def test_only_steps_carry_a_key():
    """Idempotency-Key is for steps; the other verbs are made safe by If-Match alone."""
    network = Network(ok(), ok(), httpx.Response(204))
    session = network.session()
    session.reset()
    session.put_params([3.0, 4.0])
    session.delete()
    assert not any("idempotency-key" in request.headers for request in network.requests)
    assert network.lines == ["POST /v1/sessions/run/reset", "PUT /v1/sessions/run/params", "DELETE /v1/sessions/run"]


@pytest.mark.parametrize("delete", [lambda client, session: session.delete(), lambda client, _: client.delete("run")])
def test_a_session_that_is_gone_on_a_repetition_is_deleted(delete):
    """404 after a lost answer to DELETE is what DELETE was for; without a lost answer it is an error."""
    network = Network(LOST, problem(404, "session-not-found"))
    session = network.session()
    delete(network.client(), session)
    network.outcomes.extend([problem(503, "not-ready"), problem(404, "session-not-found")])
    with pytest.raises(SessionNotFound):
        delete(network.client(), session)


def test_a_session_with_an_id_of_the_services_making_is_asked_for_once():
    """POST /v1/sessions is not repeated: a lost answer would leave a session that nobody knows."""
    for trouble in (LOST, REFUSED, problem(503, "not-ready")):
        network = Network(trouble)
        with pytest.raises((ConnectionFailed, NotReady)):
            network.client().session(params=[1.0])
        assert network.lines == ["POST /v1/sessions"]


def test_a_create_whose_answer_was_lost_attaches_to_what_it_made():
    """PUT is repeated; where the first one created the session the second finds it, and gets its params."""
    network = Network(LOST, ok(status=200), ok({"step": 0, "params": [1.0, 2.0]}))
    session = network.client().session("run", optimizer=Adadelta(), params=[1.0, 2.0])
    assert network.lines == ["PUT /v1/sessions/run"] * 2 + ["GET /v1/sessions/run/params"]
    assert session.params == [1.0, 2.0]


def test_restoring_under_a_free_id_says_that_it_must_be_free():
    """A repetition can't undo what others did after the first: it is refused once there is a session."""
    checkpoint = Checkpoint({"name": "sgd"}, "float64", 7, [1.0, 2.0], {"momentum_buffer": [0.0, 0.0]})
    network = Network(problem(404, "session-not-found"), LOST, problem(412, "precondition-failed"))
    with pytest.raises(PreconditionFailed) as raised:
        network.client().restore("run", checkpoint)
    assert raised.value.resent
    assert [request.headers.get("if-none-match") for request in network.requests] == [None, "*", "*"]
    network = Network(problem(404, "session-expired"), problem(503, "not-ready"), ok(step=7, status=201))
    assert network.client().restore("run", checkpoint, labels={"run": "7"}).step_number == 7
    assert orjson.loads(network.requests[-1].content)["labels"] == {"run": "7"}


def test_restoring_over_a_session_names_the_state_that_it_replaces():
    """Where the id is taken, the request says from which state, and so can be repeated."""
    checkpoint = Checkpoint({"name": "sgd"}, "float64", 7, [1.0, 2.0], {"momentum_buffer": [0.0, 0.0]})
    network = Network(ok(step=3), LOST, ok(step=7, incarnation="new"))
    session = network.client().restore("run", checkpoint)
    assert [request.headers.get("if-match") for request in network.requests] == [None, '"abc-3"', '"abc-3"']
    assert (session.etag, session.params) == ('"new-7"', [1.0, 2.0])


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (httpx.Response(200, html="<html>Log in</html>"), "no JSON object"),
        (httpx.Response(302, headers={"location": "http://elsewhere.test/"}), "not stepd's"),
        (httpx.Response(200, json={"step": 1, "params": [1.0, 2.0]}), "no ETag"),
        (httpx.Response(200, headers={"etag": '"x"'}, json={"step": 1, "params": [1.0, 2.0]}), "the ETag is"),
        (ok({"step": 1}, 1), "no params"),
        (ok({"step": 1, "params": [None, 1.0]}, 1), "params can't be read"),
    ],
    ids=["page", "redirect", "no ETag", "another's ETag", "no params", "no numbers"],
)
def test_answers_that_are_not_stepds_are_unexpected(answer, reason):
    """A proxy's page or another server's answer is never taken for params, and the session stays as it was."""
    network = Network(answer)
    session = network.session()
    with pytest.raises(UnexpectedAnswer, match=reason):
        session.step([0.5, 0.5])
    assert (session.etag, session.params.tolist()) == ('"abc-0"', [1.0, 2.0])


def test_a_description_that_lacks_a_member_is_unexpected():
    """Attaching to something that only looks like a session fails by name."""
    with pytest.raises(UnexpectedAnswer, match="describes no session: KeyError"):
        Network(ok({"id": "run"})).client().session("run")


def test_an_etag_that_a_proxy_weakened_is_used_as_the_service_wrote_it():
    """Proxies that compress mark ETags weak, which If-Match would never match."""
    weak = httpx.Response(200, headers={"etag": 'W/"abc-1"'}, json={"step": 1, "params": [1.0, 2.0]})
    session = Network(weak).session()
    session.step([0.5, 0.5])
    assert session.etag == '"abc-1"'


@pytest.mark.parametrize("values", [[float("nan"), 0.0], ["a", "b"], [[1.0], [1.0, 2.0]]], ids=str)
def test_values_that_cant_be_sent_are_not_sent(values):
    """Bad values are refused before the first request, whichever verb they are given to."""
    network = Network()
    session = network.session()
    for attempt in (
        lambda: session.step(values),
        lambda: session.step([0.5, 0.5], params=values),
        lambda: session.put_params(values),
        lambda: network.client().session("other", params=values),
        lambda: network.client().step_once(Adadelta(), values, [0.5, 0.5]),
        lambda: network.client().step_once(Adadelta(), [0.5, 0.5], values),
        lambda: session.restore(Checkpoint({"name": "sgd"}, "float64", 0, values, {})),
    ):
        with pytest.raises((TypeError, ValueError)):
            attempt()
    with pytest.raises(ValueError, match="lr is nan"):
        session.step([0.5, 0.5], lr=float("nan"))
    assert network.requests == []


@pytest.mark.parametrize("session_id", ["", "..", "a/b", "a b", "-a", "x" * 65, "a\n", "ä"])
def test_ids_that_no_session_can_have_are_refused_before_they_reach_a_path(session_id):
    """An id is checked locally, since one like `..` would name another resource."""
    network = Network()
    with pytest.raises(ValueError, match="no session id"):
        network.client().delete(session_id)
    assert network.requests == []


@pytest.mark.parametrize(
    "options",
    [{"params": [1.0], "shape": 3}, {"ttl_s": 5}, {"labels": {"a": "b"}}, {"dtype": "float32"}],
    ids=str,
)
def test_arguments_that_would_be_ignored_are_refused(options):
    """What belongs to creating can't be given where nothing is created."""
    with pytest.raises(ValueError):
        Network().client().session("run", **options)
