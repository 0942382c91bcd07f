"""Reading sessions back: lists, single heads, what makes a state, steps without vectors. Every row is verified."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sa
from sqlalchemy import Connection, Row

from stepd.errors import SessionCorrupt, SessionNotFound, StepNotRetained
from stepd.records import Position, Profile, Snapshot, StepRecord
from stepd.storage.contract import Head, Life, Recovered, StepSummary
from stepd.storage.rows import (
    GRADS,
    PARAMS,
    DamagedRow,
    head_of,
    incarnation_name,
    listed,
    profile_of,
    require_whole,
    snapshot_of,
    snapshot_sizes,
    step_of,
    summary_of,
)
from stepd.storage.tables import HEADS, INCARNATIONS, OF_SNAPSHOT, OF_STEP, PARTS, SNAPSHOTS, STEPS
from stepd.values import DTYPES, FloatArray, SessionKey

PAGE = 1000
FETCH_BYTES = 4 * 2**20
SUMMARY = [column for column in STEPS.c if column.name not in (GRADS, PARAMS)]


class Session(NamedTuple):
    """A session's lives as its rows say, newest first, each with where it ended."""

    key: SessionKey
    lives: list[tuple[Row[Any], Position]]


def heads_after(connection: Connection, after: SessionKey | None) -> list[Head]:
    """The next page of sessions by tenant and id."""
    query = sa.select(HEADS).order_by(HEADS.c.tenant, HEADS.c.id).limit(PAGE)
    if after is not None:
        query = query.where(sa.tuple_(HEADS.c.tenant, HEADS.c.id) > sa.tuple_(*map(sa.literal, after)))
    heads = connection.execute(query).all()
    numbers = [head.incarnation for head in heads]
    lives = connection.execute(sa.select(INCARNATIONS).where(INCARNATIONS.c.incarnation.in_(numbers)))
    by_number = {life.incarnation: life for life in lives}
    return [listed(head, by_number.get(head.incarnation)) for head in heads]


def head_at(connection: Connection, key: SessionKey) -> Head | None:
    """One session as it is listed."""
    head = _head(connection, key)
    if head is None:
        return None
    query = sa.select(INCARNATIONS).where(INCARNATIONS.c.incarnation == head.incarnation)
    return listed(head, connection.execute(query).one_or_none())


def recovered(connection: Connection, key: SessionKey, incarnation: str | None, at_step: int | None) -> Recovered:
    """See `Store.load`; the steps are read from the connection as they are asked for."""
    try:
        life, end = _life(_session(connection, key), incarnation)
        profile = profile_of(life, key)
        wanted = end.step if at_step is None else at_step
        snapshot = _snapshot(connection, life.incarnation, wanted) if wanted <= end.step else None
    except (DamagedRow, ValueError) as damage:
        raise corrupt(key, damage) from damage
    if snapshot is None and at_step is None:
        raise corrupt(key, "it has no snapshot")
    steps_follow = profile.durability == "journal" or wanted == end.step
    if snapshot is None or (snapshot.position.step != wanted and not steps_follow):
        raise StepNotRetained(
            f"the state of session {key.id!r} at step {wanted} of incarnation {end.incarnation} is not kept; "
            "its history says which are"
        )
    steps = _steps(connection, key, life.incarnation, snapshot.position.step, wanted, profile)
    return Recovered(Position(end.incarnation, wanted), profile, snapshot, steps)


def summaries(
    connection: Connection, key: SessionKey, incarnation: str | None, after: int, limit: int
) -> list[StepSummary]:
    """See `Store.steps`."""
    try:
        life, _ = _life(_session(connection, key), incarnation)
        query = (
            sa.select(*SUMMARY)
            .where(STEPS.c.incarnation == life.incarnation, STEPS.c.step > after)
            .order_by(STEPS.c.step)
            .limit(limit)
        )
        return [summary_of(row) for row in connection.execute(query)]
    except (DamagedRow, ValueError) as damage:
        raise corrupt(key, damage) from damage


def lives(connection: Connection, key: SessionKey) -> list[Life]:
    """See `Store.incarnations`."""
    found = []
    try:
        for life, end in _session(connection, key).lives:
            first = connection.execute(
                sa.select(sa.func.min(SNAPSHOTS.c.step)).where(SNAPSHOTS.c.incarnation == life.incarnation)
            ).scalar()
            if first is not None:
                found.append(Life(end.incarnation, profile_of(life, key), life.began_at, first, end.step))
    except (DamagedRow, ValueError) as damage:
        raise corrupt(key, damage) from damage
    return found


def corrupt(key: SessionKey, damage: Exception | str) -> SessionCorrupt:
    """What a session is refused with whose rows don't verify."""
    return SessionCorrupt(
        f"what is stored of session {key.id!r} is damaged: {damage}. It was not loaded, and nothing was changed; "
        "restore it from a backup or a checkpoint, or delete it"
    )


