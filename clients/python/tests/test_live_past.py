"""Sessions that are kept, called and awaited: levels, snapshots, what was, and what goes on from there."""

import numpy as np
import pytest
from clients.python.tests.awaited import MAKERS
from clients.python.tests.dropping_proxy import DroppingProxy, Loss
from clients.python.tests.reference import ReferenceAdadelta

from stepd_client import (
    Checkpoint,
    CheckpointMismatch,
    ConnectionFailed,
    NotDurable,
    SessionExists,
    SessionHasNoShape,
    StepNotRetained,
)
from tests.server import running

PARAMS = np.array([1.0, 2.0])
GRADS = [np.array([0.5, -0.5]), np.array([3.0, 4.0]), np.array([-2.0, 1e-3]), np.array([0.1, 0.2])]


@pytest.fixture(params=MAKERS)
def make(request):
    """Makes a client of either kind."""
    return MAKERS[request.param]


@pytest.fixture
def server(tmp_path):
    """A service that journals."""
    with running(data=tmp_path, durability="journal") as started:
        yield started


@pytest.fixture
def client(server, make):
    """A client of it, waiting for nothing between attempts."""
    with make(server.url, sleep=lambda seconds: None) as connected:
        yield connected


@pytest.fixture
def session(client):
    """A session that has taken four steps, the second at a rate of its own."""
    session = client.session("run", params=PARAMS)
    for number, grads in enumerate(GRADS):
        session.step(grads, lr=0.5 if number == 1 else None)
    return session


@pytest.mark.parametrize("format", ["json", "binary"])
def test_a_session_has_the_level_that_it_asks_for(server, make, format):  # noqa: A002 - as the client has it
    """Create, restore and fork take it, in every format; where they say nothing it is the service's."""
    with make(server.url, format=format) as client:
        session = client.session("run", params=PARAMS, durability="snapshot")
        restored = client.restore("restored", session.state(), durability="memory")
        levels = {one.id: one.describe().durability for one in (session, restored, session.fork("fork"))}
    assert levels == {"run": "snapshot", "restored": "memory", "fork": "journal"}


def test_a_level_that_the_service_can_not_keep_is_refused(make):
    """Without a store nothing is made, and nothing is written or told of what was."""
    with running() as server, make(server.url) as client:
        assert client.info()["durabilities"] == ["memory"]
        with pytest.raises(NotDurable) as refused:
            client.session("run", params=PARAMS, durability="journal")
        assert [place.pointer for place in refused.value.errors] == ["/durability"]
        session = client.session("run", params=PARAMS)
        session.step(GRADS[0])
        for asked in (session.snapshot, session.incarnations, lambda: session.state(at_step=0)):
            with pytest.raises(NotDurable):
                asked()
        with pytest.raises(NotDurable):
            list(session.history())
        assert session.fork().params.tobytes() == session.params.tobytes()


def test_a_level_is_for_creating(client):
    """With an id alone there is nothing to create."""
    with pytest.raises(ValueError, match="durability"):
        client.session("run", durability="journal")


def test_a_snapshot_outlives_the_service(tmp_path, make):
    """What `snapshot` says was written is what is there afterwards; the object's own view does not change."""
    with running(data=tmp_path) as server, make(server.url) as client:
        session = client.session("run", params=PARAMS, durability="snapshot")
        client.session("run").step(GRADS[0])
        written = session.snapshot()
        assert (written.step, written.durability, session.step_number) == (1, "snapshot", 0)
    with running(data=tmp_path) as server, make(server.url) as client:
        again = client.session("run")
        assert again.step_number == 1
        assert again.params.tobytes() == ReferenceAdadelta(PARAMS).step(GRADS[0]).tobytes()


@pytest.mark.parametrize("page_size", [None, 1, 3])
def test_history_tells_every_step_once(session, page_size):
    """However many come at a time: number, norms, own rate, key."""
    steps = list(session.history(page_size=page_size))
    assert [(past.step, past.lr, past.worker) for past in steps] == [
        (1, None, None), (2, 0.5, None), (3, None, None), (4, None, None),
    ]  # fmt: skip
    assert [past.grad_norm for past in steps] == pytest.approx([np.linalg.norm(grads) for grads in GRADS])
    assert all(past.update_norm > 0 and past.time.endswith("Z") for past in steps)
    assert len({past.key for past in steps}) == 4


def test_history_stays_with_the_life_that_it_began_with(session):
    """A reset between two pages does not mix the steps of two lives."""
    steps = session.history(page_size=2)
    seen = [next(steps).step, next(steps).step]
    session.reset()
    session.step(GRADS[0])
    assert [*seen, *(past.step for past in steps)] == [1, 2, 3, 4]
    assert [past.step for past in session.history()] == [1]


def test_an_earlier_life_is_read_by_its_name(session):
    """After a reset its steps, its states and forks of it are there still."""
    before = session.state(at_step=3)
    session.reset()
    now, then = session.incarnations()
    assert (now.incarnation, now.last_step) == (session.describe().incarnation, 0)
    assert (then.first_step, then.last_step) == (0, 4)
    assert len(list(session.history(incarnation=then.incarnation))) == 4
    assert session.state(3, then.incarnation).to_json() == before.to_json()
    assert session.state(incarnation=then.incarnation).step == 4
    assert session.fork(at_step=3, incarnation=then.incarnation).params.tobytes() == before.params.tobytes()
    assert session.step_number == 0


