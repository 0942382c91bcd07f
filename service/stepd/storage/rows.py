"""From records to rows and back, with the checksums that tell a damaged or misplaced row from a good one.

A checksum is XXH3-128 over the table's name and every column of the row, its place included.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import xxhash
from sqlalchemy import Row

from stepd.records import Position, Profile, Snapshot, StepRecord
from stepd.storage.contract import Head, StepSummary
from stepd.storage.tables import OF_SNAPSHOT, OF_STEP
from stepd.values import DTYPES, FloatArray, KeyRecord, SessionKey

PART_BYTES = 16 * 2**20
GRADS, PARAMS = "grads", "params"

Values = dict[str, Any]
Columns = Row[Any]


class DamagedRow(ValueError):
    """A row whose checksum does not fit, or that can't be what was written; the message says which."""


@lru_cache(maxsize=4096)
def incarnation_number(incarnation: str) -> int:
    """The 64 bits that an incarnation's name stands for, as a signed integer; raises ValueError for other names.

    >>> incarnation_number("aaaaaaaaaaaac"), incarnation_name(1), incarnation_name(-1)
    (1, 'aaaaaaaaaaaac', '7777777777776')
    """
    number = int.from_bytes(base64.b32decode(incarnation.upper() + "==="), "big", signed=True)
    if incarnation_name(number) != incarnation:
        raise ValueError(f"{incarnation!r} is no incarnation")
    return number


def incarnation_name(number: int) -> str:
    """The name of an incarnation, from its number."""
    return base64.b32encode(number.to_bytes(8, "big", signed=True)).decode().rstrip("=").lower()


def checksum(table: str, columns: tuple[Any, ...], *vectors: memoryview | bytes | None) -> bytes:
    """XXH3-128 of a row; `vectors` are the columns that are long, None for those that the row has not."""
    sizes = tuple(None if vector is None else len(vector) for vector in vectors)
    hashed = xxhash.xxh3_128(repr((table, columns, sizes)).encode())
    for vector in vectors:
        if vector is not None:
            hashed.update(vector)
    return hashed.digest()


def octets(vector: FloatArray) -> memoryview:
    """The vector's little-endian bytes, not copied."""
    return np.ascontiguousarray(vector, vector.dtype.newbyteorder("<")).data.cast("B")


def head_row(key: SessionKey, position: Position, clean: bool, updated_at: float) -> Values:
    """Where a session stands, as a row."""
    columns = (key.tenant, key.id, incarnation_number(position.incarnation), position.step, clean, float(updated_at))
    names = ("tenant", "id", "incarnation", "step", "clean", "updated_at")
    return {**dict(zip(names, columns, strict=True)), "checksum": checksum("heads", columns)}


def incarnation_row(key: SessionKey, position: Position, began_at: float, previous: Position | None) -> Values:
    """The beginning of a session's life, as a row without its profile."""
    before = (None, None) if previous is None else (incarnation_number(previous.incarnation), previous.step)
    columns = (incarnation_number(position.incarnation), key.tenant, key.id, float(began_at), *before)
    names = ("incarnation", "tenant", "id", "began_at", "previous", "previous_step")
    return {**dict(zip(names, columns, strict=True)), "checksum": checksum("incarnations", columns)}


def profile_columns(incarnation: int, profile: Profile) -> Values:
    """The part of an incarnation's row that says what the session is."""
    text = profile.to_json()
    return {"profile": text, "profile_checksum": checksum("incarnations.profile", (incarnation, text))}


def step_row(incarnation: int, record: StepRecord) -> tuple[Values, list[Values]]:
    """A step as a row, and the parts that its vectors have where they are too long for one."""
    vectors = {GRADS: octets(record.grads), PARAMS: None if record.params is None else octets(record.params)}
    given = {role: vector for role, vector in vectors.items() if vector is not None}
    lr = None if record.lr is None else float(record.lr)
    norms = (float(record.time), float(record.grad_norm), float(record.update_norm), lr)
    sizes = tuple(None if vector is None else len(vector) for vector in vectors.values())
    summed = checksum("steps.vectors", (incarnation, record.step), *vectors.values())
    columns = (incarnation, record.step, *norms, record.worker, record.key, record.fingerprint, *sizes, summed)
    parts: list[Values] = []
    if any(len(vector) > PART_BYTES for vector in given.values()):
        parts = [
            row for role, vector in given.items() for row in part_rows(incarnation, record.step, OF_STEP, role, vector)
        ]
        vectors = dict.fromkeys(vectors)
    return {**dict(zip(STEP_COLUMNS, columns, strict=True)), "checksum": checksum("steps", columns), **vectors}, parts


STEP_COLUMNS = (
    "incarnation",
    "step",
    "time",
    "grad_norm",
    "update_norm",
    "lr",
    "worker",
    "key",
    "fingerprint",
    "grads_bytes",
    "params_bytes",
    "vectors_checksum",
)


def part_rows(incarnation: int, step: int, owner: int, role: str, vector: memoryview) -> Iterator[Values]:
    """A vector cut into rows."""
    for number, start in enumerate(range(0, len(vector), PART_BYTES)):
        data = vector[start : start + PART_BYTES]
        place = (incarnation, step, owner, role, number)
        names = ("incarnation", "step", "owner", "role", "part")
        yield {**dict(zip(names, place, strict=True)), "checksum": checksum("parts", place, data), "data": data}


