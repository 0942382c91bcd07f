"""Plain types that every layer may import: what tensors are, their values, checkpoints, key records.

No rule, no lock, no clock and no wire format lives here. All tensors of a session lie one after another in ONE
contiguous vector per role (params, grads, each slot), names in code-point order, each tensor in C order: rules are
elementwise, so a step is one run over flat vectors, and a digest is one pass over their bytes.
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import xxhash

from stepd.errors import FieldError, InvalidTensors, NamesMismatch, ShapeMismatch

FloatArray = npt.NDArray[np.floating[Any]]
Shape = tuple[int, ...]

DTYPES: Mapping[str, np.dtype[Any]] = {"float64": np.dtype("<f8"), "float32": np.dtype("<f4")}
MAX_RANK = 8
MAX_TENSOR_NAME = 128
MAX_STEP = 2**53  # beyond it a reader that keeps numbers as float64 loses count
DEFAULT_TENANT = "default"
# Bytes that a named tensor takes beside its name's text, and each length of its shape (measured by a test).
TENSOR_BYTES = 256
LENGTH_BYTES = 64
# So much of a vector is looked at twice, once for the highest and once for the lowest value, while it is in the cache.
LARGEST_BLOCK_BYTES = 256 * 1024
SESSION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


class SessionKey(NamedTuple):
    """What names a session in tables and locks: ids are apart from tenant to tenant."""

    tenant: str
    id: str


def new_incarnation() -> str:
    """64 random bits in base32: which life of a session a step number belongs to."""
    return _random_base32(64)


def new_session_id() -> str:
    """128 random bits in base32, for sessions whose id the service makes."""
    return _random_base32(128)


def _random_base32(bits: int) -> str:
    return base64.b32encode(secrets.token_bytes(bits // 8)).decode().rstrip("=").lower()


def text_bytes(text: str) -> int:
    """Bytes that a text's characters take at most: beyond ASCII four each, and four more where UTF-8 is kept too."""
    return len(text) if text.isascii() else 8 * len(text)


