"""The formats in which values travel: which one is chosen, bodies of requests, and values read from bodies of answers.

No request and no session lives here; what an answer that can't be read means is for answers.py to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import orjson

from stepd_client import safetensors
from stepd_client.safetensors import Contents, raw_bytes, raw_values
from stepd_client.values import Arrays, DType, FloatArray, Shape, encode
from stepd_client.wire import Body

Format = Literal["auto", "json", "binary"]
GivenShape = Shape | Mapping[str, Shape] | None

JSON = "application/json"
RAW = "application/octet-stream"
SAFETENSORS = safetensors.MEDIA_TYPE

# From so many values on `auto` is binary. Measured as the processor time of a float64 step, client and service taken
# together: binary takes no longer at any size, so what decides is what can be read on its way. Text adds 7 % at 128 and
# at 256 values, 12 % at 512, 20 % at 1,000; at 10,000 it takes two and a half times as long.
BINARY_FROM = 256

# Metadata that is text as it is; everything else in it is JSON.
_TEXT_METADATA = "digest"


class Payload(NamedTuple):
    """A body with its media type."""

    media_type: str
    body: Body


def checked_format(given: Format) -> Format:
    """The format, if there is such a one; else ValueError."""
    if given not in get_args(Format):
        raise ValueError(f"format is {given!r}; it must be one of {', '.join(get_args(Format))}")
    return given


def is_binary(chosen: Format, values: int | None) -> bool:
    """Whether so many values go in a binary format; None where nobody knows how many."""
    return chosen == "binary" or (chosen == "auto" and values is not None and values >= BINARY_FROM)


def size_of(arrays: Arrays) -> int:
    """How many values there are."""
    return sum(array.size for array in arrays.values()) if isinstance(arrays, dict) else arrays.size


def size_of_shape(shape: GivenShape) -> int | None:
    """How many values a session of this shape has; None where it has no shape."""
    if shape is None:
        return None
    return sum(map(_product, shape.values())) if isinstance(shape, Mapping) else _product(shape)


def _product(shape: Shape) -> int:
    size = 1
    for length in shape:
        size *= length
    return size


def payload(
    document: Mapping[str, Any],
    vectors: Mapping[str, Arrays],
    slots: Mapping[str, Arrays] | None = None,
    *,
    binary: bool,
    alone: GivenShape = None,
) -> Payload:
    """A document and its vectors as a body: JSON or safetensors.

    Args:
        document: what stands beside the vectors. In safetensors it is metadata, apart from `dtype`, which tensors have.
        vectors: roles such as `grads`.
        slots: those under `state`.
        binary: whether it is safetensors.
        alone: the shape of the session, where a vector that is its only unnamed tensor may go as octet-stream.
    """
    if not binary or any("/" in slot or slot in vectors for slot in slots or ()):  # no slot: in JSON it is seen as such
        written = {**document, **{role: encode(arrays) for role, arrays in vectors.items()}}
        if slots is not None:
            written["state"] = {slot: encode(arrays) for slot, arrays in slots.items()}
        if _TEXT_METADATA in written:  # it is about all values: it comes after them, as the service writes it
            written[_TEXT_METADATA] = written.pop(_TEXT_METADATA)
        return Payload(JSON, orjson.dumps(written))
    if alone is not None and len(vectors) == 1:
        (only,) = vectors.values()
        if not isinstance(only, dict) and only.shape == alone:
            return Payload(RAW, (raw_bytes(only),))
    metadata = {
        name: said if name == _TEXT_METADATA else orjson.dumps(said).decode()
        for name, said in document.items()
        if name != "dtype"
    }
    return Payload(SAFETENSORS, safetensors.write(Contents(flattened({**vectors, **(slots or {})}), metadata)))


def flattened(roles: Mapping[str, Arrays]) -> dict[str, FloatArray]:
    """The tensors of all roles under their full names: the role, or role and name.

    >>> list(flattened({"grads": {"w": np.zeros(1), "b": np.zeros(1)}, "params": np.zeros(1)}))
    ['grads/w', 'grads/b', 'params']
    """
    tensors: dict[str, FloatArray] = {}
    for role, arrays in roles.items():
        if isinstance(arrays, dict):
            tensors.update((f"{role}/{name}", array) for name, array in arrays.items())
        else:
            tensors[role] = arrays
    return tensors


def roles_of(tensors: Mapping[str, FloatArray], dtype: DType | None = None) -> dict[str, Arrays]:
    """The reverse, checked: all of one dtype, `dtype` where one is given; finite. Raises ValueError."""
    roles: dict[str, Any] = {}
    for full_name, tensor in tensors.items():
        dtype = dtype or tensor.dtype
        if tensor.dtype != dtype:
            raise ValueError(f"tensor {full_name!r} is {tensor.dtype.name}, not {dtype.name}")
        _check_finite(full_name, tensor)
        role, slash, name = full_name.partition("/")
        held = roles.setdefault(role, {} if slash else tensor)
        if isinstance(held, dict) != bool(slash):
            raise ValueError(f"there are tensors of {role!r} with names and one without")
        if slash:
            held[name] = tensor
    return roles


def octet_stream(body: bytes, dtype: DType, shape: GivenShape) -> FloatArray:
    """The values of the unnamed tensor of this shape, as a view of the body. Raises ValueError."""
    if not isinstance(shape, tuple):
        raise ValueError("the session has no unnamed tensor, which octet-stream is for")  # noqa: TRY004 - see above
    expected = _product(shape) * dtype.itemsize
    if len(body) != expected:
        raise ValueError(f"the body has {len(body)} bytes, the values of the session have {expected}")
    values = raw_values(body, dtype, shape)
    _check_finite("params", values)
    return values


def _check_finite(name: str, values: FloatArray) -> None:
    if not np.isfinite(values).all():
        raise ValueError(f"{name} holds values that are not finite")
