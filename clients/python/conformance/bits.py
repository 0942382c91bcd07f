"""Values between the conformance program and the client: bits in and out, NumPy arrays for the client."""

from __future__ import annotations

from typing import Any

import numpy as np


def from_bits(values: dict[str, Any]) -> Any:
    """An array, or a dict of arrays by name.

    >>> from_bits({"unnamed": {"shape": [1], "bits": ["8000000000000000"]}})
    array([-0.])
    """
    if "named" in values:
        return {name: _array(tensor) for name, tensor in values["named"].items()}
    return _array(values["unnamed"])


def to_bits(values: Any, dtype: str) -> dict[str, Any] | None:
    """The reverse, for arrays, or a dict of arrays, of that dtype; None stays None.

    >>> to_bits(np.array([-0.0], np.float32), "float32")
    {'unnamed': {'shape': [1], 'bits': ['80000000']}}
    """
    if values is None:
        return None
    if isinstance(values, dict):
        return {"named": {name: _tensor(array, dtype) for name, array in values.items()}}
    return {"unnamed": _tensor(values, dtype)}


def _array(tensor: dict[str, Any]) -> Any:
    digits = "".join(tensor["bits"])
    dtype = np.dtype(">f8" if len(digits) == 16 * len(tensor["bits"]) else ">f4")
    return np.frombuffer(bytes.fromhex(digits), dtype).astype(dtype.newbyteorder("=")).reshape(tensor["shape"])


def _tensor(array: Any, dtype: str) -> dict[str, Any]:
    if array.dtype != np.dtype(dtype):
        raise AssertionError(f"the client gave {array.dtype} in a {dtype} session")
    written = array.astype(array.dtype.newbyteorder(">")).tobytes().hex()
    digits = 2 * array.dtype.itemsize
    bits = [written[start : start + digits] for start in range(0, len(written), digits)]
    return {"shape": list(array.shape), "bits": bits}
