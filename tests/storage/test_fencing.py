"""A write is taken only from exactly where its writer believes the session to be, and refused alone."""

import numpy as np
import pytest

from stepd.records import Position
from stepd.storage.contract import Write
from stepd.storage.store import SqlStore
from tests.server import in_thread
from tests.storage.conftest import Open
from tests.storage.sessions import Writer, begin, bits, key_of, loaded, take, vector


def copy_of(writer: Writer) -> Writer:
    """The session as another service sees it that has loaded it now."""
    return Writer(writer.name, writer.profile, writer.position)


@pytest.mark.parametrize("verb", ["step", "create", "delete", "snap"])
def test_of_two_services_only_one_can_change_a_session(opened: Open, verb: str) -> None:
    """Step, reset, delete and snapshot of the one whose position is old are refused, and nothing of them is stored."""
    first, second = opened(), opened()
    here = begin(first, steps=1)
    there = copy_of(here)
    take(second, there.step(grads=vector(100)))
    assert first.commit([getattr(here, verb)()]) == [False]
    _, steps = loaded(first, here.key)
    assert [bits(step.grads) for step in steps] == [bits(vector(1)), bits(vector(100))]
    take(second, there.step())
    assert list(second.problems()) == []


def test_a_refused_write_does_not_fail_its_group(opened: Open) -> None:
    """The others of the group commit are taken, whatever they are and wherever it stands among them."""
    first, second = opened(), opened()
    writers = [begin(first, f"s{number}") for number in range(5)]
    take(second, copy_of(writers[2]).step())
    deleted = begin(first, "s9")
    group = [writer.step() for writer in reversed(writers)] + [deleted.delete(), Writer("s6").create()]
    assert first.commit(group) == [True, True, False, True, True, True, True]
    assert [len(loaded(first, writer.key)[1]) for writer in writers] == [1] * 5
    assert [head.key.id for head in first.sessions()] == ["s0", "s1", "s2", "s3", "s4", "s6"]


def test_what_follows_a_refused_write_is_refused(store: SqlStore) -> None:
    """Two steps of one session in one group: both are taken in order, or neither."""
    good, bad = begin(store, "good"), begin(store, "bad")
    bad.position = Position(bad.at.incarnation, 7)
    outcome = store.commit([bad.step(), good.step(), bad.step(), good.step()])
    assert outcome == [False, True, False, True]
    assert (len(loaded(store, good.key)[1]), len(loaded(store, bad.key)[1])) == (2, 0)


def test_an_id_is_given_once(opened: Open) -> None:
    """Of two creations one is refused, also within one group, and also of one that is not seen yet."""
    first, second = opened(), opened()
    assert first.commit([Writer().create(), Writer().create()]) == [True, False]
    assert second.commit([Writer().create()]) == [False]
    assert len(list(second.sessions())) == 1
    assert list(second.problems()) == []


def test_a_life_of_the_same_step_is_not_mistaken(opened: Open) -> None:
    """After a reset the step number may be the same again: the incarnation tells them apart."""
    first, second = opened(), opened()
    here = begin(first)
    there = copy_of(here)
    take(second, there.create())
    assert here.at.step == there.at.step == 0
    assert first.commit([here.step()]) == [False]


def test_services_that_write_the_same_sessions_in_other_orders_come_to_an_end(opened: Open) -> None:
    """Two services, the same 8 sessions, groups in opposite orders, at once: every step is taken by exactly one."""
    stores, rounds = (opened(), opened()), 20
    writers = [begin(stores[0], f"s{number}") for number in range(8)]
    starts = {writer.key: writer.at for writer in writers}

    def contend(store: SqlStore, keys: list) -> int:
        taken = 0
        for step in range(rounds):
            group = []
            for key in keys:
                writer = Writer(key.id, position=starts[key]._replace(step=step))
                group.append(writer.step())
            taken += sum(store.commit(group))
        return taken

    keys = list(starts)
    ends = [in_thread(lambda: contend(stores[0], keys)), in_thread(lambda: contend(stores[1], keys[::-1]))]
    taken = sum(end() for end in ends)
    assert taken == sum(head.position.step for head in stores[0].sessions())
    assert taken >= rounds
    assert list(stores[0].problems()) == []
    for key in keys:
        loaded(stores[1], key)


def test_a_write_has_to_make_sense() -> None:
    """What does not fit together is a programmer's error and never reaches the database."""
    writer = Writer()
    created = writer.create()
    here, key = writer.at, key_of("run-7")
    on = here._replace(step=1)
    step = writer.step().step
    for wrong in (
        {"expected": None, "to": None},
        {"expected": here, "to": None, "step": step},
        {"expected": None, "to": here},
        {"expected": None, "to": here, "snapshot": created.snapshot, "step": step},
        {"expected": here, "to": on},
        {"expected": here, "to": on._replace(step=2), "step": step},
        {"expected": here, "to": on, "step": step, "snapshot": created.snapshot},
        {"expected": on, "to": here, "snapshot": created.snapshot},
        {"expected": here, "to": on, "step": step, "clears_older": True},
    ):
        with pytest.raises(ValueError, match="a write of session 'run-7'"):
            Write(key, **wrong)  # type: ignore[arg-type]
    assert np.array_equal(created.snapshot.vectors["params"], vector(0))  # type: ignore[union-attr]
