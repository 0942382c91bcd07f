"""What the network does to requests, called and awaited: lost answers, resets, busy services, proxies.

No service is needed for these.
"""

import logging

import httpx
import numpy as np
import orjson
import pytest
from clients.python.tests.awaited import MAKERS

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

SESSION = {
    "id": "run",
    "optimizer": {"name": "adadelta", "rho": 0.95},
    "dtype": "float64",
    "shape": [2],
    "size": 2,
    "step": 0,
    "incarnation": "abc",
    "bytes": 48,
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
    "ttl_s": None,
    "expires_at": None,
    "labels": {},
    "durability": "memory",
}


def ok(document=SESSION, step=0, status=200, incarnation="abc"):
    return httpx.Response(status, headers={"etag": f'"{incarnation}-{step}"'}, json=document)


def problem(status, code, **headers):
    body = orjson.dumps({"code": code, "detail": "because", "status": status, "etag": '"abc-9"', "step": 9})
    return httpx.Response(status, headers={"content-type": "application/problem+json", **headers}, content=body)


BAD_GATEWAY = httpx.Response(502, html="<html>Bad Gateway</html>")
LOST = httpx.ReadError("connection reset by peer")
REFUSED = httpx.ConnectError("connection refused")
LATE = httpx.ReadTimeout("timed out")


class Network:
    """Plays one outcome per request, in order, and remembers requests and pauses."""

    make = None  # what makes a client of the kind that is tested

    def __init__(self, *outcomes):
        self.outcomes = list(outcomes)
        self.requests = []
        self.pauses = []

    def __call__(self, request):
        self.requests.append(request)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        # A new one: reading it binds it to the client that does.
        return httpx.Response(outcome.status_code, headers=outcome.headers, content=outcome.content)

    @property
    def lines(self):
        return [f"{request.method} {request.url.path}" for request in self.requests]

    def client(self, **options):
        options = {"retry": RetryPolicy(random=lambda: 0.0)} | options
        return self.through("http://stepd.test", sleep=self.pauses.append, **options)

    def through(self, *given, **options):
        """A client of whichever address, all of whose requests come here."""
        return self.make(*given, transport=httpx.MockTransport(self), **options)

    def session(self, **options):
        """A session of two params at step 0; the creating request is not remembered."""
        self.outcomes.insert(0, ok(status=201))
        session = self.client(**options).session("run", params=np.array([1.0, 2.0]))
        self.requests.clear()
        return session


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


def test_requests_say_who_sends_them():
    """The user agent names the client and its version; JSON is asked for."""
    network = Network(httpx.Response(200, json={}))
    network.client().info()
    assert network.requests[0].headers["user-agent"].startswith("stepd-client/0.")
    assert network.requests[0].headers["accept"] == "application/json"


def test_a_path_in_the_base_url_is_kept():
    """A service behind a proxy may live under a path."""
    network = Network(httpx.Response(200, json={}))
    with network.through("https://host.test/optimizers/") as client:
        client.info()
    assert str(network.requests[0].url) == "https://host.test/optimizers/v1/info"


def test_the_address_comes_from_the_environment(monkeypatch):
    """STEPD_URL is used where no address is given; without it the local default."""
    network = Network(httpx.Response(200, json={}), httpx.Response(200, json={}))
    monkeypatch.setenv("STEPD_URL", "http://from-environment.test:9000")
    network.through().info()
    monkeypatch.delenv("STEPD_URL")
    network.through().info()
    assert [str(request.url) for request in network.requests] == [
        "http://from-environment.test:9000/v1/info",
        "http://127.0.0.1:8000/v1/info",
    ]


@pytest.mark.parametrize("base_url", ["localhost:8000", "ftp://host", "http://", "http://host:port", "/v1"])
def test_an_address_that_is_none_is_refused(base_url):
    """A base URL without scheme or host fails when the client is made, not at the first request."""
    with pytest.raises(ValueError, match="base URL"):
        Network().through(base_url)


def test_a_closed_client_sends_nothing():
    """Leaving the context closes the client."""
    network = Network()
    with network.client() as client:
        pass
    with pytest.raises(RuntimeError, match="closed"):
        client.info()


def test_nothing_prints_or_logs_credentials_keys_or_values(caplog):
    """Logs tell method, path, reason and pause; neither they nor reprs tell values, keys or passwords."""
    caplog.set_level(logging.DEBUG)
    network = Network(LOST, ok({"step": 1, "params": [0.123456, 4.0]}, step=1))
    session = network.session()
    session.step([0.654321, 0.5])
    network.outcomes.append(httpx.Response(200, json={}))
    with network.through("http://user:hunter2@host.test") as client:
        client.info()
    assert network.requests[-1].headers["authorization"].startswith("Basic ")
    told = caplog.text + repr(session).replace("AsyncSession", "Session") + repr(client)
    assert "POST /v1/sessions/run/step: ConnectionFailed; attempt 2 follows in 0.00 s" in told
    assert "<Session 'run': adadelta, float64, step 1>" in told
    for secret in ("0.123456", "0.654321", "hunter2", network.requests[0].headers["idempotency-key"]):
        assert secret not in told
