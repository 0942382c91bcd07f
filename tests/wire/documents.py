"""What the tests of JSON share: values in and out of a body, and comparison bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np

from stepd.values import DTYPES, Tensors, Values
from stepd.wire.arrays import decode_values
from stepd.wire.json import dumps_vectors, encoded, parse

MAX_TENSORS = 4096


def decode(text: bytes, dtype: str = "float64", expected: Tensors | None = None) -> Values:
    """The params of a body that holds nothing else."""
    body = b'{"params":' + text + b"}"
    return decode_values(parse(body)["params"], ("params",), DTYPES[dtype], expected=expected, max_tensors=MAX_TENSORS)


def encode(values: Values) -> bytes:
    """What `decode` takes."""
    body = dumps_vectors({"params": encoded(values)})
    assert body.startswith(b'{"params":')
    return body[len(b'{"params":') : -1]


def unnamed(array: Any, dtype: str = "float64") -> Values:
    """An array as values."""
    given = np.ascontiguousarray(array, DTYPES[dtype])
    return Values(Tensors.unnamed(given.shape, DTYPES[dtype]), given.reshape(-1))


def named(arrays: dict[str, Any], dtype: str = "float64") -> Values:
    """Arrays by name as values, lying as `Tensors` says."""
    given = {
        name: np.ascontiguousarray(array, DTYPES[dtype]).reshape(np.shape(array)) for name, array in arrays.items()
    }
    tensors = Tensors.named({name: array.shape for name, array in given.items()}, DTYPES[dtype])
    flat = tensors.zeros()
    for name, view in zip(tensors.names or (), tensors.views(flat), strict=True):
        view[...] = given[name]
    return Values(tensors, flat)


def assert_same(one: Values, other: Values) -> None:
    """Names, shapes, dtype and every bit."""
    assert one.tensors == other.tensors
    assert one.flat.dtype == other.flat.dtype == one.tensors.dtype
    assert one.flat.tobytes() == other.flat.tobytes()
