"""Steps: gradients in, params out; every way to say more, and many callers at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import httpx
import numpy as np
import pytest

from stepd import SGD, Adadelta
from stepd.engine.work import THREAD_SIZE
from tests.server import Handle, Running, bits

LARGE = 150_000


def test_a_step_answers_with_step_and_params(session: Handle) -> None:
    """200 with the new params, shaped as they came, and where the session is now."""
    session.create(params={"w": [[1.0, 2.0]], "b": 0.5})
    answer = session.step({"b": 1.0, "w": [[0.5, -0.5]]})
    assert answer.status_code == 200
    document = answer.json()
    assert list(document) == ["step", "params"]
    assert document["step"] == 1
    assert document["params"].keys() == {"w", "b"}
    assert np.shape(document["params"]["w"]) == (1, 2)
    assert np.shape(document["params"]["b"]) == ()
    assert answer.headers["etag"] == f'"{session.incarnation()}-1"'
    assert answer.headers["stepd-step"] == answer.headers["stepd-applied-step"] == "1"
    assert "idempotent-replayed" not in answer.headers
    assert session.params().json() == document


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_steps_are_those_of_the_core(session: Handle, dtype: str) -> None:
    """Twenty steps over HTTP give the bits of the class that works without a server."""
    random = np.random.default_rng(7)
    mine = random.standard_normal((2, 3)).astype(dtype)
    core = Adadelta(rho=0.9, weight_decay=0.01)
    session.create(params=mine.tolist(), dtype=dtype, optimizer={"name": "adadelta", "rho": 0.9, "weight_decay": 0.01})
    for step in range(1, 21):
        grads = random.standard_normal((2, 3)).astype(dtype)
        mine = core.update(mine, grads)
        document = session.step(grads.tolist()).json()
        assert document["step"] == step
        assert bits(document["params"], dtype) == bits(mine, dtype)


def test_params_with_the_step_replace_the_sessions(http: httpx.Client, session: Handle) -> None:
    """They replace the session's before the rule, in the same step; slots and incarnation stay."""
    session.create(params=[1.0, 2.0])
    session.step([0.5, -0.5])
    slots = session.state().json()["state"]
    before = session.incarnation()
    answer = session.step([0.25, 4.0], params=[-3.0, 0.125])
    assert answer.headers["etag"] == f'"{before}-2"'
    once = http.post("/v1/step", json={"params": [-3.0, 0.125], "grads": [0.25, 4.0], "state": slots}).json()
    assert bits(answer.json()["params"]) == bits(once["params"])
    state = session.state().json()
    assert state["params"] == once["params"]
    assert state["state"] == once["state"]


def test_lr_of_one_step(session: Handle) -> None:
    """?lr= holds for that step alone; the session's lr stays, and the state does not depend on it."""
    session.create(params=[1.0], optimizer={"name": "sgd", "lr": 0.5})
    assert session.step([1.0], lr="0.25").json()["params"] == [0.75]
    assert session.step([1.0]).json()["params"] == [0.25]
    assert session.step([1.0], lr=0).json()["params"] == [0.25]
    assert session.step([1.0], lr="1e0").json()["params"] == [-0.75]
    assert session.get().json()["optimizer"]["lr"] == 0.5


def test_lr_does_not_enter_adadeltas_state(http: httpx.Client, session: Handle) -> None:
    """Adadelta's averages are of gradients and of deltas before lr."""
    session.create(params=[1.0, -1.0])
    other = Handle(http, session.id + "-other")
    other.create(params=[1.0, -1.0])
    assert session.step([2.0, 3.0], lr=0.125).json()["params"] != other.step([2.0, 3.0]).json()["params"]
    assert session.state().json()["state"] == other.state().json()["state"]


