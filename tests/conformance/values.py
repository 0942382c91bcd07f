"""Values as case files write them, as bits, and for people. Nothing here knows a client or a service.

In a case file the values of one role are decimals with hexadecimal literals beside them, nested by shape, named or not:

    {"decimal": [0.1, -0.0], "hex": ["0x1.999999999999ap-4", "-0x0.0p+0"]}
    {"dtype": "float32", "decimal": {"w": [[0.5]], "b": 2.0}, "hex": {"w": [["0x1.0p-1"]], "b": "0x1.0p+1"}}

The hexadecimal literals count; decimals are for readers, and a test proves that both say the same bits. What is not
finite is written "nan", "inf" and "-inf" in both. To a client's program values go as bits: docs/writing-a-client.md.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Iterator
from typing import Any

_FORMATS = {"float64": ">d", "float32": ">f"}


def dtype_of(values: dict[str, Any]) -> str:
    """The dtype in which a case file writes these values."""
    return str(values.get("dtype", "float64"))


def to_bits(value: float, dtype: str) -> str:
    """Big-endian hexadecimal digits. Rounds to the dtype as the service does: by way of float64.

    >>> to_bits(-0.0, "float32")
    '80000000'
    """
    try:
        return struct.pack(_FORMATS[dtype], value).hex()
    except OverflowError:  # beyond float32
        return struct.pack(_FORMATS[dtype], math.copysign(math.inf, value)).hex()


def from_bits(digits: str) -> float:
    """The value of 16 digits (float64) or 8 (float32).

    >>> from_bits("bff0000000000000")
    -1.0
    """
    (value,) = struct.unpack(">d" if len(digits) == 16 else ">f", bytes.fromhex(digits))
    return float(value)


def exactly(value: float, dtype: str) -> bool:
    """Whether the dtype has this value."""
    return math.isnan(value) or to_dtype(value, dtype) == value


def to_dtype(value: float, dtype: str) -> float:
    """The nearest value of the dtype."""
    return from_bits(to_bits(value, dtype))


def hex_of(value: float) -> str:
    """The hexadecimal literal of a value, exact; float32 values are float64 values too."""
    return value.hex()


def decimal_of(value: float, dtype: str) -> float | str:
    """The shortest decimal that reads back as the value, by way of float64 and then the dtype.

    >>> decimal_of(0.10000000149011612, "float32")
    0.1
    """
    if not math.isfinite(value):
        return str(value)
    if dtype == "float64":
        return value
    written = (float(f"{value:.{digits}g}") for digits in range(1, 10))
    return next(one for one in written if to_bits(one, dtype) == to_bits(value, dtype))


def shape_of(nested: Any) -> list[int]:
    """The shape of nested lists; a leaf has none. Raises ValueError where rows differ."""
    if not isinstance(nested, list):
        return []
    shapes = [shape_of(row) for row in nested]
    if any(shape != shapes[0] for shape in shapes):
        raise ValueError(f"the rows differ in shape: {shapes}")
    return [len(nested), *shapes[0]]


def leaves(nested: Any) -> Iterator[Any]:
    """The leaves of nested lists in C order."""
    if isinstance(nested, list):
        for row in nested:
            yield from leaves(row)
    else:
        yield nested


def nest(flat: Iterator[Any], shape: list[int]) -> Any:
    """The reverse: leaves in C order to nested lists."""
    return [nest(flat, shape[1:]) for _ in range(shape[0])] if shape else next(flat)


def map_leaves(change: Callable[[Any], Any], values: Any) -> Any:
    """The same nesting, and the same names, with every leaf changed."""
    if isinstance(values, dict):
        return {name: map_leaves(change, tensor) for name, tensor in values.items()}
    if isinstance(values, list):
        return [map_leaves(change, row) for row in values]
    return change(values)


def wire(values: dict[str, Any]) -> dict[str, Any]:
    """As commands and answers of a client's program have them: shapes and bits, named or not."""
    dtype, written = dtype_of(values), values["hex"]
    if isinstance(written, dict):
        return {"named": {name: _tensor(tensor, dtype) for name, tensor in written.items()}}
    return {"unnamed": _tensor(written, dtype)}


def _tensor(nested: Any, dtype: str) -> dict[str, Any]:
    bits = [to_bits(float.fromhex(literal), dtype) for literal in leaves(nested)]
    return {"shape": shape_of(nested), "bits": bits}


