"""What each level keeps of a session when the service ends, and what is loaded when the next one begins."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.server import Handle, Running, running, until

KEPT = ("snapshot", "journal")
each_kept = pytest.mark.parametrize("durability", KEPT)


@contextmanager
def on(data: Path, **settings: Any) -> Iterator[Running]:
    with running(data=data, **settings) as server:
        yield server


def whole(session: Handle) -> dict[str, Any]:
    """Params, slots, step, optimizer and digest."""
    document: dict[str, Any] = session.state().json()
    return document


@each_kept
def test_a_session_outlives_a_clean_stop(tmp_path: Path, durability: str) -> None:
    """State, entity tag, labels and keys are as they were; a repeated key is a replay, and the next step goes on."""
    with on(tmp_path, durability=durability) as server:
        run = server.session("run")
        assert run.create(params=[1.0, -0.0], labels={"a": "b"}).json()["durability"] == durability
        run.step([0.5, -0.5], key="one")
        run.step([0.25, 1e-300], params=[3.0, 5e-324], lr=0.5, key="two")
        before, state = run.get().json(), whole(run)
    with on(tmp_path, durability=durability) as server:
        run = server.session("run")
        after = run.get().json()
        assert {**after, "updated_at": "", "bytes": 0} == {**before, "updated_at": "", "bytes": 0}
        assert whole(run) == state
        replay = run.step([0.25, 1e-300], params=[3.0, 5e-324], lr=0.5, key="two")
        assert replay.headers["idempotent-replayed"] == "true"
        assert run.step([1, 1], if_match=f'"{before["incarnation"]}-2"').json()["step"] == 3


@each_kept
def test_named_and_single_precision_sessions_outlive_it_too(tmp_path: Path, durability: str) -> None:
    """Names, shapes and float32 values come back bit for bit."""
    with on(tmp_path, durability=durability) as server:
        run = server.session("run")
        run.create(params={"w": [[0.1, 0.2]], "b": 7}, dtype="float32", optimizer={"name": "sgd", "momentum": 0.9})
        run.step({"w": [[1, 2]], "b": 3})
        state = whole(run)
    with on(tmp_path) as server:
        assert whole(server.session("run")) == state


@each_kept
def test_an_unshaped_session_gets_its_shape_for_good(tmp_path: Path, durability: str) -> None:
    """An unshaped session is kept as such, and the step that gave another its shape is kept with it."""
    with on(tmp_path, durability=durability) as server:
        server.session("later").create()
        run = server.session("run")
        run.create()
        run.step([0.5], params=[1.0])
        state = whole(run)
    with on(tmp_path, durability=durability) as server:
        assert server.session("later").get().json()["shape"] is None
        assert whole(server.session("run")) == state


def test_a_session_of_memory_ends_with_the_process(tmp_path: Path) -> None:
    """Beside sessions that are kept one may ask not to be."""
    with on(tmp_path, durability="journal") as server:
        server.session("kept").create(params=[1.0])
        assert server.session("gone").create(params=[1.0], durability="memory").json()["durability"] == "memory"
    with on(tmp_path, durability="journal") as server:
        assert server.session("kept").get().status_code == 200
        assert server.session("gone").get().json()["code"] == "session-not-found"


def test_levels_are_refused_without_a_store(server: Running) -> None:
    """Asking for what the service can't keep is an error, and nothing is made."""
    session = server.session()
    refused = session.create(params=[1.0], durability="journal")
    assert (refused.status_code, refused.json()["code"]) == (422, "not-durable")
    assert refused.json()["errors"][0]["pointer"] == "/durability"
    assert session.get().status_code == 404
    assert server.http.get("/v1/info").json()["durabilities"] == ["memory"]


