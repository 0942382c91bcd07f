"""What is changed, moved or lost in the tables is noticed, and only its session is refused."""

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from stepd.errors import SessionCorrupt
from stepd.storage import rows
from stepd.storage.store import SqlStore
from stepd.storage.tables import HEADS, INCARNATIONS, METADATA, OF_STEP, PARTS, SNAPSHOTS, STEPS
from tests.storage.sessions import begin, loaded, take

# Every column of every table that says something of a session, with a value that it may not become.
OTHERS = {
    HEADS: {"incarnation": 1, "step": 2, "clean": True, "updated_at": 1.0, "checksum": b"x" * 16},
    INCARNATIONS: {
        "began_at": 1.0,
        "previous": None,
        "previous_step": 7,
        "checksum": b"x" * 16,
        "profile": "{}",
        "profile_checksum": b"x" * 16,
        "tenant": "other",
        "id": "other",
        "incarnation": 1,
    },
    STEPS: {
        "time": 1.0,
        "grad_norm": 9.0,
        "update_norm": 9.0,
        "lr": 0.5,
        "worker": "w",
        "key": "k",
        "fingerprint": b"x",
        "grads_bytes": 16,
        "params_bytes": 0,
        "vectors_checksum": b"x" * 16,
        "checksum": b"x" * 16,
        "grads": b"\x01" * 24,
        "params": b"\x01" * 24,
        "step": 9,
        "incarnation": 1,
    },
    SNAPSHOTS: {
        "time": 1.0,
        "vectors": "[]",
        "profile": "{}",
        "keys": "[[]]",
        "checksum": b"x" * 16,
        "step": 1,
        "incarnation": 1,
    },
    PARTS: {
        "data": b"\x01" * 24,
        "checksum": b"x" * 16,
        "part": 1,
        "role": "q",
        "step": 1,
        "owner": 0,
        "incarnation": 1,
    },
}
CASES = [(table, name, value) for table, columns in OTHERS.items() for name, value in columns.items()]
KEYS = {HEADS: {"tenant", "id"}}


def change(store: SqlStore, statement: sa.sql.dml.UpdateBase) -> None:
    """Does to the tables what no store does."""

    def work(connection: Connection) -> int:
        return connection.execute(statement).rowcount

    assert store.database.write(work) >= 1


def test_the_cases_know_every_column() -> None:
    """A column that is added without a case here would be a column that nobody checks."""
    for table in METADATA.sorted_tables:
        if table.name != "store":
            keys = KEYS.get(table, set())
            assert {column.name for column in table.c} == OTHERS[table].keys() | keys, table.name


@pytest.mark.parametrize(("table", "name", "value"), CASES, ids=lambda case: getattr(case, "name", str(case)[:12]))
def test_a_changed_column_is_noticed(store: SqlStore, table: sa.Table, name: str, value: object) -> None:
    """The session is refused by name; the other one loads as ever."""
    good, bad = begin(store, "good", steps=3), begin(store, "bad", steps=2)
    take(store, bad.create(), bad.step(), bad.step(), bad.step())
    incarnation = rows.incarnation_number(bad.at.incarnation)
    which = table.c.incarnation == incarnation
    if table is STEPS:
        which &= table.c.step == 2
    if table is PARTS:
        which &= table.c.role == "params"
    change(store, sa.update(table).where(which).values({name: value}))
    with pytest.raises(SessionCorrupt, match="'bad' is damaged"):
        loaded(store, bad.key)
    assert [step.step for step in loaded(store, good.key)[1]] == [1, 2, 3]
    damaged = {head.key.id: head.damage for head in store.sessions()}
    assert damaged.pop("good") is None
    assert (damaged["bad"] is not None) == (table in (HEADS, INCARNATIONS))


@pytest.mark.parametrize("table", [INCARNATIONS, STEPS, SNAPSHOTS, PARTS], ids=lambda table: table.name)
def test_a_lost_row_is_noticed(store: SqlStore, table: sa.Table) -> None:
    """Also the last step's: what was acknowledged is there, or the session does not load."""
    bad = begin(store, "bad", steps=3)
    which = table.c.incarnation == rows.incarnation_number(bad.at.incarnation)
    for step in (2, 3) if table is STEPS else (0,):
        taken_out = which & (table.c.step == step) if table in (STEPS, SNAPSHOTS) else which
        change(store, sa.delete(table).where(taken_out))
        with pytest.raises(SessionCorrupt, match=r"missing|no snapshot"):
            loaded(store, bad.key)


def test_parts_of_a_long_step_are_verified_too(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that is another's, short or gone."""
    monkeypatch.setattr(rows, "PART_BYTES", 16)
    for number, values in enumerate([{"data": b"\x01" * 16}, {"part": 9}, {"owner": 1}]):
        bad = begin(store, f"bad{number}", steps=1)
        incarnation = rows.incarnation_number(bad.at.incarnation)
        which = (PARTS.c.incarnation == incarnation) & (PARTS.c.owner == OF_STEP) & (PARTS.c.part == 0)
        change(store, sa.update(PARTS).where(which).values(values))
        with pytest.raises(SessionCorrupt):
            loaded(store, bad.key)


def test_rows_of_another_session_do_not_pass_for_ones_own(store: SqlStore) -> None:
    """Two sessions whose steps are exchanged as a whole: each row is sound, and in the wrong place."""
    first, second = begin(store, "first", steps=1), begin(store, "second", steps=1)
    numbers = [rows.incarnation_number(writer.at.incarnation) for writer in (first, second)]
    for old, new in ((numbers[0], 5), (numbers[1], numbers[0]), (5, numbers[1])):
        change(store, sa.update(STEPS).where(STEPS.c.incarnation == old).values(incarnation=new))
    for writer in (first, second):
        with pytest.raises(SessionCorrupt):
            loaded(store, writer.key)


def test_rows_that_are_nobodys_are_a_problem(store: SqlStore) -> None:
    """The audit names the table and how many."""
    writer = begin(store, steps=2)
    assert list(store.problems()) == []
    change(store, sa.update(STEPS).values(incarnation=5))
    change(store, sa.delete(HEADS).where(HEADS.c.id == writer.name))
    assert list(store.problems()) == ["2 rows of steps are of no session", "1 rows of incarnations are of no session"]


def test_a_damaged_session_can_be_deleted(store: SqlStore) -> None:
    """It is moved from where the head says, whatever else is wrong."""
    writer = begin(store, steps=2)
    change(store, sa.update(SNAPSHOTS).values(keys="x"))
    take(store, writer.delete())
    assert list(store.problems()) == []
