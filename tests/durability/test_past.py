"""What a journaled session was: its steps are listed, its state at any of them is rebuilt, forks go on from there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from stepd.optimizers.textbook import Adadelta
from tests.server import Handle, Running, running

GRADS = [[0.5, -0.5], [1.5, 1e-3], [-2.0, 4.0], [0.1, 0.2]]


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Running]:
    with running(data=tmp_path, durability="journal") as server:
        yield server


@pytest.fixture
def run(kept: Running) -> Handle:
    """A session that has taken four steps."""
    session = kept.session("run")
    session.create(params=[1.0, 2.0])
    for number, grads in enumerate(GRADS, 1):
        session.step(grads, key=f"key-{number}", lr=0.5 if number == 2 else None)
    return session


def history(session: Handle, **query: Any) -> Any:
    return session.http.get(session.path + "/steps", params=query).json()


def state_at(session: Handle, step: int, **query: Any) -> httpx.Response:
    return session.http.get(session.path + "/state", params={"at_step": step, **query})


def fork(session: Handle, **body: Any) -> httpx.Response:
    return session.http.post(session.path + "/fork", json=body)


def test_steps_are_listed(run: Handle) -> None:
    """Each with its norms, its own lr and its key, in order."""
    document = history(run)
    assert document["incarnation"] == run.incarnation()
    assert [(step["step"], step["key"], step["lr"]) for step in document["steps"]] == [
        (1, "key-1", None), (2, "key-2", 0.5), (3, "key-3", None), (4, "key-4", None),
    ]  # fmt: skip
    assert [step["grad_norm"] for step in document["steps"]] == pytest.approx([np.linalg.norm(each) for each in GRADS])
    before, after = (
        [np.array(state_at(run, step).json()["params"]) for step in steps] for steps in (range(4), range(1, 5))
    )
    moved = [np.linalg.norm(b - a) for a, b in zip(before, after, strict=True)]
    assert [step["update_norm"] for step in document["steps"]] == pytest.approx(moved)


def test_steps_come_in_pages(run: Handle) -> None:
    """A page says where the next one begins."""
    first = history(run, page_size=3)
    assert [step["step"] for step in first["steps"]] == [1, 2, 3]
    rest = history(run, page_size=3, page_token=first["next_page_token"])
    assert ([step["step"] for step in rest["steps"]], rest["next_page_token"]) == ([4], None)


def test_the_state_at_any_step_is_rebuilt_exactly(kept: Running) -> None:
    """Step by step what the textbook class gives, bit for bit, with the entity tag of then."""
    session = kept.session("run")
    session.create(params=[1.0, 2.0])
    for grads in GRADS:
        session.step(grads)
    textbook, params = Adadelta(), np.array([1.0, 2.0])
    for number, grads in enumerate(GRADS, 1):
        params = textbook.update(params, np.array(grads))
        answer = state_at(session, number)
        assert answer.headers["etag"] == f'"{session.incarnation()}-{number}"'
        state = answer.json()
        assert np.array(state["params"]).tobytes() == params.tobytes()
        assert textbook.state is not None
        for name, slot in textbook.state.items():
            assert np.array(state["state"][name]).tobytes() == slot.tobytes()
    assert state_at(session, 4).json() == session.state().json()


def test_an_earlier_life_is_read_by_its_incarnation(run: Handle) -> None:
    """Reset begins another life; the one before is still there under its name."""
    before, state = run.incarnation(), state_at(run, 2).json()
    run.reset()
    run.step([1.0, 1.0])
    assert [step["step"] for step in history(run)["steps"]] == [1]
    earlier = history(run, incarnation=before)
    assert [step["step"] for step in earlier["steps"]] == [1, 2, 3, 4]
    assert [life["incarnation"] for life in earlier["incarnations"]] == [run.incarnation(), before]
    assert state_at(run, 2, incarnation=before).json() == state


@pytest.mark.parametrize(
    "query", [{"at_step": 9}, {"at_step": 2, "incarnation": "aaaaaaaaaaaaa"}, {"incarnation": "?"}]
)
def test_what_is_not_kept_is_refused(run: Handle, query: dict[str, Any]) -> None:
    """A step that was never taken, a life that never was."""
    refused = run.http.get(run.path + "/state", params=query)
    assert (refused.status_code, refused.json()["code"]) == (404, "step-not-retained")


def test_a_fork_goes_on_from_a_past_step(run: Handle, kept: Running) -> None:
    """With the state and step of then; its own steps are its own, and the origin stays as it is."""
    origin = run.state().json()
    made = fork(run, id="fork", at_step=2, labels={"kind": "fork"})
    assert (made.status_code, made.headers["location"]) == (201, "/v1/sessions/fork")
    document = made.json()
    assert document["forked_from"] == f"run@{run.incarnation()}-2"
    assert (document["step"], document["steps_since_restore"], document["labels"]) == (2, 0, {"kind": "fork"})
    forked = kept.session("fork")
    assert {**forked.state().json(), "digest": ""} == {**state_at(run, 2).json(), "digest": ""}
    for grads in GRADS[2:]:
        forked.step(grads)
    assert forked.state().json() == origin == run.state().json()


def test_a_fork_may_have_other_hyper_parameters(run: Handle, kept: Running) -> None:
    """Those that are named; the rule stays the same."""
    assert fork(run, id="fork", optimizer={"lr": 0.25}).json()["optimizer"] == {
        **run.get().json()["optimizer"], "lr": 0.25,
    }  # fmt: skip
    refused = fork(run, id="other", optimizer={"name": "sgd"})
    assert (refused.status_code, refused.json()["code"]) == (422, "checkpoint-mismatch")
    assert kept.session("other").get().status_code == 404


def test_an_id_that_is_taken_is_refused(run: Handle, kept: Running) -> None:
    """Nothing of the session that has it changes."""
    kept.session("taken").create(params=[5.0])
    refused = fork(run, id="taken")
    assert (refused.status_code, refused.json()["code"]) == (409, "session-exists")
    assert kept.session("taken").params().json()["params"] == [5.0]


def test_forks_outlive_a_restart(tmp_path: Path) -> None:
    """With their lineage."""
    with running(data=tmp_path, durability="journal") as server:
        session = server.session("run")
        session.create(params=[1.0])
        session.step([0.5])
        made = fork(session).json()
        state = server.session(made["id"]).state().json()
    with running(data=tmp_path, durability="journal") as server:
        again = server.session(made["id"])
        assert again.get().json()["forked_from"] == made["forked_from"]
        assert again.state().json() == state


def test_a_session_of_memory_has_no_past(server: Running) -> None:
    """Its steps are not kept; it can be forked where it is."""
    session = server.session()
    session.create(params=[1.0, 2.0])
    session.step([0.5, -0.5])
    for refused in (session.http.get(session.path + "/steps"), state_at(session, 0), fork(session, at_step=0)):
        assert (refused.status_code, refused.json()["code"]) == (422, "not-durable")
    made = fork(session).json()
    assert {**server.session(made["id"]).state().json()} == session.state().json()
    assert state_at(session, 1).json() == session.state().json()
