"""The past of a session: its steps, its states, its lives; and what retention drops of them."""

import pytest

from stepd.errors import SessionNotFound, StepNotRetained
from stepd.storage.contract import Forgotten, StepSummary, Write
from stepd.storage.store import SqlStore
from tests.storage.sessions import begin, key_of, loaded, profile_of, take


def numbers(store: SqlStore, writer, *where) -> list[int]:
    """The step numbers that make a state, after the snapshot's."""
    snapshot, steps = loaded(store, writer.key, *where)
    return [snapshot.position.step, *(step.step for step in steps)]


def test_a_state_is_made_of_the_newest_snapshot_before_it(store: SqlStore) -> None:
    """At each step of a session with snapshots at 0, 2 and 4; beyond the last there is none."""
    writer = begin(store, steps=2)
    take(store, writer.snap(), writer.step(), writer.step(), writer.snap(), writer.step())
    found = {step: numbers(store, writer, None, step) for step in range(6)}
    assert found == {0: [0], 1: [0, 1], 2: [2], 3: [2, 3], 4: [4], 5: [4, 5]}
    assert numbers(store, writer) == [4, 5]
    with pytest.raises(StepNotRetained, match="at step 6"):
        numbers(store, writer, None, 6)


def test_steps_are_listed_without_their_vectors(store: SqlStore) -> None:
    """Page by page, with all that a step says of itself."""
    writer = begin(store, steps=5)
    take(store, writer.step(lr=0.5, worker="gpu-1", key="k"))
    assert [step.step for step in store.steps(writer.key, None, 0, 2)] == [1, 2]
    assert [step.step for step in store.steps(writer.key, None, 2, 99)] == [3, 4, 5, 6]
    assert store.steps(writer.key, None, 5, 1) == [StepSummary(6, 3.5, 0.25, 0.5, 0.5, "gpu-1", "k", 24)]


def test_earlier_lives_can_be_named(store: SqlStore) -> None:
    """Steps and states are those of the current incarnation unless another is named."""
    writer = begin(store, steps=3)
    old = writer.at
    take(store, writer.create(), writer.step())
    assert numbers(store, writer) == [0, 1]
    assert numbers(store, writer, old.incarnation) == [0, 1, 2, 3]
    assert numbers(store, writer, old.incarnation, 2) == [0, 1, 2]
    assert len(store.steps(writer.key, old.incarnation, 0, 9)) == 3
    lives = store.incarnations(writer.key)
    assert [(life.incarnation, life.first_step, life.last_step) for life in lives] == [
        (writer.at.incarnation, 0, 1),
        (old.incarnation, 0, 3),
    ]
    with pytest.raises(StepNotRetained, match="no incarnation 'aaaaaaaaaaaac'"):
        numbers(store, writer, "aaaaaaaaaaaac")
    for ask in (store.incarnations, lambda key: store.steps(key, None, 0, 1)):
        with pytest.raises(SessionNotFound):
            ask(key_of("nobody"))


def test_retention_by_steps_keeps_what_the_kept_states_need(store: SqlStore) -> None:
    """Of 9 steps with snapshots at 0, 3 and 6 the newest 4 stay, and what the state after the first of them needs."""
    writer = begin(store, steps=3)
    take(store, writer.snap(), *(writer.step() for _ in range(3)), writer.snap(), *(writer.step() for _ in range(3)))
    assert store.forget(writer.key, keep_steps=4, keep_bytes=None) == Forgotten(5, 2)
    assert [step.step for step in store.steps(writer.key, None, 0, 99)] == [6, 7, 8, 9]
    assert numbers(store, writer, None, 6) == [6]
    assert numbers(store, writer) == [6, 7, 8, 9]
    with pytest.raises(StepNotRetained):
        numbers(store, writer, None, 5)
    assert store.forget(writer.key, keep_steps=0, keep_bytes=None) == Forgotten(1, 0)
    assert numbers(store, writer) == [6, 7, 8, 9], "what follows the newest snapshot always stays"
    assert list(store.problems()) == []


def test_retention_by_bytes(store: SqlStore) -> None:
    """24 bytes a step: 80 bytes hold three."""
    writer = begin(store, steps=5)
    take(store, writer.snap(), writer.step())
    assert store.forget(writer.key, keep_steps=None, keep_bytes=10**9) == Forgotten(0, 0)
    assert store.forget(writer.key, keep_steps=None, keep_bytes=80) == Forgotten(0, 0), "step 4 needs those before it"
    assert store.forget(writer.key, keep_steps=None, keep_bytes=24) == Forgotten(5, 1)
    assert numbers(store, writer) == [5, 6]


def test_retention_counts_through_the_lives(store: SqlStore) -> None:
    """The newest steps may lie in several lives; older lives go as a whole, and the rest still loads."""
    writer = begin(store, steps=2)
    oldest = writer.at
    take(store, writer.create(), *(writer.step() for _ in range(3)))
    middle = writer.at
    take(store, writer.create(), writer.step())
    assert store.forget(writer.key, keep_steps=None, keep_bytes=None) == Forgotten(0, 0)
    assert store.forget(writer.key, keep_steps=4, keep_bytes=None) == Forgotten(2, 1)
    assert [life.incarnation for life in store.incarnations(writer.key)] == [writer.at.incarnation, middle.incarnation]
    assert numbers(store, writer, middle.incarnation) == [0, 1, 2, 3]
    with pytest.raises(StepNotRetained):
        numbers(store, writer, oldest.incarnation)
    assert store.forget(writer.key, keep_steps=1, keep_bytes=None) == Forgotten(3, 1)
    assert len(store.incarnations(writer.key)) == 1
    assert list(store.problems()) == []
    take(store, writer.step())


def test_a_snapshot_can_take_all_that_is_older_with_it(store: SqlStore) -> None:
    """For sessions that are kept as snapshots only: one transaction, also where a new life begins with it."""
    writer = begin(store, durability="snapshot", steps=0)
    at = writer.at._replace(step=7)
    write = Write(writer.key, writer.position, at, snapshot=writer.snapshot(at), clean=True, clears_older=True)
    began = store.incarnations(writer.key)[0].began_at
    take(store, write)
    (life,) = store.incarnations(writer.key)
    assert (life.first_step, life.last_step, life.began_at) == (7, 7, began)
    writer.position = at
    assert numbers(store, writer) == [7]
    reset = writer.create()
    take(store, Write(reset.key, reset.expected, reset.to, snapshot=reset.snapshot, clears_older=True))
    assert len(store.incarnations(writer.key)) == 1
    assert numbers(store, writer) == [0]
    assert list(store.problems()) == []


def test_between_snapshots_a_session_without_journal_has_no_states(store: SqlStore) -> None:
    """Snapshots at 0 and 5: the state at 3 is not kept, which is no damage."""
    writer = begin(store, durability="snapshot")
    at = writer.at._replace(step=5)
    take(store, Write(writer.key, writer.position, at, snapshot=writer.snapshot(at)))
    writer.position = at
    assert numbers(store, writer) == [5]
    assert numbers(store, writer, None, 0) == [0]
    with pytest.raises(StepNotRetained):
        numbers(store, writer, None, 3)


def test_labels_may_change_without_a_step(store: SqlStore) -> None:
    """A profile with a new snapshot of the same state replaces the one that was there."""
    writer = begin(store, steps=1)
    writer.profile = profile_of(run="8")
    take(store, writer.snap(), writer.snap())
    head = store.find(writer.key)
    assert head is not None
    assert head.profile == writer.profile
    assert loaded(store, writer.key)[0].profile == writer.profile
