"""What is written is read back bit for bit, whatever the dtype, the size and the fields that a step has."""

import numpy as np
import pytest

from stepd.errors import SessionNotFound
from stepd.records import Position
from stepd.storage import rows
from stepd.storage.contract import Write
from stepd.storage.store import SqlStore
from stepd.values import DTYPES, KeyRecord
from tests.storage.sessions import ROLES, Writer, begin, bits, key_of, loaded, profile_of, take

EXTREMES = [-0.0, 0.0, 5e-324, -1e-310, 1.7976931348623157e308, 0.1]
EXTREMES_32 = [-0.0, 0.0, 1e-45, -1e-40, 3.4028235e38, 0.1]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_step_comes_back_bit_for_bit(store: SqlStore, dtype: str) -> None:
    """Signed zeros, subnormals and the largest values, in gradients, params and snapshots; and every other field."""
    values = np.array(EXTREMES if dtype == "float64" else EXTREMES_32, DTYPES[dtype])
    writer = Writer("run-7", profile_of((6,), dtype))
    created = writer.create()
    assert created.snapshot is not None
    dict(created.snapshot.vectors)["params"][:] = values
    fields = {"grads": values, "params": values[::-1], "lr": 0.1, "key": "k", "fingerprint": b"\x00\xff", "worker": "w"}
    take(store, created, writer.step(**fields, time=1e9 + 1 / 3, grad_norm=float("inf"), update_norm=5e-324))
    snapshot, (step,) = loaded(store, writer.key)
    assert snapshot.position == Position(writer.at.incarnation, 0)
    assert snapshot.profile == writer.profile
    assert tuple(snapshot.vectors) == ROLES
    assert bits(snapshot.vectors["params"]) == bits(values)
    assert snapshot.vectors["params"].dtype == values.dtype
    assert (bits(step.grads), bits(step.params)) == (bits(values), bits(values[::-1]))
    assert step.grads.dtype == values.dtype
    assert (step.step, step.lr, step.key, step.fingerprint, step.worker) == (1, 0.1, "k", b"\x00\xff", "w")
    assert (step.time, step.grad_norm, step.update_norm) == (1e9 + 1 / 3, float("inf"), 5e-324)


def test_a_plain_step_has_nothing_that_it_was_not_given(store: SqlStore) -> None:
    """No params, no lr, no key and no worker are read back as none."""
    writer = begin(store, steps=1)
    _, (step,) = loaded(store, writer.key)
    assert (step.params, step.lr, step.key, step.fingerprint, step.worker) == (None, None, None, b"", None)


def test_remembered_keys_come_back_oldest_first(store: SqlStore) -> None:
    """With step, fingerprint and worker, those of earlier incarnations included."""
    writer = begin(store, steps=2)
    keys = {"z": KeyRecord("aaaaaaaaaaaac", 7, b"\x01" * 16), "a": KeyRecord(writer.at.incarnation, 2, b"", "gpu-1")}
    take(store, writer.snap(keys))
    snapshot, steps = loaded(store, writer.key)
    assert list(snapshot.keys.items()) == list(keys.items())
    assert steps == []


@pytest.mark.parametrize("part_bytes", [8, 24, 1000])
def test_long_vectors_are_cut_and_joined(store: SqlStore, monkeypatch: pytest.MonkeyPatch, part_bytes: int) -> None:
    """Where a vector is longer than a part, of a step as of a snapshot, it comes back whole."""
    monkeypatch.setattr(rows, "PART_BYTES", part_bytes)
    writer = begin(store, shape=(10,))
    take(store, writer.step(params=np.arange(10.0)), writer.step())
    snapshot, steps = loaded(store, writer.key)
    assert all(bits(snapshot.vectors[role]) == bits(writer.snapshot(Position("", 0)).vectors[role]) for role in ROLES)
    assert bits(steps[0].params) == bits(np.arange(10.0))
    assert [step.grads[0] for step in steps] == [1.1, 2.1]
    assert [step.nbytes for step in store.steps(writer.key, None, 0, 9)] == [160, 80]


def test_an_unshaped_session_gets_its_shape_by_a_step(store: SqlStore) -> None:
    """The snapshot says that it had none, the profile which it has now."""
    writer = begin(store, shape=None)
    snapshot, steps = loaded(store, writer.key)
    assert (snapshot.vectors, snapshot.profile.shape, steps) == ({}, None, [])
    shaped = writer.step(params=np.zeros(3))
    take(store, Write(shaped.key, shaped.expected, shaped.to, profile_of((3,)), step=shaped.step), writer.step())
    with store.load(writer.key) as recovered:
        assert (recovered.profile.shape, recovered.snapshot.profile.shape) == ([3], None)
        assert [step.step for step in recovered.steps] == [1, 2]
    head = store.find(writer.key)
    assert head is not None
    assert head.profile == profile_of((3,))


def test_sessions_are_listed_with_where_they_stand(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them, whatever a page holds, by tenant and id, with the clean mark of a shutdown until the next change."""
    monkeypatch.setattr("stepd.storage.reading.PAGE", 2)
    writers = [begin(store, f"s{number}", steps=number) for number in range(5)]
    take(store, writers[3].snap(clean=True))
    heads = list(store.sessions())
    assert [(head.key, head.position) for head in heads] == [(writer.key, writer.at) for writer in writers]
    assert [head.clean for head in heads] == [False, False, False, True, False]
    assert {head.damage for head in heads} == {None}
    assert heads[3] == store.find(writers[3].key)
    take(store, writers[3].step())
    assert not store.find(writers[3].key).clean  # type: ignore[union-attr]  # it is there
    assert store.find(key_of("nobody")) is None


def test_a_deleted_session_leaves_nothing(store: SqlStore) -> None:
    """All of its lives go, its neighbours stay, and its id is free."""
    other, writer = begin(store, "other", steps=2), begin(store, steps=3)
    take(store, writer.create(), writer.step(), writer.delete())
    assert store.find(writer.key) is None
    with pytest.raises(SessionNotFound), store.load(writer.key):
        pass
    assert list(store.problems()) == []
    assert len(loaded(store, other.key)[1]) == 2
    begin(store)
    assert loaded(store, writer.key)[1] == []


def test_everything_is_there_after_reopening(store: SqlStore, opened) -> None:
    """By this service and by the next one."""
    writer = begin(store, steps=3)
    store.reopen()
    assert len(loaded(store, writer.key)[1]) == 3
    take(store, writer.step())
    store.close()
    assert len(loaded(opened(), writer.key)[1]) == 4