def snapshot_row(snapshot: Snapshot) -> tuple[Values, list[Values]]:
    """A snapshot as a row, and its vectors' parts."""
    incarnation, step = incarnation_number(snapshot.position.incarnation), snapshot.position.step
    vectors = {role: octets(vector) for role, vector in snapshot.vectors.items()}
    parts = [row for role, vector in vectors.items() for row in part_rows(incarnation, step, OF_SNAPSHOT, role, vector)]
    sizes = json.dumps([[role, len(vector)] for role, vector in vectors.items()])
    keys = json.dumps([[key, *_key_columns(record)] for key, record in snapshot.keys.items()])
    columns = (incarnation, step, float(snapshot.time), sizes, snapshot.profile.to_json(), keys)
    names = ("incarnation", "step", "time", "vectors", "profile", "keys")
    return {**dict(zip(names, columns, strict=True)), "checksum": checksum("snapshots", columns)}, parts


def _key_columns(record: KeyRecord) -> tuple[str, int, str, str | None]:
    return record.incarnation, record.step, record.fingerprint.hex(), record.worker


def require_whole(table: str, columns: tuple[Any, ...], stored: bytes, *vectors: bytes | None) -> None:
    """Raises DamagedRow where the row does not have the checksum that is stored with it."""
    if checksum(table, columns, *vectors) != bytes(stored):
        raise DamagedRow(f"a row of {table} does not have the checksum that it was written with")


def head_of(row: Columns) -> tuple[SessionKey, Position, bool, float]:
    """A row of heads, verified."""
    columns = (row.tenant, row.id, row.incarnation, row.step, row.clean, row.updated_at)
    require_whole("heads", columns, row.checksum)
    return SessionKey(row.tenant, row.id), Position(incarnation_name(row.incarnation), row.step), row.clean, columns[-1]


def listed(head: Columns, life: Columns | None) -> Head:
    """A session as it is listed; what is damaged is said and not raised."""
    try:
        key, position, clean, updated_at = head_of(head)
        return Head(key, position, profile_of(life, key), updated_at, clean)
    except DamagedRow as damage:
        key = SessionKey(head.tenant, head.id)
        position = Position(incarnation_name(head.incarnation), head.step)
        return Head(key, position, None, head.updated_at, False, str(damage))


def profile_of(life: Columns | None, key: SessionKey) -> Profile:
    """What a session is in the life that this row of incarnations says; verified, as is whose it is."""
    if life is None:
        raise DamagedRow("the row of its incarnation is missing")
    before = (life.previous, life.previous_step)
    require_whole("incarnations", (life.incarnation, life.tenant, life.id, life.began_at, *before), life.checksum)
    require_whole("incarnations.profile", (life.incarnation, life.profile), life.profile_checksum)
    if SessionKey(life.tenant, life.id) != key:
        raise DamagedRow("the row of its incarnation is another session's")
    return Profile.from_json(life.profile)


def summary_of(row: Columns) -> StepSummary:
    """A row of steps without its vectors, verified."""
    sizes = (row.grads_bytes, row.params_bytes)
    norms = (row.time, row.grad_norm, row.update_norm, row.lr)
    columns = (row.incarnation, row.step, *norms, row.worker, row.key, bytes(row.fingerprint), *sizes)
    require_whole("steps", (*columns, bytes(row.vectors_checksum)), row.checksum)
    return StepSummary(row.step, *norms, row.worker, row.key, row.grads_bytes + (row.params_bytes or 0))


def step_of(row: Columns, vectors: Mapping[str, bytes | None], dtype: str) -> StepRecord:
    """A row of steps with its vectors, verified."""
    summary = summary_of(row)
    grads, params = vectors[GRADS], vectors[PARAMS]
    require_whole("steps.vectors", (row.incarnation, row.step), row.vectors_checksum, grads, params)
    if grads is None:
        raise DamagedRow(f"step {row.step} has no gradients")
    return StepRecord(
        step=row.step,
        grads=array_of(grads, dtype),
        time=summary.time,
        grad_norm=summary.grad_norm,
        update_norm=summary.update_norm,
        params=None if params is None else array_of(params, dtype),
        lr=summary.lr,
        key=summary.key,
        fingerprint=bytes(row.fingerprint),
        worker=summary.worker,
    )


def array_of(data: bytes | bytearray, dtype: str) -> FloatArray:
    """Bytes as a flat vector; raises DamagedRow where they are no whole number of values."""
    if len(data) % DTYPES[dtype].itemsize:
        raise DamagedRow(f"{len(data)} bytes are no whole number of {dtype} values")
    return np.frombuffer(data, DTYPES[dtype])


def snapshot_sizes(row: Columns) -> dict[str, int]:
    """Which vectors a snapshot has and how many bytes each, from its row, verified."""
    columns = (row.incarnation, row.step, row.time, row.vectors, row.profile, row.keys)
    require_whole("snapshots", columns, row.checksum)
    return {role: size for role, size in json.loads(row.vectors)}  # noqa: C416 - dict() would take any pairs


def snapshot_of(row: Columns, vectors: Mapping[str, FloatArray]) -> Snapshot:
    """A verified row of snapshots with its vectors."""
    keys = {
        key: KeyRecord(incarnation, step, bytes.fromhex(fingerprint), worker)
        for key, incarnation, step, fingerprint, worker in json.loads(row.keys)
    }
    position = Position(incarnation_name(row.incarnation), row.step)
    return Snapshot(position, Profile.from_json(row.profile), vectors, keys, row.time)