def little_endian(values: dict[str, Any]) -> bytes:
    """The bytes of an unnamed tensor in a binary body.

    >>> little_endian({"dtype": "float32", "hex": ["0x1.0p+0", "-0x0.0p+0"]}).hex()
    '0000803f00000080'
    """
    bits = (to_bits(float.fromhex(literal), dtype_of(values)) for literal in leaves(values["hex"]))
    return b"".join(bytes.fromhex(digits)[::-1] for digits in bits)


def document(values: dict[str, Any]) -> Any:
    """As the service takes them: numbers nested by shape. Every float32 is written as the float64 of the same value."""
    return map_leaves(float.fromhex, values["hex"])


def malformed(role: Any, digits: int) -> str | None:
    """What is wrong with the values of a role as a program gives them; None where they are well-formed."""
    if isinstance(role, dict) and list(role) == ["unnamed"]:
        tensors = [role["unnamed"]]
    elif isinstance(role, dict) and list(role) == ["named"] and isinstance(role["named"], dict):
        tensors = list(role["named"].values())
    else:
        return f"should be one unnamed tensor or tensors by name, is {_excerpt(role)}"
    for tensor in tensors:
        if not isinstance(tensor, dict) or set(tensor) != {"shape", "bits"}:
            return f"should have shape and bits, is {_excerpt(tensor)}"
        shape, bits = tensor["shape"], tensor["bits"]
        if not isinstance(shape, list) or not all(type(length) is int for length in shape):
            return f"should have a list of lengths as its shape, has {_excerpt(shape)}"
        if not isinstance(bits, list) or not all(isinstance(one, str) and _is_hex(one, digits) for one in bits):
            return f"should have {digits} hexadecimal digits for each value, has {_excerpt(bits)}"
        if len(bits) != math.prod(shape):
            return f"should have {math.prod(shape)} values of the shape {shape}, has {len(bits)}"
    return None


def _is_hex(digits: str, length: int) -> bool:
    return re.fullmatch(f"[0-9a-f]{{{length}}}", digits) is not None


def shapes(role: dict[str, Any]) -> Any:
    """The shape, or the shapes by name, of well-formed values of a role."""
    if "named" in role:
        return {name: tensor["shape"] for name, tensor in role["named"].items()}
    return role["unnamed"]["shape"]


def difference(expected: dict[str, Any], got: Any) -> str | None:
    """What is not as expected, None where all is: names and their order, shapes, and every bit."""
    want = wire(expected)
    if "unnamed" in want:
        if not isinstance(got, dict) or list(got) != ["unnamed"]:
            return f"expected one unnamed tensor, got {_excerpt(got)}"
        return _tensor_difference("", want["unnamed"], got["unnamed"])
    if not isinstance(got, dict) or not isinstance(got.get("named"), dict):
        return f"expected tensors by name, got {_excerpt(got)}"
    if list(got["named"]) != list(want["named"]):
        return f"expected the names {list(want['named'])} in this order, got {list(got['named'])}"
    return next(
        (
            found
            for name, tensor in want["named"].items()
            if (found := _tensor_difference(f" of {name!r}", tensor, got["named"][name]))
        ),
        None,
    )


def _tensor_difference(where: str, want: dict[str, Any], got: Any) -> str | None:
    if not isinstance(got, dict) or set(got) != {"shape", "bits"}:
        return f"a tensor has shape and bits, got {_excerpt(got)}"
    if got["shape"] != want["shape"]:
        return f"expected the shape {want['shape']}{where}, got {got['shape']}"
    if len(got["bits"]) != len(want["bits"]):
        return f"expected {len(want['bits'])} values{where}, got {len(got['bits'])}"
    for index, (expected, found) in enumerate(zip(want["bits"], got["bits"], strict=True)):
        if expected != found:
            return f"value {index}{where}: expected {readable(expected)}, got {readable(found)}"
    return None


def readable(digits: Any) -> str:
    """Bits with the decimal that they stand for."""
    if not isinstance(digits, str) or len(digits) not in (8, 16):
        return f"{digits!r}, which is no value"
    value = from_bits(digits)
    return f"{digits} ({value!r}{'' if math.isnan(value) or math.isinf(value) else ' = ' + hex_of(value)})"


def _excerpt(got: Any) -> str:
    text = repr(got)
    return text if len(text) <= 120 else text[:117] + "..."