def session_rows(connection: Connection, key: SessionKey) -> Session:
    """A session's lives. Raises SessionNotFound, SessionCorrupt."""
    try:
        return _session(connection, key)
    except DamagedRow as damage:
        raise corrupt(key, damage) from damage


def _head(connection: Connection, key: SessionKey) -> Row[Any] | None:
    return connection.execute(sa.select(HEADS).where(HEADS.c.tenant == key.tenant, HEADS.c.id == key.id)).one_or_none()


def _session(connection: Connection, key: SessionKey) -> Session:
    head = _head(connection, key)
    if head is None:
        raise SessionNotFound(f"there is no session {key.id!r}")
    _, position, _, _ = head_of(head)
    query = sa.select(INCARNATIONS).where(INCARNATIONS.c.tenant == key.tenant, INCARNATIONS.c.id == key.id)
    rows = {row.incarnation: row for row in connection.execute(query)}
    lives, number, end = [], head.incarnation, position
    while number is not None:
        life = rows.pop(number, None)
        if life is None:
            raise DamagedRow(f"the row of incarnation {end.incarnation} is missing")
        profile_of(life, key)
        lives.append((life, end))
        number = life.previous
        if number is not None:
            end = Position(incarnation_name(number), life.previous_step)
    return Session(key, lives)


def _life(session: Session, incarnation: str | None) -> tuple[Row[Any], Position]:
    for life, end in session.lives:
        if incarnation is None or end.incarnation == incarnation:
            return life, end
    raise StepNotRetained(f"session {session.key.id!r} has had no incarnation {incarnation!r:.60} that is still kept")


def _snapshot(connection: Connection, incarnation: int, step: int) -> Snapshot | None:
    """The newest snapshot at or before that step, verified."""
    query = (
        sa.select(SNAPSHOTS)
        .where(SNAPSHOTS.c.incarnation == incarnation, SNAPSHOTS.c.step <= step)
        .order_by(SNAPSHOTS.c.step.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    sizes, dtype = snapshot_sizes(row), DTYPES[Profile.from_json(row.profile).dtype]
    vectors: dict[str, FloatArray] = {}
    for role, size in sizes.items():
        joined = np.empty(size, np.uint8)
        _join(connection, (incarnation, row.step, OF_SNAPSHOT, role), joined.data)
        vectors[role] = joined.view(dtype)
    return snapshot_of(row, vectors)


def _join(connection: Connection, place: tuple[int, int, int, str], into: memoryview) -> None:
    """Reads a vector's parts one after another."""
    which = sa.tuple_(PARTS.c.incarnation, PARTS.c.step, PARTS.c.owner, PARTS.c.role) == sa.tuple_(
        *map(sa.literal, place)
    )
    number = filled = 0
    while filled < len(into):
        part = connection.execute(sa.select(PARTS).where(which, PARTS.c.part == number)).one_or_none()
        if part is None:
            raise DamagedRow(f"part {number} of {place[-1]} is missing")
        require_whole("parts", (*place, number), part.checksum, part.data)
        end = filled + len(part.data)
        if end > len(into) or end == filled:
            raise DamagedRow(f"part {number} of {place[-1]} has {len(part.data)} bytes")
        into[filled:end] = part.data
        number, filled = number + 1, end


def _steps(
    connection: Connection, key: SessionKey, incarnation: int, after: int, until: int, profile: Profile
) -> Iterator[StepRecord]:
    """The steps from one state to another: each, in order, with its vectors, verified."""
    query = (
        sa.select(STEPS)
        .where(STEPS.c.incarnation == incarnation, STEPS.c.step > after, STEPS.c.step <= until)
        .order_by(STEPS.c.step)
    )
    number = after
    try:
        with connection.execute(query, execution_options={"yield_per": _at_once(profile)}) as rows:
            for row in rows:
                number += 1
                _require_next(number, row.step)
                yield step_of(row, _vectors(connection, row), profile.dtype)
        _require_next(number + 1, until + 1)
    except DamagedRow as damage:
        raise corrupt(key, damage) from damage


def _require_next(number: int, found: int) -> None:
    if found != number:
        raise DamagedRow(f"step {number} is missing")


def _at_once(profile: Profile) -> int:
    """How many steps may be fetched together without taking much memory."""
    shapes = profile.shape.values() if isinstance(profile.shape, dict) else [profile.shape or [1]]
    vectors = 2 * DTYPES[profile.dtype].itemsize * sum(map(math.prod, shapes))
    return max(1, min(256, FETCH_BYTES // vectors))


def _vectors(connection: Connection, row: Row[Any]) -> dict[str, Any]:
    """A step's vectors, from its row or from its parts."""
    vectors: dict[str, Any] = {GRADS: row.grads, PARAMS: row.params}
    for role, size in ((GRADS, row.grads_bytes), (PARAMS, row.params_bytes)):
        if size is not None and row.grads is None:
            joined = bytearray(size)
            _join(connection, (row.incarnation, row.step, OF_STEP, role), memoryview(joined))
            vectors[role] = joined
    return vectors