@each_kept
def test_other_changes_are_kept_whole(tmp_path: Path, durability: str) -> None:
    """Reset, PUT params, PUT state and DELETE hold after a restart, with the incarnation that they gave."""
    with on(tmp_path, durability=durability) as server:
        names = ("reset", "params", "state", "deleted", "restored")
        sessions = {name: server.session(name) for name in names}
        for name in names[:-1]:
            sessions[name].create(params=[1.0, 2.0])
            sessions[name].step([0.5, 0.5])
        checkpoint = whole(sessions["reset"])
        sessions["reset"].reset()
        sessions["params"].put_params([7.0, 8.0])
        sessions["state"].put_state({**checkpoint, "step": 41})
        sessions["restored"].put_state(checkpoint)
        sessions["deleted"].delete()
        before = {name: (sessions[name].tag(), whole(sessions[name])) for name in names if name != "deleted"}
    with on(tmp_path, durability=durability) as server:
        after = {name: (server.session(name).tag(), whole(server.session(name))) for name in before}
        assert after == before
        assert server.session("deleted").get().status_code == 404
        restored = server.session("restored").get().json()
        assert restored["restored_from"] == f"{checkpoint['digest']}@1"
        assert (restored["step"], restored["steps_since_restore"]) == (1, 0)


def test_sessions_are_listed_before_they_are_loaded(tmp_path: Path) -> None:
    """A list has what the store has, in order, page by page, and loads nothing."""
    with on(tmp_path, durability="journal") as server:
        for name in ("a", "b", "c", "d"):
            server.session(name).create(params=[1.0], labels={"kind": "even" if name in "bd" else "odd"})
            server.session(name).step([0.5])
    with on(tmp_path, durability="journal") as server:
        server.session("c").get()
        server.session("e").create(params=[1.0])
        page = server.http.get("/v1/sessions", params={"page_size": 3}).json()
        assert [(one["id"], one["step"]) for one in page["sessions"]] == [("a", 1), ("b", 1), ("c", 1)]
        rest = server.http.get("/v1/sessions", params={"page_token": page["next_page_token"]}).json()
        assert [one["id"] for one in rest["sessions"]] == ["d", "e"]
        even = server.http.get("/v1/sessions", params={"label": "kind=even"}).json()
        assert [one["id"] for one in even["sessions"]] == ["b", "d"]
        assert server.call(lambda: len(server.engine.table)) == 2


def test_a_journaled_session_is_written_whole_in_time(tmp_path: Path) -> None:
    """After so many steps a snapshot bounds what loading takes; the history before it stays."""
    with on(tmp_path, durability="journal", snapshot_steps=5) as server:
        run = server.session("run")
        run.create(params=[1.0, 2.0])
        for _ in range(7):
            run.step([0.5, 0.25])
        state = whole(run)
        key = server.call(lambda: next(iter(server.engine.table)).key)
        store = server.engine.journal.store  # type: ignore[union-attr]

        def newest() -> bool:
            with store.load(key) as recovered:
                return recovered.snapshot.position.step >= 5

        until(newest, "a snapshot is written")
        assert [step.step for step in store.steps(key, None, 0, 10)] == [1, 2, 3, 4, 5, 6, 7]
    with on(tmp_path, durability="journal") as server:
        assert whole(server.session("run")) == state


def test_a_snapshot_can_be_asked_for(tmp_path: Path, server: Running) -> None:
    """POST snapshot answers once the session is in the store; one of memory is refused."""
    session = server.session()
    session.create(params=[1.0])
    refused = server.http.post(session.path + "/snapshot")
    assert (refused.status_code, refused.json()["code"]) == (422, "not-durable")
    with on(tmp_path, durability="snapshot") as kept:
        run = kept.session("run")
        run.create(params=[1.0])
        run.step([0.5])
        answer = kept.http.post(run.path + "/snapshot")
        assert (answer.status_code, answer.json()["step"]) == (200, 1)
        store = kept.engine.journal.store  # type: ignore[union-attr]
        (head,) = store.sessions()
        assert head.position.step == 1


def test_expiry_counts_anew_after_a_restart_and_reaches_the_store(tmp_path: Path) -> None:
    """A session whose time is up leaves the store, whether it has been loaded or not, and its id is free."""
    with on(tmp_path, durability="journal") as server:
        for name in ("loaded", "asleep", "kept"):
            server.session(name).create(params=[1.0], ttl_s=None if name == "kept" else 0.5)
            server.session(name).step([0.5])
    with on(tmp_path, durability="journal") as server:
        assert server.session("loaded").get().status_code == 200
        store = server.engine.journal.store  # type: ignore[union-attr]
        until(lambda: [head.key.id for head in store.sessions()] == ["kept"], "the expired sessions leave the store")
        assert server.session("asleep").get().json()["code"] == "session-expired"
        assert server.session("asleep").create(params=[1.0]).status_code == 201
