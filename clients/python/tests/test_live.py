"""Every verb of every kind of client against a real service, compared with the formula."""

import numpy as np
import pytest
from clients.python.tests.awaited import LOCAL_MAKERS, MAKERS
from clients.python.tests.reference import ReferenceAdadelta

import stepd_client
from stepd_client import SGD, Adadelta, Client, PreconditionFailed
from tests.server import in_thread

GRADS = [0.5, -0.25, 0.125]
PARAMS = [1.0, 2.0, 3.0]
STEPS = 5


@pytest.fixture(scope="module", params=[*MAKERS, *LOCAL_MAKERS])
def client(request):
    """A client, called or awaited, of a service over a socket or in this process."""
    if request.param in LOCAL_MAKERS:
        made = LOCAL_MAKERS[request.param]()
    else:
        made = MAKERS[request.param](request.getfixturevalue("live_server"), sleep=lambda seconds: None)
    with made:
        yield made
        for session in made.sessions():  # the next kind finds the ids free
            made.delete(session.id)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("hyper", [{}, {"rho": 0.9, "eps": 1e-4, "lr": 0.5}], ids=str)
def test_steps_have_the_formulas_bits(client, dtype, hyper):
    """What comes back step after step equals the published formula bit for bit, params and state."""
    random = np.random.default_rng(3)
    params = random.standard_normal((4, 5)).astype(dtype)
    reference = ReferenceAdadelta(params, **hyper)
    session = client.session(optimizer=Adadelta(**hyper), params=params)
    assert session.dtype == np.dtype(dtype)
    for number in range(1, STEPS + 1):
        grads = random.standard_normal((4, 5)).astype(dtype)
        stepped = session.step(grads)
        assert (stepped.dtype, stepped.shape) == (np.dtype(dtype), (4, 5))
        assert stepped.tobytes() == reference.step(grads).tobytes() == session.params.tobytes()
        assert session.step_number == number
    state = session.state().state
    assert state["square_avg"].tobytes() == reference.square_avg.tobytes()
    assert state["acc_delta"].tobytes() == reference.acc_delta.tobytes()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_awkward_values_survive_the_way_there_and_back(client, dtype):
    """-0.0, subnormals, the largest value and the float32 that is easily misread come back with their bits."""
    kind = np.finfo(dtype)
    misread = np.array([0x15AE43FD, 0x95AE43FD], np.uint32).view(np.float32)
    values = np.array([-0.0, 0.0, kind.smallest_subnormal, -kind.tiny, kind.max, kind.min, 0.1, *misread], dtype)
    session = client.session(params=np.zeros(values.size, dtype))
    session.put_params(values)
    assert session.params.tobytes() == session.fetch_params().tobytes() == values.tobytes()
    assert client.session(session.id).params.tobytes() == values.tobytes()
    assert session.state().params.tobytes() == values.tobytes()


def test_a_large_vector_makes_the_round_trip(client):
    """A hundred thousand values are no special case."""
    params = np.random.default_rng(5).standard_normal(100_000)
    session = client.session(params=params)
    assert session.step(params).tobytes() == ReferenceAdadelta(params).step(params).tobytes()


def test_values_come_back_in_the_kind_in_which_they_last_went_in(client):
    """Lists for lists, arrays for arrays, names in the caller's order, numbers as numbers."""
    session = client.session(params={"w": [[1.0, 2.0]], "b": 0.5, "a": np.ones(2)})
    stepped = session.step({"w": np.ones((1, 2)), "b": 1.0, "a": [1.0, 1.0]})
    assert [(name, type(value)) for name, value in stepped.items()] == [("w", np.ndarray), ("b", float), ("a", list)]
    again = session.step({"a": np.ones(2), "b": np.float64(1.0), "w": [[1.0, 1.0]]})
    assert [(name, type(value)) for name, value in again.items()] == [
        ("a", np.ndarray),
        ("b", np.float64),
        ("w", list),
    ]
    assert list(session.fetch_params()) == list(session.params) == list(session.state().params) == ["a", "b", "w"]
    assert list(session.shape.items()) == [("a", (2,)), ("b", ()), ("w", (1, 2))]
    expected = ReferenceAdadelta([1.0, 2.0, 0.5, 1.0, 1.0])
    expected.step(np.ones(5))
    assert [*again["w"][0], again["b"], *again["a"]] == expected.step(np.ones(5)).tolist()
    attached = client.session(session.id)
    assert all(isinstance(value, np.ndarray) for value in attached.params.values())


