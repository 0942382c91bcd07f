"""Sessions for tests of storage: their writes, one after another, with vectors that are easy to tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from stepd.records import Position, Profile, Snapshot, StepRecord
from stepd.storage.contract import Write
from stepd.storage.store import SqlStore
from stepd.values import DTYPES, FloatArray, KeyRecord, SessionKey, new_incarnation

ROLES = ("params", "square_avg", "acc_delta")


def key_of(name: str) -> SessionKey:
    """A session of the default tenant."""
    return SessionKey("default", name)


def profile_of(shape: Any = (3,), dtype: str = "float64", durability: str = "journal", **labels: str) -> Profile:
    """What a session of that shape is."""
    shape = None if shape is None else list(shape)
    return Profile({"name": "adadelta", "rho": 0.95}, dtype, shape, labels, None, 1.5, durability, {"shape": shape})


def vector(number: float, size: int = 3, dtype: str = "float64") -> FloatArray:
    """Values that belong to a number."""
    return (np.arange(size) + number + 0.1).astype(DTYPES[dtype])


@dataclass
class Writer:
    """One session as its service sees it: every verb makes the write that leads on from where it stands."""

    name: str = "run-7"
    profile: Profile = field(default_factory=profile_of)
    position: Position | None = None

    @property
    def key(self) -> SessionKey:
        return key_of(self.name)

    @property
    def at(self) -> Position:
        assert self.position is not None
        return self.position

    def snapshot(self, at: Position, keys: dict[str, KeyRecord] | None = None) -> Snapshot:
        size, dtype = (self.profile.shape or [0])[0], self.profile.dtype  # type: ignore[index]  # unnamed here
        vectors = {} if not size else {r: vector(at.step + 10 * n, size, dtype) for n, r in enumerate(ROLES)}
        return Snapshot(at, self.profile, vectors, keys or {}, 2.5)

    def create(self) -> Write:
        """The session begins, or begins a new life."""
        to = Position(new_incarnation(), 0)
        return self._moved(Write(self.key, self.position, to, snapshot=self.snapshot(to)))

    def step(self, **fields: Any) -> Write:
        to = self.at._replace(step=self.at.step + 1)
        size = (self.profile.shape or [3])[0]  # type: ignore[index]  # unnamed here
        record = StepRecord(to.step, vector(to.step, size, self.profile.dtype), 3.5, 0.25, 0.5)
        return self._moved(Write(self.key, self.position, to, step=replace(record, **fields)))

    def snap(self, keys: dict[str, KeyRecord] | None = None, **fields: Any) -> Write:
        return Write(self.key, self.position, self.position, snapshot=self.snapshot(self.at, keys), **fields)

    def delete(self) -> Write:
        return self._moved(Write(self.key, self.position, None))

    def _moved(self, write: Write) -> Write:
        self.position = write.to
        return write


def begin(store: SqlStore, name: str = "run-7", steps: int = 0, **profile: Any) -> Writer:
    """A session in the store that has taken so many steps."""
    writer = Writer(name, profile_of(**profile))
    take(store, writer.create(), *(writer.step() for _ in range(steps)))
    return writer


def take(store: SqlStore, *writes: Write) -> None:
    """Commits the writes, each for itself; all must be taken."""
    for write in writes:
        assert store.commit([write]) == [True]


def loaded(
    store: SqlStore, key: SessionKey, incarnation: str | None = None, at_step: int | None = None
) -> tuple[Snapshot, Sequence[StepRecord]]:
    """A session's snapshot and all steps after it."""
    with store.load(key, incarnation, at_step) as recovered:
        return recovered.snapshot, list(recovered.steps)


def bits(array: FloatArray | None) -> bytes | None:
    """An array's bytes, to compare -0.0 and subnormals too."""
    return None if array is None else array.tobytes()