@pytest.mark.parametrize("format", ["json", "binary"])
def test_the_state_at_any_step_has_the_formulas_bits(server, make, format):  # noqa: A002 - as the client has it
    """Rebuilt by the service and read in either format; nothing of the object changes."""
    with make(server.url, format=format) as client:
        session = client.session(params=PARAMS)
        for grads in GRADS:
            session.step(grads)
        reference = ReferenceAdadelta(PARAMS)
        for number, grads in enumerate(GRADS, 1):
            params = reference.step(grads)
            then = session.state(at_step=number)
            assert (then.step, then.params.tobytes()) == (number, params.tobytes())
            assert then.state["acc_delta"].tobytes() == reference.acc_delta.tobytes()
            then.verify()
        assert (session.step_number, session.params.tobytes()) == (4, params.tobytes())


def test_what_is_not_kept_is_refused(session):
    """A step that was never taken, a life that never was, and what is no step at all."""
    for asked in (lambda: session.state(at_step=5), lambda: session.fork("fork", incarnation="aaaaaaaaaaaaa")):
        with pytest.raises(StepNotRetained):
            asked()
    with pytest.raises(ValueError, match="step is -1"):
        session.state(at_step=-1)
    with pytest.raises(TypeError):
        session.fork(at_step=1.5)


def test_a_fork_goes_on_from_there(client, session):
    """It takes its own steps, with bits that the origin had, and knows where it comes from; the origin stays."""
    forked = session.fork("fork", at_step=2, labels={"kind": "fork"}, ttl_s=600, durability="memory")
    about = forked.describe()
    assert about.forked_from == f"run@{session.etag.strip(chr(34))[:-1]}2"
    assert (about.steps_since_restore, about.labels, about.ttl_s, about.durability) == (
        0,
        {"kind": "fork"},
        600,
        "memory",
    )
    assert (forked.id, forked.step_number, forked.params.tobytes()) == ("fork", 2, session.state(2).params.tobytes())
    for grads in GRADS[2:]:
        forked.step(grads)
    assert forked.state().to_json() == session.state().to_json() == client.session("run").state().to_json()


def test_a_fork_gives_values_in_the_kind_of_its_origin(client):
    """Names in the caller's order, lists as lists; a session without a shape has no state to go on from."""
    origin = client.session(params={"w": [[1.0, 2.0]], "b": 0.5})
    assert list(origin.fork().params.items()) == [("w", [[1.0, 2.0]]), ("b", 0.5)]
    with pytest.raises(SessionHasNoShape):
        client.session().fork()


def test_a_fork_may_have_other_hyper_parameters(session):
    """Those that are named; another rule is none."""
    assert session.fork(optimizer={"lr": 0.25}).optimizer == session.optimizer | {"lr": 0.25}
    with pytest.raises(CheckpointMismatch):
        session.fork(optimizer={"name": "sgd"})


def test_a_fork_under_an_id_is_repeated_and_found(server, make):
    """Whose answer is lost finds its own fork: the error says that it may be, and a look tells."""
    with DroppingProxy(server.url) as proxy, make(proxy.url, sleep=lambda seconds: None) as through:
        session = through.session("run", params=PARAMS)
        proxy.lose(Loss.CLOSED)
        with pytest.raises(SessionExists) as exists:
            session.fork("fork")
        assert exists.value.maybe_applied
        assert [seen.line for seen in proxy.seen[-2:]] == ["POST /v1/sessions/run/fork"] * 2
        incarnation = session.describe().incarnation
        assert through.session("fork").describe().forked_from == f"run@{incarnation}-0"
        with pytest.raises(SessionExists) as exists:
            session.fork("fork")
        assert not exists.value.maybe_applied


def test_a_fork_without_an_id_is_sent_only_once(server, make):
    """A second sending might make a second session."""
    with DroppingProxy(server.url) as proxy, make(proxy.url, sleep=lambda seconds: None) as through:
        session = through.session("run", params=PARAMS)
        proxy.lose(Loss.CLOSED)
        with pytest.raises(ConnectionFailed) as lost:
            session.fork()
        assert lost.value.maybe_applied
        assert len(list(through.sessions())) == 2


def test_reading_and_writing_are_repeated(server, make):
    """Snapshots, pages and past states may be asked for again."""
    with DroppingProxy(server.url) as proxy, make(proxy.url, sleep=lambda seconds: None) as through:
        session = through.session("run", params=PARAMS)
        session.step(GRADS[0])
        for asked in (session.snapshot, lambda: list(session.history()), lambda: session.state(at_step=0)):
            proxy.lose(Loss.RESET, Loss.CUT)
            assert asked()


def test_a_checkpoint_of_the_past_is_one(client, session):
    """It goes into a file and under another id like any other."""
    then = Checkpoint.from_json(session.state(at_step=1).to_json())
    restored = client.restore("restored", then)
    assert (restored.step_number, restored.describe().restored_from) == (1, f"{then.digest}@1")
