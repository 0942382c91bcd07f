"""octet-stream: the values of a session's only tensor, C order, little-endian, in its dtype; nothing else."""

from __future__ import annotations

import numpy as np

from stepd.errors import FieldError, ShapeMismatch
from stepd.values import Tensors, Values
from stepd.wire.arrays import finite_values

MEDIA_TYPE = "application/octet-stream"


def decode(body: bytes | bytearray | memoryview, tensors: Tensors) -> Values:
    """The body as values of these tensors, of which there is one. They stay where they are, in the body.

    Raises ShapeMismatch where the body has not exactly their bytes, ValueNotFinite.

    >>> from stepd.values import DTYPES
    >>> decode(bytearray(bytes.fromhex("0000803f 000000c0")), Tensors.unnamed((2,), DTYPES["float32"])).flat.tolist()
    [1.0, -2.0]
    """
    if len(body) != tensors.nbytes:
        raise not_its_bytes(tensors, f"the body has {len(body)} byte{'' if len(body) == 1 else 's'}")
    return finite_values(tensors, np.frombuffer(body, tensors.dtype))


def not_its_bytes(tensors: Tensors, what: str) -> ShapeMismatch:
    """The refusal of a body of another length; `what` says which it has."""
    named = f"tensor {tensors.names[0]!r}" if tensors.names else "the tensor"
    values = f"{tensors.size} value{'' if tensors.size == 1 else 's'} of {tensors.dtype.name}"
    detail = f"{what}, {named} takes {tensors.nbytes} ({values})"
    return ShapeMismatch(detail, errors=[FieldError("", detail)])


def encode(values: Values) -> bytes:
    """The values as a body."""
    return np.asarray(values.flat, values.tensors.dtype).tobytes()
