"""What the tests of safetensors share: files made by hand, and reading them as a request would be read."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from stepd.values import DTYPES
from stepd.wire import safetensors

CODES = {"F64": np.dtype("<f8"), "F32": np.dtype("<f4")}


def entry(shape: list[int], begin: int, code: str = "F64", **other: Any) -> dict[str, Any]:
    """A tensor's place in the header."""
    nbytes = int(np.prod(shape)) * (4 if code == "F32" else 8)
    return {"dtype": code, "shape": shape, "data_offsets": [begin, begin + nbytes]} | other


def made(header: Any, data: bytes = b"") -> bytes:
    """A body with that header, written as it is, and that data."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def body_of(tensors: dict[str, Any], metadata: dict[str, str] | None = None, *, padded: bool = True) -> bytes:
    """A body with those arrays, in that order, without help from any library."""
    header: dict[str, Any] = {} if metadata is None else {"__metadata__": metadata}
    data = b""
    for name, given in tensors.items():
        array = np.asarray(given)
        code = next(code for code, dtype in CODES.items() if dtype == array.dtype)
        header[name] = entry(list(array.shape), len(data), code)
        data += array.tobytes()
    text = json.dumps(header).encode()
    aligned = text + b" " * (-len(text) % 8)
    return made(aligned if padded else aligned + b" " * 3, data)


def read_step(body: bytes, dtype: str = "float64") -> dict[str, Any]:
    """As a step's body is read."""
    return safetensors.parse(bytearray(body), vectors=("grads", "params"), state=False, dtype=DTYPES[dtype], expected=2)


def read_checkpoint(body: bytes) -> dict[str, Any]:
    """As a checkpoint is read, before its optimizer is known."""
    return safetensors.parse(bytearray(body), vectors=("params",), state=True, dtype=None, expected=16)