@dataclass(frozen=True, slots=True)
class Tensors:
    """Names, shapes and dtype of a session's tensors. `names` is None for a single unnamed one.

    Raises InvalidTensors where a name, rank, size or count can't be held. `shapes` runs with `names`, which are in
    code-point order; build from a mapping with `Tensors.named`.

    >>> layout = Tensors.named({"w": (2, 3), "b": (2,)}, DTYPES["float64"])
    >>> layout.names, layout.size, layout.locate(4)
    (('b', 'w'), 8, ('w', (0, 2)))
    """

    names: tuple[str, ...] | None
    shapes: tuple[Shape, ...]
    dtype: np.dtype[Any]
    offsets: tuple[int, ...] = field(init=False, compare=False)
    size: int = field(init=False, compare=False)
    # Bytes that names and shapes take. Those of a single unnamed tensor are counted with its session.
    described_bytes: int = field(init=False, compare=False, repr=False)
    _layout: bytes | None = field(default=None, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        offsets = [0]
        for index, shape in enumerate(self.shapes):
            self._check_shape(None if self.names is None else self.names[index], shape)
            offsets.append(offsets[-1] + math.prod(shape))
        object.__setattr__(self, "offsets", tuple(offsets[:-1]))
        object.__setattr__(self, "size", offsets[-1])
        texts = sum(map(text_bytes, self.names or ()))
        tensors = TENSOR_BYTES * len(self.shapes) + LENGTH_BYTES * sum(map(len, self.shapes))
        object.__setattr__(self, "described_bytes", 0 if self.names is None else 2 * texts + tensors)

    @classmethod
    def unnamed(cls, shape: Iterable[int], dtype: np.dtype[Any]) -> Tensors:
        return _unnamed(tuple(shape), dtype)

    @classmethod
    def named(cls, shapes: Mapping[str, Iterable[int]], dtype: np.dtype[Any]) -> Tensors:
        if not shapes:
            raise InvalidTensors("there are no named tensors; a session has at least one")
        names = tuple(sorted(shapes))
        for name in names:
            if not 1 <= len(name) <= MAX_TENSOR_NAME or "/" in name or not name.isprintable():
                detail = (
                    f"the tensor name {name[:40]!r} has {len(name)} characters; "
                    f"names have 1 to {MAX_TENSOR_NAME} printable characters and no '/'"
                )
                raise InvalidTensors(detail, errors=[FieldError("", detail)])
        return cls(names, tuple(tuple(shapes[name]) for name in names), dtype)

    def _check_shape(self, name: str | None, shape: Shape) -> None:
        tensor = "the tensor" if name is None else f"tensor {name!r}"
        least = 1 if name is None else 0
        if not least <= len(shape) <= MAX_RANK:
            raise InvalidTensors(f"{tensor} has rank {len(shape)}; it may be {least} to {MAX_RANK}")
        if any(length < 1 for length in shape):
            raise InvalidTensors(f"{tensor} has shape {list(shape)}; every length must be at least 1")

    @property
    def nbytes(self) -> int:
        """Bytes of one role's values."""
        return self.size * self.dtype.itemsize

    @property
    def layout(self) -> bytes:
        """Names and shapes as bytes, to tell contents apart that differ in these only."""
        if self._layout is None:  # of thousands of names it is made once
            object.__setattr__(self, "_layout", repr((self.names, self.shapes, self.dtype.name)).encode())
        return cast(bytes, self._layout)

    def shape_document(self) -> list[int] | dict[str, list[int]]:
        """As create takes it: a list, or a list per name."""
        if self.names is None:
            return list(self.shapes[0])
        return {name: list(shape) for name, shape in zip(self.names, self.shapes, strict=True)}

    def require(
        self, role: str, names: tuple[str, ...] | None, shapes: tuple[Shape, ...], place: tuple[str | int, ...] = ()
    ) -> None:
        """Raises NamesMismatch or ShapeMismatch where what was sent as `role` has other names or shapes than these.

        `place` is where in the body it stood, if not under the role's own name.
        """
        place = place or (role,)
        if names != self.names:
            detail = self._names_differ(role, names)
            raise NamesMismatch(detail, errors=[FieldError.at(*place, detail=detail)])
        for name, want, have in zip(self.names or (None,), self.shapes, shapes, strict=True):
            if want != have:
                sent = role if name is None else f"{role} for tensor {name!r}"
                detail = (
                    f"{sent} has {_counted(have)}, the session has {_counted(want)}"
                    if len(want) == len(have) == 1
                    else f"{sent} has shape {list(have)}, the session has {list(want)}"
                )
                parts = place if name is None else (*place, name)
                raise ShapeMismatch(detail, errors=[FieldError.at(*parts, detail=detail)])

    def _names_differ(self, role: str, names: tuple[str, ...] | None) -> str:
        if self.names is None:
            return f"{role} has named tensors, the session has a single unnamed one; send an array"
        if names is None:
            return f"{role} is an array, the session has {_tensors(self.names)}; send an object of arrays"
        said = [
            f"{word} {_tensors(sorted(some))}"
            for word, some in (("lacks", set(self.names) - set(names)), ("adds", set(names) - set(self.names)))
            if some
        ]
        return f"{role} {' and '.join(said)}; the session has {_tensors(self.names)}"

    def zeros(self) -> FloatArray:
        return np.zeros(self.size, self.dtype)

    def views(self, flat: FloatArray) -> Iterator[FloatArray]:
        """Each tensor as a view into `flat`, in its own shape; runs with `names`."""
        for offset, shape in zip(self.offsets, self.shapes, strict=True):
            yield flat[offset : offset + math.prod(shape)].reshape(shape)

    def locate(self, flat_index: int) -> tuple[str | None, tuple[int, ...]]:
        """The tensor's name and the index within it of a place in the flat vector."""
        number = np.searchsorted(self.offsets, flat_index, side="right") - 1
        inside = np.unravel_index(flat_index - self.offsets[number], self.shapes[number])
        return (None if self.names is None else self.names[number]), tuple(int(i) for i in inside)

    def place(self, *role: str, flat_index: int) -> tuple[str | int, ...]:
        """Where in a body that holds these tensors under `role` the value stood."""
        tensor, index = self.locate(flat_index)
        return (*role, *index) if tensor is None else (*role, tensor, *index)


@lru_cache(maxsize=64)
def _unnamed(shape: Shape, dtype: np.dtype[Any]) -> Tensors:
    """Sessions of one shape hold one description of it."""
    return Tensors(None, (shape,), dtype)


class Values(NamedTuple):
    """The values of one role: the flat vector and what lies in it. Whoever is given one may not write to `flat`.

    `largest` is what the function of that name gives for `flat`, where that was found out on the way; else None.
    """

    tensors: Tensors
    flat: FloatArray
    largest: float | None = None


def largest(vector: FloatArray) -> float:
    """The largest absolute value of a flat vector; infinity where any value is NaN or infinite, 0 where there is none.

    It takes no memory of the vector's size.

    >>> largest(np.array([0.5, -3.0])), largest(np.array([1.0, np.nan]))
    (3.0, inf)
    """
    block = LARGEST_BLOCK_BYTES // vector.itemsize
    most = 0.0
    for start in range(0, vector.size, block):
        part = vector if vector.size <= block else vector[start : start + block]
        # Both take NaN for the greatest and the least: it is found wherever it stands.
        highest, lowest = part.item(part.argmax()), part.item(part.argmin())
        if not (math.isfinite(highest) and math.isfinite(lowest)):
            return math.inf
        most = max(most, highest, -lowest)
    return most


def norm(vector: FloatArray, less: FloatArray | None = None) -> float:
    """The Euclidean norm of a flat vector, or of its difference from another; infinity where that is beyond float64.

    Computed in float64, without memory of the vector's size; its last digits depend on the machine.

    >>> norm(np.array([3.0, 4.0])), norm(np.array([3.0, 5.0]), np.array([3.0, 1.0]))
    (5.0, 4.0)
    """
    block = LARGEST_BLOCK_BYTES // vector.itemsize
    total = 0.0
    with np.errstate(over="ignore"):
        for start in range(0, vector.size, block):
            part = vector[start : start + block].astype(np.float64, copy=False)
            if less is not None:
                part = part - less[start : start + block]
            total += float(part @ part)
    return math.sqrt(total)


def _tensors(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name[:40]) for name in names[:3])
    return f"{len(names)} tensor{'' if len(names) == 1 else 's'} ({shown}{', ...' if len(names) > 3 else ''})"