def test_what_comes_out_is_the_callers_own(client):
    """Writing to params that were given back, or to those that were sent, does not change what the session holds."""
    mine = np.array(PARAMS)
    session = client.session(params=mine)
    mine[0] = session.params[0] = 99.0
    assert session.params.tolist() == PARAMS
    session.step(np.array(GRADS))[0] = 99.0
    assert session.params[0] != 99.0


def test_creating_again_attaches(client):
    """The same spec under the same id finds the session as it is now; another spec is refused with what differs."""
    first = client.session("attach", optimizer=Adadelta(rho=0.9), params=PARAMS, labels={"run": "attach"})
    first.step(GRADS)
    second = client.session("attach", optimizer=Adadelta(rho=0.9, eps=1e-6), params=PARAMS)
    assert (second.etag, second.params, second.step_number) == (first.etag, first.params, 1)
    with pytest.raises(stepd_client.SessionExists) as raised:
        client.session("attach", optimizer=Adadelta(rho=0.95), params=PARAMS, dtype="float32")
    assert {"dtype", "optimizer"} <= set(raised.value.fields)
    assert client.session("attach").params.tolist() == first.params
    with pytest.raises(stepd_client.SessionNotFound):
        client.session("never-made")


def test_a_session_by_shape_starts_from_zeros(client):
    """A shape instead of values is zeros, with and without names, known without a request."""
    assert client.session(shape=3).params.tolist() == [0.0, 0.0, 0.0]
    named = client.session(shape={"w": (2, 1), "b": ()}, dtype="float32")
    assert named.params["w"].shape == (2, 1)
    assert named.params["w"].dtype == np.float32
    assert client.session(named.id).params["b"].shape == ()


def test_a_session_without_a_shape_gets_it_from_its_first_step(client):
    """Until a step carries params there are none; then the session has their shape for good."""
    session = client.session()
    assert (session.params, session.shape, session.fetch_params()) == (None, None, None)
    with pytest.raises(stepd_client.SessionHasNoShape):
        session.state()
    with pytest.raises(stepd_client.SessionHasNoShape):
        session.step(GRADS)
    assert client.session(session.id).params is None
    assert session.step(GRADS, params=PARAMS) == ReferenceAdadelta(PARAMS).step(GRADS).tolist()
    assert session.shape == (3,)
    with pytest.raises(stepd_client.ShapeMismatch):
        session.step([0.5])
    quiet = client.session()
    quiet.step(GRADS, params=PARAMS, return_params=False)
    assert (quiet.shape, quiet.params) == ((3,), None)


def test_params_given_with_a_step_replace_the_sessions(client):
    """A caller who holds the params gives them with each step, and the state goes on."""
    session = client.session(params=PARAMS)
    reference = ReferenceAdadelta(PARAMS)
    session.step(GRADS)
    reference.step(GRADS)
    reference.params = np.array([7.0, 8.0, 9.0])
    assert session.step(GRADS, params=[7.0, 8.0, 9.0]) == reference.step(GRADS).tolist()


def test_one_step_can_have_its_own_learning_rate(client):
    """`lr` counts for one step and leaves the session's own alone."""
    session = client.session(params=PARAMS)
    reference = ReferenceAdadelta(PARAMS, lr=0.125)
    assert session.step(GRADS, lr=0.125) == reference.step(GRADS).tolist()
    reference.lr = 1.0
    assert session.step(GRADS) == reference.step(GRADS).tolist()
    with pytest.raises(stepd_client.HyperParameterInvalid):
        session.step(GRADS, lr=-1.0)
    assert session.optimizer["lr"] == 1.0


def test_a_step_can_leave_the_params_with_the_service(client):
    """Without params in the answer the session's are unknown until they are fetched."""
    session = client.session(params=PARAMS)
    assert session.step(GRADS, return_params=False) is None
    assert (session.params, session.step_number) == (None, 1)
    assert session.fetch_params() == session.params == ReferenceAdadelta(PARAMS).step(GRADS).tolist()
    session.step(GRADS, return_params=False)
    session.reset()
    assert session.params is None


def test_who_is_behind_is_told_and_can_catch_up(client):
    """Every verb that changes a session is refused from an outdated view, which stays; fetch_params renews it."""
    ahead = client.session(params=PARAMS)
    behind = client.session(ahead.id)
    ahead.step(GRADS)
    checkpoint = ahead.state()
    before = behind.etag
    for verb in (
        lambda: behind.step(GRADS),
        behind.reset,
        behind.delete,
        lambda: behind.put_params(PARAMS),
        lambda: behind.restore(checkpoint),
    ):
        with pytest.raises(PreconditionFailed) as raised:
            verb()
        assert (raised.value.etag, raised.value.step, raised.value.resent) == (ahead.etag, 1, False)
        assert raised.value.request_id
        assert behind.etag == before
    assert behind.fetch_params().tolist() == ahead.params
    assert behind.etag == ahead.etag
    behind.step(GRADS)
    assert behind.step_number == 2