def test_lr_beyond_float32_is_refused_in_a_float32_session(session: Handle) -> None:
    """?lr= is checked after rounding to the session's dtype, as the session's lr is."""
    session.create(params=[1.0], dtype="float32")
    refused = session.step([1.0], lr="1e39")
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid-hyper-parameter")
    assert "errors" not in refused.json(), "it stands in the query, not at a place in the body"
    assert "1e+39" in refused.json()["detail"]
    assert "query" in refused.json()["detail"]


@pytest.mark.parametrize(
    "prefer", ["return=minimal", 'return="minimal"', "wait=5, Return=Minimal; x=1", "a,return=minimal"]
)
def test_minimal_answers(session: Handle, prefer: str) -> None:
    """Prefer: return=minimal gives 204 with the same headers and no body."""
    session.create(params=[1.0, 2.0])
    answer = session.step([0.5, -0.5], headers={"Prefer": prefer})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["preference-applied"] == "return=minimal"
    assert answer.headers["etag"] == session.tag()
    assert answer.headers["stepd-step"] == answer.headers["stepd-applied-step"] == "1"
    assert session.params().json()["step"] == 1


@pytest.mark.parametrize("prefer", ["return=representation", "respond-async", "minimal", "return", ""])
def test_other_preferences_are_ignored(session: Handle, prefer: str) -> None:
    """A preference that is not known changes nothing, as RFC 7240 has it."""
    session.create(params=[1.0])
    answer = session.step([0.5], headers={"Prefer": prefer})
    assert answer.status_code == 200
    assert "preference-applied" not in answer.headers


@pytest.mark.parametrize(("dtype", "huge"), [("float64", 1e300), ("float32", 1e38)])
def test_a_step_whose_result_is_not_finite_is_refused(session: Handle, dtype: str, huge: float) -> None:
    """422 step-not-finite points at the gradient and changes nothing; a smaller step then works."""
    session.create(params={"b": 1.0, "w": [[1.0, 2.0], [3.0, 4.0]]}, dtype=dtype)
    session.step({"b": 1.0, "w": [[1.0, 1.0], [1.0, 1.0]]})
    before = session.state()
    refused = session.step({"b": 0.0, "w": [[1.0, 1.0], [huge, huge]]}, key="k")
    assert refused.status_code == 422
    problem = refused.json()
    assert problem["code"] == "step-not-finite"
    assert [error["pointer"] for error in problem["errors"]] == ["/grads/w/1/0"]
    assert "'w'" in problem["detail"]
    assert "[1, 0]" in problem["detail"]
    assert f"{huge:g}" in problem["detail"]
    assert "square_avg" in problem["detail"]
    assert session.state().content == before.content
    assert session.step({"b": 0.0, "w": [[1.0, 1.0], [1.0, 1.0]]}, key="k").status_code == 200


def test_params_alone_can_make_a_step_not_finite(session: Handle) -> None:
    """With sgd a huge lr carries params beyond the dtype: the result is judged, not only the gradient."""
    session.create(params=[1e308], optimizer={"name": "sgd", "lr": 1.0})
    refused = session.step([-1.7e308])
    assert (refused.status_code, refused.json()["code"]) == (422, "step-not-finite")
    assert "params would be inf" in refused.json()["detail"]
    assert session.params().json() == {"step": 0, "params": [1e308]}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_large_vectors_give_the_bits_of_small_ones(server: Running, dtype: str) -> None:
    """A step that runs in a thread gives the same bits as the same values split over small sessions."""
    assert THREAD_SIZE <= LARGE
    pieces = 5
    assert LARGE // pieces < THREAD_SIZE
    random = np.random.default_rng(11)
    whole = server.session()
    parts = [server.session() for _ in range(pieces)]
    params = random.standard_normal(LARGE).astype(dtype)
    whole.create(params=params.tolist(), dtype=dtype)
    for part, values in zip(parts, np.split(params, pieces), strict=True):
        part.create(params=values.tolist(), dtype=dtype)
    grads = random.standard_normal(LARGE).astype(dtype)
    large = whole.step(grads.tolist(), key="large").json()["params"]
    small = [
        part.step(values.tolist()).json()["params"] for part, values in zip(parts, np.split(grads, pieces), strict=True)
    ]
    assert bits(large, dtype) == bits(np.concatenate(small), dtype)
    state = whole.state().json()["state"]
    for slot in ("square_avg", "acc_delta"):
        split = [part.state().json()["state"][slot] for part in parts]
        assert bits(state[slot], dtype) == bits(np.concatenate(split), dtype)
    for handle in (whole, *parts):
        handle.delete()


