"""One group of writes inside one transaction: each moves its session's head from exactly what its writer holds.

The usual group moves every head, so all heads are moved by one statement and counted. Where the count is short somebody
else has moved one: the transaction is taken back, and done again write by write to find out whose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Table, bindparam
from sqlalchemy.dialects import postgresql, sqlite

from stepd.records import Position
from stepd.storage.contract import Write
from stepd.storage.rows import (
    Values,
    head_row,
    incarnation_number,
    incarnation_row,
    profile_columns,
    snapshot_row,
    step_row,
)
from stepd.storage.statements import Statement
from stepd.storage.tables import HEADS, INCARNATIONS, OF_SNAPSHOT, PARTS, SNAPSHOTS, STEPS
from stepd.values import SessionKey

_AT_EXPECTED = (
    (HEADS.c.tenant == bindparam("of_tenant"))
    & (HEADS.c.id == bindparam("of_id"))
    & (HEADS.c.incarnation == bindparam("of_incarnation"))
    & (HEADS.c.step == bindparam("of_step"))
)
_MOVE = Statement(
    sa.update(HEADS)
    .where(_AT_EXPECTED)
    .values({name: bindparam(name) for name in ("incarnation", "step", "clean", "updated_at", "checksum")})
)
_REMOVE = sa.delete(HEADS).where(_AT_EXPECTED)
_BEGIN = {"sqlite": sqlite.insert(HEADS).on_conflict_do_nothing()}
_BEGIN["postgresql"] = postgresql.insert(HEADS).on_conflict_do_nothing()  # type: ignore[assignment]  # same verbs, no common class
_INSERTS = {
    table: Statement(sa.insert(table), [column.name for column in table.c])
    for table in (INCARNATIONS, STEPS, SNAPSHOTS, PARTS)
}
_CHANGE_PROFILE = (
    sa.update(INCARNATIONS)
    .where(INCARNATIONS.c.incarnation == bindparam("of_incarnation"))
    .values({name: bindparam(name) for name in ("profile", "profile_checksum")})
)


@dataclass(slots=True)
class _Gathered:
    """The rows of accepted writes, to be inserted table by table."""

    rows: dict[Table, list[Values]] = field(default_factory=lambda: {table: [] for table in _INSERTS})
    profiles: list[Values] = field(default_factory=list)

    def insert(self, connection: Connection) -> None:
        for table, rows in self.rows.items():
            if rows:
                _INSERTS[table].run(connection, rows)
        if self.profiles:
            connection.execute(_CHANGE_PROFILE, self.profiles)


def in_order(writes: Sequence[Write]) -> list[int]:
    """The writes' numbers by session: two services that lock many heads in one order can't wait for one another.

    Writes of one session stay as they are.
    """
    return sorted(range(len(writes)), key=lambda number: writes[number].key)


def write_all(connection: Connection, writes: Sequence[Write], now: float) -> bool:
    """The usual group: only moves, and all heads where they are expected. False where that is not so: take it back."""
    if any(write.expected is None or write.to is None or write.clears_older for write in writes):
        return False
    if _MOVE.run(connection, [_fence(write) | _head(write, now) for write in writes]) != len(writes):
        return False
    gathered = _Gathered()
    for write in writes:
        _gather(connection, write, now, gathered)
    gathered.insert(connection)
    return True


def write_one(connection: Connection, write: Write, now: float) -> bool:
    """One write of a group in which not all is as usual. False where its session is elsewhere: it is left out alone."""
    if write.expected is None:
        begin = _BEGIN[connection.dialect.name]
        moved = connection.execute(begin, _head(write, now), execution_options={"preserve_rowcount": True}).rowcount
    elif write.to is None:
        moved = connection.execute(_REMOVE, _fence(write)).rowcount
    else:
        moved = _MOVE.run(connection, [_fence(write) | _head(write, now)])
    if moved != 1:
        return False
    if write.to is None:
        _clear(connection, write.key)
        return True
    gathered = _Gathered()
    if write.clears_older:
        began_at = _clear(connection, write.key)
        if not write.is_new_life:
            gathered.rows[INCARNATIONS].append(_life(write, now if began_at is None else began_at, None))
    _gather(connection, write, now, gathered)
    gathered.insert(connection)
    return True


def _fence(write: Write) -> dict[str, Any]:
    if write.expected is None:
        raise AssertionError("a session that begins has no head to be found")
    incarnation = incarnation_number(write.expected.incarnation)
    return {
        "of_tenant": write.key.tenant,
        "of_id": write.key.id,
        "of_incarnation": incarnation,
        "of_step": write.expected.step,
    }


def _head(write: Write, now: float) -> Values:
    if write.to is None:
        raise AssertionError("a session that is deleted goes nowhere")
    return head_row(write.key, write.to, write.clean, now)


def _gather(connection: Connection, write: Write, now: float, gathered: _Gathered) -> None:
    if write.to is None:
        return
    incarnation, profile = incarnation_number(write.to.incarnation), write.new_profile
    if write.is_new_life:
        gathered.rows[INCARNATIONS].append(_life(write, now, None if write.clears_older else write.expected))
    elif profile is not None:
        gathered.profiles.append({"of_incarnation": incarnation, **profile_columns(incarnation, profile)})
    if write.step is not None:
        row, parts = step_row(incarnation, write.step)
        gathered.rows[STEPS].append(row)
        gathered.rows[PARTS] += parts
    if write.snapshot is not None:
        if write.to == write.expected:
            _drop_snapshot(connection, incarnation, write.to.step)
        row, parts = snapshot_row(write.snapshot)
        gathered.rows[SNAPSHOTS].append(row)
        gathered.rows[PARTS] += parts


def _life(write: Write, began_at: float, previous: Position | None) -> Values:
    if write.to is None or write.new_profile is None:
        raise AssertionError("a life begins with a snapshot")
    row = incarnation_row(write.key, write.to, began_at, previous)
    return row | profile_columns(row["incarnation"], write.new_profile)


def _drop_snapshot(connection: Connection, incarnation: int, step: int) -> None:
    """Makes way for a newer snapshot of the same state: its keys, labels or time may be others."""
    for table in (SNAPSHOTS, PARTS):
        which = (table.c.incarnation == incarnation) & (table.c.step == step)
        if table is PARTS:
            which &= PARTS.c.owner == OF_SNAPSHOT
        connection.execute(sa.delete(table).where(which))


def _clear(connection: Connection, key: SessionKey) -> float | None:
    """Removes all of a session but its head. Gives when the newest of its lives began."""
    of_session = (INCARNATIONS.c.tenant == key.tenant) & (INCARNATIONS.c.id == key.id)
    lives = sa.select(INCARNATIONS.c.incarnation).where(of_session)
    for table in (PARTS, STEPS, SNAPSHOTS):
        connection.execute(sa.delete(table).where(table.c.incarnation.in_(lives)))
    began_at = connection.execute(sa.select(sa.func.max(INCARNATIONS.c.began_at)).where(of_session)).scalar()
    connection.execute(sa.delete(INCARNATIONS).where(of_session))
    return began_at