def test_a_session_that_was_replaced_by_one_of_another_dtype_is_seen_as_that(client):
    """An id that was deleted and made anew is another session: catching up takes over all of it."""
    old = client.session("replaced", params=PARAMS)
    client.delete("replaced")
    new = client.session("replaced", optimizer=SGD(), params=np.array([0.1, 0.2, 0.3], np.float32))
    with pytest.raises(PreconditionFailed):
        old.step(GRADS)
    assert old.fetch_params() == new.params.tolist()
    assert (old.dtype, old.shape, old.optimizer, old.etag) == (new.dtype, new.shape, new.optimizer, new.etag)
    assert old.step(GRADS) == client.session("replaced").params.tolist()


def test_a_session_that_was_replaced_by_one_without_a_shape_has_none(client):
    """Catching up also works where there is nothing to fetch yet."""
    old = client.session("unshaped", params=PARAMS)
    client.delete("unshaped")
    new = client.session("unshaped", dtype="float32", optimizer=SGD())
    assert old.fetch_params() is None
    assert (old.dtype, old.shape, old.params, old.etag) == (np.dtype("float32"), None, None, new.etag)
    assert len(old.step(GRADS, params=PARAMS)) == 3


def take_ten_steps(session):
    """As a worker does: refused steps are computed anew."""
    done = 0
    while done < 10:
        try:
            session.step(np.array(GRADS))
            done += 1
        except PreconditionFailed:
            session.fetch_params()


def in_three_threads(work):
    """Runs it in each of them, and raises what failed."""
    joins = [in_thread(work) for _ in range(3)]
    for join in joins:
        join()


def after_thirty_steps():
    """The params that thirty steps give, whoever takes them."""
    reference = ReferenceAdadelta(PARAMS)
    for _ in range(30):
        reference.step(GRADS)
    return reference.params.tolist()


@pytest.mark.parametrize("make", MAKERS)
def test_several_workers_share_a_session(live_server, make):
    """Workers that catch up when refused apply each of their steps exactly once."""
    with MAKERS[make](live_server) as client:
        shared = client.session(params=PARAMS)

        def work():
            with MAKERS[make](live_server) as own:
                take_ten_steps(own.session(shared.id))

        in_three_threads(work)
        assert shared.fetch_params() == after_thirty_steps()
        assert shared.step_number == 30


def test_several_threads_share_a_client(client):
    """One client carries the steps of all, each through a session object of its own."""
    shared = client.session(params=PARAMS)
    in_three_threads(lambda: take_ten_steps(client.session(shared.id)))
    assert shared.fetch_params() == after_thirty_steps()


def test_put_params_keeps_the_state_and_reset_keeps_the_params(client):
    """The two ways to replace half of a session each leave the other half alone."""
    session = client.session(params=PARAMS)
    session.step(GRADS)
    slots = session.state().state
    session.put_params([7.0, 8.0, 9.0])
    assert (session.state().state, session.step_number) == (slots, 1)
    session.reset()
    checkpoint = session.state()
    assert (checkpoint.params, checkpoint.step) == (session.params, session.step_number) == ([7.0, 8.0, 9.0], 0)
    assert checkpoint.state == {"square_avg": [0.0] * 3, "acc_delta": [0.0] * 3}
    assert session.step(GRADS) == ReferenceAdadelta([7.0, 8.0, 9.0]).step(GRADS).tolist()


def test_a_deleted_session_is_gone_and_its_id_free(client):
    """After delete every verb finds nothing, and the id can be taken again."""
    session = client.session("deleted", params=PARAMS)
    session.delete()
    for verb in (lambda: session.step(GRADS), session.fetch_params, session.state, session.describe, session.delete):
        with pytest.raises(stepd_client.SessionNotFound):
            verb()
    with pytest.raises(stepd_client.SessionNotFound):
        client.delete("deleted")
    assert client.session("deleted", params=[5.0]).params == [5.0]