def _counted(shape: Shape) -> str:
    return f"{shape[0]} value{'' if shape[0] == 1 else 's'}"


@dataclass(frozen=True)
class Checkpoint:
    """A whole session as values: what GET state gives and PUT state takes.

    The arrays of one that a session gives may only be read, and only until the session's next change; those of one
    that it is given are the session's from then on.
    """

    optimizer: Mapping[str, str | float | bool]
    tensors: Tensors
    step: int
    params: FloatArray
    slots: Mapping[str, FloatArray]

    @property
    def named(self) -> str:
        """What a session that is restored from it says of it: its step, and its digest where that was asked for."""
        return f"{self.__dict__.get('digest', 'checkpoint')}@{self.step}"

    @cached_property
    def digest(self) -> str:
        """`sha-256:` and hex over the little-endian bytes of params, then each slot in the rule's order."""
        return digest(self.params, *self.slots.values())


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What is remembered of an applied step that carried an Idempotency-Key, and who took it, where it said so."""

    incarnation: str
    step: int
    fingerprint: bytes
    worker: str | None = None


def digest(*vectors: FloatArray) -> str:
    """SHA-256 of the vectors' little-endian bytes, one after another."""
    hashed = hashlib.sha256()
    for vector in vectors:
        hashed.update(vector.data)
    return "sha-256:" + hashed.hexdigest()


def fingerprint(grads: Values, params: Values | None, lr: float | None) -> bytes:
    """XXH3-128 of what a step says: decoded values, their names and shapes, and the query; never the format."""
    hashed = xxhash.xxh3_128(repr(lr).encode())
    for role, values in ((b"grads", grads), (b"params", params)):
        if values is not None:
            hashed.update(role + values.tensors.layout)
            hashed.update(values.flat.data)
    return hashed.digest()
