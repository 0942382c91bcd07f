"""The safetensors format: a header's length in 8 bytes, the header as JSON, the values of all tensors in a row.

What tensors and metadata mean is for others to say. Reading is strict: what breaks the format's own rules is refused.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import orjson

from stepd_client.values import FLOAT32, FLOAT64, DType, FloatArray, Shape

MEDIA_TYPE = "application/vnd.safetensors"

_LENGTH_BYTES = 8
_ALIGNMENT = 8
_METADATA = "__metadata__"
_CODES: Mapping[DType, str] = {FLOAT64: "F64", FLOAT32: "F32"}
_DTYPES = {code: dtype for dtype, code in _CODES.items()}


class Contents(NamedTuple):
    """What a body or a file holds: tensors by their full names, and text by name."""

    tensors: dict[str, FloatArray]
    metadata: dict[str, str]


def write(contents: Contents) -> tuple[bytes | memoryview, ...]:
    """The pieces of a body: length and header, then the bytes of each tensor.

    Of tensors that are contiguous and little-endian nothing is copied: a piece is their own memory.

    >>> pieces = write(Contents({"grads": np.array([0.5, -0.0])}, {"step": "3"}))
    >>> read(b"".join(pieces))
    Contents(tensors={'grads': array([ 0.5, -0. ])}, metadata={'step': '3'})
    """
    header: dict[str, Any] = {_METADATA: contents.metadata} if contents.metadata else {}
    pieces: list[bytes | memoryview] = []
    end = 0
    for name, tensor in contents.tensors.items():
        begin, end = end, end + tensor.nbytes
        header[name] = {"dtype": _CODES[tensor.dtype], "shape": tensor.shape, "data_offsets": (begin, end)}
        pieces.append(raw_bytes(tensor))
    text = orjson.dumps(header)
    text += b" " * (-len(text) % _ALIGNMENT)
    return len(text).to_bytes(_LENGTH_BYTES, "little") + text, *pieces


def read(body: bytes) -> Contents:
    """What the body holds. The tensors are views of it, which can't be written to.

    Raises ValueError where it is not safetensors, or has tensors of another dtype than float64 and float32.
    """
    length = int.from_bytes(body[:_LENGTH_BYTES], "little")
    begin = _LENGTH_BYTES + length
    if begin > len(body):
        raise ValueError(f"{len(body)} bytes are too few for a header of {length}")
    text = body[_LENGTH_BYTES:begin]
    if not text.startswith(b"{"):
        raise ValueError("the header is not a JSON object")
    header = orjson.loads(text)
    _require_unique(text)
    metadata = header.pop(_METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(said, str) for said in metadata.values()):
        raise ValueError("the metadata is not text by name")
    found = {name: _Place.of(name, described) for name, described in header.items()}
    end = 0
    for name, place in sorted(found.items(), key=lambda one: one[1].offsets):
        if place.offsets[0] != end:
            raise ValueError(f"tensor {name!r} begins at byte {place.offsets[0]} of the values, not at {end}")
        end = place.offsets[1]
    if begin + end != len(body):
        raise ValueError(f"the tensors have {end} bytes, the body has {len(body) - begin} for them")
    return Contents({name: place.array(body, begin) for name, place in found.items()}, metadata)


def _require_unique(text: bytes) -> None:
    """Raises ValueError where a name is there twice, which orjson does not look at."""
    try:
        json.loads(text, object_pairs_hook=_unique)
    except RecursionError:
        raise ValueError("the header is nested too deeply") from None


def _unique(pairs: list[tuple[str, Any]]) -> None:
    names = set()
    for name, _ in pairs:
        if name in names:
            raise ValueError(f"the header has {name!r} twice")
        names.add(name)


def raw_bytes(tensor: FloatArray) -> memoryview:
    """The values in C order, little-endian: the tensor's own memory where that is how they lie in it."""
    flat = np.ascontiguousarray(tensor, tensor.dtype.newbyteorder("<")).reshape(-1)
    return flat.view(np.uint8).data


def raw_values(body: bytes, dtype: DType, shape: Shape, offset: int = 0) -> FloatArray:
    """The reverse, as a view of the body. The body must be long enough."""
    stored = dtype.newbyteorder("<")
    flat = np.frombuffer(body, stored, math.prod(shape), offset).astype(dtype, copy=False)
    return (flat if flat.flags.aligned else flat.copy()).reshape(shape)


class _Place(NamedTuple):
    """Where a tensor is, by the header, and what it is."""

    dtype: DType
    shape: Shape
    offsets: tuple[int, int]

    @classmethod
    def of(cls, name: str, described: Any) -> _Place:
        if not isinstance(described, dict) or set(described) != {"dtype", "shape", "data_offsets"}:
            raise ValueError(f"tensor {name!r} must have dtype, shape and data_offsets")
        shape, offsets = described["shape"], described["data_offsets"]
        dtype = _DTYPES.get(described["dtype"]) if isinstance(described["dtype"], str) else None
        if dtype is None:
            raise ValueError(f"tensor {name!r} has dtype {described['dtype']!r}, not {' or '.join(_DTYPES)}")
        if not _lengths(shape) or not _lengths(offsets) or len(offsets) != 2:
            raise ValueError(f"tensor {name!r} must have a list of lengths as shape and two numbers as data_offsets")
        if offsets[1] - offsets[0] != math.prod(shape) * dtype.itemsize:
            raise ValueError(f"tensor {name!r} has {offsets[1] - offsets[0]} bytes, not those of the shape {shape}")
        return cls(dtype, tuple(shape), (offsets[0], offsets[1]))

    def array(self, body: bytes, begin: int) -> FloatArray:
        return raw_values(body, self.dtype, self.shape, begin + self.offsets[0])


def _lengths(given: Any) -> bool:
    return isinstance(given, list) and all(type(one) is int and one >= 0 for one in given)