def at_once(count: int, call: Any) -> list[httpx.Response]:
    """The answers to `call(number)` from so many threads that begin together."""
    barrier = Barrier(count)

    def one(number: int) -> httpx.Response:
        barrier.wait(10)
        answer: httpx.Response = call(number)
        return answer

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


@pytest.mark.parametrize("size", [2, THREAD_SIZE])
def test_concurrent_duplicates_of_one_key_apply_once(session: Handle, size: int) -> None:
    """Of many requests with one key exactly one is applied; the others wait for it and are its replays."""
    session.create(shape=[size])
    grads = [0.5] * size
    answers = at_once(8, lambda _: session.step(grads, key="once"))
    assert [answer.status_code for answer in answers] == [200] * 8
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert {answer.headers["stepd-applied-step"] for answer in answers} == {"1"}
    assert len({answer.content for answer in answers}) == 1
    assert session.get().json()["step"] == 1
    session.delete()


@pytest.mark.parametrize(("size", "each"), [(2, 12), (THREAD_SIZE, 2)])
def test_concurrent_steps_without_preconditions_all_apply(session: Handle, size: int, each: int) -> None:
    """Steps of many workers are taken one after another and none is lost: as many as were sent, with their bits."""
    session.create(shape=[size])
    grads = [0.5] * size
    threads = 6

    def worker(_: int) -> httpx.Response:
        for _ in range(each - 1):
            assert session.step(grads).status_code == 200
        return session.step(grads)

    answers = at_once(threads, worker)
    assert [answer.status_code for answer in answers] == [200] * threads
    last = session.params().json()
    assert last["step"] == threads * each
    core, params = Adadelta(), np.zeros(size)
    for _ in range(threads * each):
        params = core.update(params, np.array(grads))
    assert bits(last["params"]) == bits(params)
    session.delete()


@pytest.mark.parametrize("size", [2, THREAD_SIZE])
def test_of_concurrent_steps_from_one_state_exactly_one_wins(session: Handle, size: int) -> None:
    """With If-Match on the same tag one step is applied; the others are 412 with the new tag."""
    tag = session.create(shape=[size]).headers["etag"]
    answers = at_once(8, lambda number: session.step([0.5] * size, if_match=tag, key=f"worker-{number}"))
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7
    now = session.tag()
    assert {answer.headers["etag"] for answer in answers} == {now}
    assert {answer.json()["step"] for answer in answers} == {1}
    session.delete()


def test_sessions_step_at_the_same_time(server: Running) -> None:
    """Steps of different sessions do not mix: each ends where it would have ended alone."""
    handles = [server.session() for _ in range(6)]
    sizes = [2, THREAD_SIZE] * 3
    for handle, size in zip(handles, sizes, strict=True):
        handle.create(shape=[size], optimizer={"name": "sgd", "lr": 1.0})

    def worker(number: int) -> httpx.Response:
        for _ in range(2):
            handles[number].step([float(number)] * sizes[number])
        return handles[number].step([float(number)] * sizes[number])

    core = [SGD(lr=1.0) for _ in handles]
    for number, answer in enumerate(at_once(6, worker)):
        params = np.zeros(sizes[number])
        for _ in range(3):
            params = core[number].update(params, np.full(sizes[number], float(number)))
        assert bits(answer.json()["params"]) == bits(params)
        handles[number].delete()
