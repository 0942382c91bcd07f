"""Retention: dropping the oldest history of a session, and never what is still needed."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from stepd.records import Position
from stepd.storage.contract import Forgotten
from stepd.storage.reading import session_rows
from stepd.storage.rows import incarnation_name, incarnation_row
from stepd.storage.tables import HEADS, INCARNATIONS, OF_SNAPSHOT, OF_STEP, PARTS, SNAPSHOTS, STEPS
from stepd.values import SessionKey

TABLES = (PARTS, STEPS, SNAPSHOTS)


def forget(connection: Connection, key: SessionKey, keep_steps: int | None, keep_bytes: int | None) -> Forgotten:
    """See `Store.forget`."""
    if keep_steps is None and keep_bytes is None:
        return Forgotten(0, 0)
    # The head's row is locked, so that nobody changes or deletes the session meanwhile.
    of_session = (HEADS.c.tenant == key.tenant) & (HEADS.c.id == key.id)
    connection.execute(sa.update(HEADS).where(of_session).values(step=HEADS.c.step))
    steps = snapshots = 0
    steps_left, bytes_left = keep_steps, keep_bytes
    lives = session_rows(connection, key).lives
    for number, (life, end) in enumerate(lives):
        exhausted = _is_spent(steps_left) or _is_spent(bytes_left)
        if number and exhausted:
            _end_lineage(connection, key, lives[number - 1][0])
            for older, _ in lives[number:]:
                dropped = _drop_life(connection, older)
                steps, snapshots = steps + dropped.steps, snapshots + dropped.snapshots
            break
        oldest, steps_left, bytes_left = _oldest_kept(connection, life, end.step, steps_left, bytes_left)
        dropped = _drop_before(connection, life, oldest)
        steps, snapshots = steps + dropped.steps, snapshots + dropped.snapshots
    return Forgotten(steps, snapshots)


def _is_spent(left: int | None) -> bool:
    return left is not None and left <= 0


def _oldest_kept(
    connection: Connection, life: Row[Any], end: int, steps_left: int | None, bytes_left: int | None
) -> tuple[int, int | None, int | None]:
    """The first step that stays of a life, and what may then stay of earlier ones."""
    query = (
        sa.select(STEPS.c.step, STEPS.c.grads_bytes + sa.func.coalesce(STEPS.c.params_bytes, 0))
        .where(STEPS.c.incarnation == life.incarnation)
        .order_by(STEPS.c.step.desc())
    )
    oldest = end + 1
    with connection.execute(query, execution_options={"yield_per": 256}) as rows:
        for step, nbytes in rows:
            if _is_spent(steps_left) or (bytes_left is not None and bytes_left < nbytes):
                return oldest, 0, 0
            oldest = step
            steps_left = None if steps_left is None else steps_left - 1
            bytes_left = None if bytes_left is None else bytes_left - nbytes
    return oldest, steps_left, bytes_left


def _drop_before(connection: Connection, life: Row[Any], oldest: int) -> Forgotten:
    """Drops the steps before one, but for those that its own state needs: the snapshot before it, and what follows."""
    of_life = SNAPSHOTS.c.incarnation == life.incarnation
    query = sa.select(sa.func.max(SNAPSHOTS.c.step)).where(of_life, SNAPSHOTS.c.step <= oldest)
    base = connection.execute(query).scalar()
    if base is None:
        return Forgotten(0, 0)
    last = min(base, oldest - 1)
    steps = connection.execute(sa.delete(STEPS).where(STEPS.c.incarnation == life.incarnation, STEPS.c.step <= last))
    snapshots = connection.execute(sa.delete(SNAPSHOTS).where(of_life, SNAPSHOTS.c.step < base))
    connection.execute(
        sa.delete(PARTS).where(
            PARTS.c.incarnation == life.incarnation,
            ((PARTS.c.owner == OF_STEP) & (PARTS.c.step <= last))
            | ((PARTS.c.owner == OF_SNAPSHOT) & (PARTS.c.step < base)),
        )
    )
    return Forgotten(steps.rowcount, snapshots.rowcount)


def _drop_life(connection: Connection, life: Row[Any]) -> Forgotten:
    counts = {
        table: connection.execute(sa.delete(table).where(table.c.incarnation == life.incarnation)).rowcount
        for table in (*TABLES, INCARNATIONS)
    }
    return Forgotten(counts[STEPS], counts[SNAPSHOTS])


def _end_lineage(connection: Connection, key: SessionKey, life: Row[Any]) -> None:
    """Makes this life the first that is known of the session."""
    began = Position(incarnation_name(life.incarnation), 0)
    row = incarnation_row(key, began, life.began_at, None)
    connection.execute(sa.update(INCARNATIONS).where(INCARNATIONS.c.incarnation == life.incarnation).values(row))