@pytest.mark.parametrize(
    ("error", "call"),
    [
        ("StepNotFinite", lambda client, session: session.step([1e308, 0.0, 0.0], params=[-1.7e308] * 3, lr=1e308)),
        ("ShapeMismatch", lambda client, session: session.step([0.5])),
        ("NamesMismatch", lambda client, session: session.step({"w": GRADS})),
        ("HyperParameterInvalid", lambda client, session: client.session(optimizer=Adadelta(rho=1.0), params=PARAMS)),
        ("HyperParameterUnknown", lambda client, session: client.session(optimizer={"name": "sgd", "rho": 1})),
        ("OptimizerUnknown", lambda client, session: client.session(optimizer={"name": "adam"}, params=PARAMS)),
        ("MissingField", lambda client, session: client.session(optimizer={}, params=PARAMS)),
        ("InvalidTensors", lambda client, session: client.session(params={"a/b": [1.0]})),
        ("InvalidField", lambda client, session: client.session(params=PARAMS, ttl_s=-1.0)),
        ("InvalidQuery", lambda client, session: next(client.sessions(page_size=0))),
    ],
)
def test_what_the_service_refuses_comes_as_its_class_and_changes_nothing(client, error, call):
    """Each refusal has the class of its code, a detail, a status and a request id; the session stays as it was."""
    session = client.session(params=PARAMS)
    before = session.state().to_json()
    with pytest.raises(getattr(stepd_client, error)) as raised:
        call(client, session)
    refused = raised.value
    assert type(refused).__name__ == error
    assert refused.detail
    assert refused.request_id
    assert 400 <= refused.status < 500
    assert not refused.maybe_applied
    assert session.state().to_json() == before
    assert session.step(GRADS) == ReferenceAdadelta(PARAMS).step(GRADS).tolist()


def test_a_wrong_base_url_is_told_from_a_missing_session(live_server):
    """A path that the service does not have is PageNotFound, which is Missing but not SessionNotFound."""
    with Client(f"{live_server}/elsewhere") as client, pytest.raises(stepd_client.PageNotFound):
        client.delete("some-session")


def test_the_stateless_form_equals_a_session(client):
    """Carrying the state oneself gives the bits that a session gives, in the kind of the params."""
    session = client.session(optimizer=Adadelta(rho=0.9), params={"b": np.float32(1.0), "a": np.ones(2, np.float32)})
    params, state = session.params, None
    for number in range(STEPS):
        grads = {"b": np.float32(0.1 * number), "a": np.array([0.3, -0.2], np.float32)}
        params, state = client.step_once(Adadelta(rho=0.9), params, grads, state)
        stepped = session.step(grads)
        assert list(params) == list(state["square_avg"]) == ["b", "a"]
        assert isinstance(params["b"], np.float32)
        for name in ("a", "b"):
            assert params[name].tobytes() == stepped[name].tobytes()
    for slot, values in session.state().state.items():
        assert values["a"].tobytes() == state[slot]["a"].tobytes()
    with pytest.raises(stepd_client.ShapeMismatch):
        client.step_once(Adadelta(), PARAMS, [0.5])


def test_sessions_are_listed_page_by_page_and_found_by_label(client):
    """Iterating crosses pages without gaps or doubles; a label narrows it down."""
    made = [
        client.session(f"listed-{number}", params=[1.0] * (number + 1), labels={"list": "yes", "number": str(number)})
        for number in range(5)
    ]
    found = list(client.sessions(label={"list": "yes"}, page_size=2))
    assert [info.id for info in found] == [session.id for session in made]
    assert [info.shape for info in found] == [session.shape for session in made]
    assert [info.id for info in client.sessions(label={"list": "yes", "number": "3"})] == ["listed-3"]
    assert {session.id for session in made} <= {info.id for info in client.sessions()}
    assert list(client.sessions(label={"list": "no"})) == []


def test_a_description_tells_what_was_asked_for(client):
    """Labels, time to live, dtype and shape are told as they were given, with what the service adds."""
    session = client.session(
        "described", optimizer=SGD(lr=0.5), shape=(2, 3), dtype="float32", ttl_s=900, labels={"run": "7"}
    )
    told = session.describe()
    assert (told.id, told.shape, told.size, told.dtype) == ("described", (2, 3), 6, np.dtype("float32"))
    assert (told.ttl_s, told.labels, told.step) == (900.0, {"run": "7"}, 0)
    assert told.optimizer == session.optimizer
    assert (told.optimizer["name"], told.optimizer["lr"], told.optimizer["momentum"]) == ("sgd", 0.5, 0.0)
    assert session.etag == f'"{told.incarnation}-0"'
    assert told.bytes >= 2 * 6 * 4
    assert told.created_at <= told.updated_at < told.expires_at
    assert told.durability in ("memory", "snapshot", "journal")


def test_the_service_tells_about_itself(client):
    """Info and catalogue are given as they come."""
    assert {"version", "limits", "formats", "durability"} <= set(client.info())
    assert {entry["name"] for entry in client.optimizers()["optimizers"]} == {"adadelta", "adagrad", "rmsprop", "sgd"}
