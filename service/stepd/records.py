"""What a store keeps of a session, as plain types: where it stands, what it is, its steps, its snapshots.

Vectors are flat, little-endian, in the session's dtype, see `values`. Nothing here knows how they are stored.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, TypeVar, cast, get_args

from stepd.values import DTYPES, MAX_STEP, FloatArray, KeyRecord

Json = Mapping[str, Any]
ShapeDocument = list[int] | dict[str, list[int]]
Kind = TypeVar("Kind")

# What is kept of a session when its process ends: nothing; what the last snapshot had; every acknowledged step.
Durability = Literal["memory", "snapshot", "journal"]
DURABILITIES: tuple[Durability, ...] = get_args(Durability)


class Position(NamedTuple):
    """Where a session stands: which life of it, and how many steps it has taken."""

    incarnation: str
    step: int


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a session's state comes from: what it was restored or forked from, in words, and the step it had then.

    0 where it was created or reset.
    """

    restored_from: str | None = None
    forked_from: str | None = None
    born_step: int = 0

    def began_at(self, step: int) -> Lineage:
        """The same, but for the step."""
        return replace(self, born_step=step)


@dataclass(frozen=True, slots=True)
class Profile:
    """What a session is apart from its state.

    `shape` is None while it has none; `spec` is what it was created from, None where that no longer says what it is.

    >>> profile = Profile({"name": "sgd", "lr": 0.1}, "float64", [2], {"run": "7"}, None, 12.5, "journal", None)
    >>> Profile.from_json(profile.to_json()) == profile
    True
    """

    optimizer: Mapping[str, str | float | bool]
    dtype: str
    shape: ShapeDocument | None
    labels: Mapping[str, str]
    ttl_s: float | None
    created_at: float
    durability: Durability
    spec: Json | None
    lineage: Lineage = field(default_factory=Lineage)

    def to_json(self) -> str:
        """As text, the same for the same profile. Raises ValueError where a number is not finite."""
        document = {
            "optimizer": dict(self.optimizer),
            "dtype": self.dtype,
            "shape": self.shape,
            "labels": dict(self.labels),
            "ttl_s": self.ttl_s,
            "created_at": self.created_at,
            "durability": self.durability,
            "spec": None if self.spec is None else dict(self.spec),
            "restored_from": self.lineage.restored_from,
            "forked_from": self.lineage.forked_from,
            "born_step": self.lineage.born_step,
        }
        return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Profile:
        """Back from text. Raises ValueError where a field is missing, unknown or of another kind."""
        document = json.loads(text)
        reader = _Fields(document)
        dtype, durability = reader.take("dtype", str), reader.take("durability", str)
        if dtype not in DTYPES or durability not in DURABILITIES:
            raise ValueError(f"no such dtype or durability: {dtype!r}, {durability!r}")
        profile = cls(
            optimizer=_checked(reader.take("optimizer", dict), str, (str, float, int, bool)),
            dtype=dtype,
            shape=_shape(reader.optional("shape", (list, dict))),
            labels=_checked(reader.take("labels", dict), str, (str,)),
            ttl_s=reader.optional("ttl_s", (float, int)),
            created_at=reader.take("created_at", (float, int)),
            durability=durability,
            spec=reader.optional("spec", (dict,)),
            lineage=Lineage(
                reader.optional("restored_from", (str,)),
                reader.optional("forked_from", (str,)),
                step_number(reader.take("born_step", int)),
            ),
        )
        reader.finish()
        return profile


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step as it was asked for: what has to be done again to get from the state before it to the state after it.

    `step` is the number that it led to; `params` those that the request carried in place of the session's; `grads` as
    they came, before `maximize` and `weight_decay`. `time` in seconds since 1970.
    """

    step: int
    grads: FloatArray
    time: float
    grad_norm: float
    update_norm: float
    params: FloatArray | None = None
    lr: float | None = None
    key: str | None = None
    fingerprint: bytes = b""
    worker: str | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of its vectors."""
        return self.grads.nbytes + (0 if self.params is None else self.params.nbytes)

    def key_record(self, incarnation: str) -> KeyRecord | None:
        """What is to be remembered of its key."""
        return None if self.key is None else KeyRecord(incarnation, self.step, self.fingerprint, self.worker)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A session's whole state. `vectors` by role: params, then the slots in the rule's order; empty while unshaped.

    `keys` are the remembered ones, oldest first.
    """

    position: Position
    profile: Profile
    vectors: Mapping[str, FloatArray]
    keys: Mapping[str, KeyRecord]
    time: float

    @property
    def nbytes(self) -> int:
        """Bytes of its vectors."""
        return sum(vector.nbytes for vector in self.vectors.values())


def step_number(value: int) -> int:
    """The value, if it can be a step's number; raises ValueError where it can't."""
    if isinstance(value, bool) or not 0 <= value <= MAX_STEP:
        raise ValueError(f"{value!r} is no step number")
    return value


class _Fields:
    """A JSON object whose fields are taken one by one, each of its kind, until none is left."""

    def __init__(self, document: object) -> None:
        if not isinstance(document, dict):
            raise ValueError(f"a {type(document).__name__} is no object")  # noqa: TRY004 - what is wrong is the text
        self._left = dict(document)

    def take(self, name: str, kind: type[Kind] | tuple[type[Any], ...]) -> Any:
        value = self._left.pop(name, None)
        kinds = kind if isinstance(kind, tuple) else (kind,)
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise ValueError(f"{name} is missing or of another kind: {type(value).__name__}")
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{name} is {value}")
        return value

    def optional(self, name: str, kind: tuple[type[Any], ...]) -> Any:
        if name in self._left and self._left[name] is None:
            return self._left.pop(name)
        return self.take(name, kind)

    def finish(self) -> None:
        if self._left:
            raise ValueError(f"unknown fields: {sorted(self._left)}")


def _checked(mapping: Mapping[Any, Any], key: type, values: tuple[type, ...]) -> dict[str, Any]:
    for name, value in mapping.items():
        if not isinstance(name, key) or not isinstance(value, values):
            raise ValueError(f"{name!r} has a value of another kind")  # noqa: TRY004 - what is wrong is the text
    return dict(mapping)


def _shape(document: list[Any] | dict[str, Any] | None) -> ShapeDocument | None:
    shapes = document.values() if isinstance(document, dict) else [] if document is None else [document]
    for shape in shapes:
        lengths = shape if isinstance(shape, list) else [shape]
        if not isinstance(shape, list) or any(type(length) is not int or length < 1 for length in lengths):
            raise ValueError(f"{shape!r} is no shape")
    return cast(ShapeDocument | None, document)
