"""JSON: bytes to documents and documents to bytes, finite numbers only, exact in both directions.

Text becomes the nearest float64 and then the dtype; out goes the shortest decimal that comes back as the same value.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np
import orjson

from stepd.errors import FieldError, MalformedJson, ValueNotFinite
from stepd.values import FloatArray, Values
from stepd.wire.arrays import document
from stepd.wire.flat import parse_flat

MEDIA_TYPE = "application/json"

# Bytes that a body and what is parsed of it take for each of its bytes, at worst: `[[[[...`; a test measures it.
DECODE_BYTES_PER_BYTE = 56
# Bytes that the values themselves take for each byte of the body, at worst: `0,` becomes a float64.
DECODED_BYTES_PER_BYTE = 4
# Bytes that writing takes for each value, at worst: the longest decimals at rank 8, each in a row of its own, take 39
# and 31, and stand in three places at a time; a test measures it.
ENCODE_BYTES_PER_VALUE = {np.dtype("<f8"): 128, np.dtype("<f4"): 112}

# A refused body up to this size is read again, to point to what is wrong; that takes ten times as long as reading it.
MAX_READ_AGAIN_BYTES = 4 * 2**20

# The one float32 (and its negative) whose shortest decimal, read as float64 and rounded, comes back as its neighbour.
# A sweep over all 2^32 float32 found no other: tools/sweep_float32.py.
ODD_FLOAT32_BITS = 0x15AE43FD
ODD_FLOAT32_SHORTEST = b"7.038531e-26"
ODD_FLOAT32_NINE_DIGITS = b"7.03853069e-26"

# From 3.12 on, orjson reserves 24 bytes for each float64 of an array and writes up to 25, beyond its buffer's end:
# -0.000012345678901234568 and its comma. Until a later version is known to be mended, float64 go to it as lists.
_FLOAT64_OVERFLOWS = tuple(int(number) for number in orjson.__version__.split(".")[:2]) >= (3, 12)
# Values that orjson is given at a time, fewer at higher ranks: it makes an object of 300 bytes for every row of rows.
CHUNK_VALUES = 2048


def parse(body: bytes | bytearray) -> Any:
    """The document; flat arrays of many numbers in it as vectors of float64.

    Raises:
        ValueNotFinite: it is JSON but for NaN, Infinity or a number beyond float64; with a pointer to the first.
        MalformedJson: it is not JSON; with the place.

    >>> parse(b'{"grads": [1, -0.0]}')
    {'grads': [1, -0.0]}
    """
    flat = parse_flat(body)
    if flat is not None:
        return flat
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        _explain(body, error)


def dumps(given: Any) -> bytes:
    """A document without vectors, as compact JSON."""
    return orjson.dumps(given)


def dumps_vectors(given: dict[str, Any]) -> bytes:
    """A document that holds what `encoded` made of vectors."""
    return orjson.dumps(given, option=orjson.OPT_SERIALIZE_NUMPY)


def encoded(values: Values) -> Any:
    """Tensors as `dumps_vectors` takes them."""
    if values.tensors.names is None and len(values.tensors.shapes[0]) == 1:
        return _array(values.flat)
    return document(values, _array)


def _array(array: FloatArray) -> Any:
    if array.dtype == np.float32:
        plain = not (array.view(np.uint32) & 0x7FFFFFFF == ODD_FLOAT32_BITS).any()
    else:
        plain = not array.ndim or not _FLOAT64_OVERFLOWS
    if plain and array.ndim <= 1:
        return array if array.ndim else array[()]
    text = bytearray()
    _write(array, text)
    return orjson.Fragment(bytes(text))


def _write(array: FloatArray, text: bytearray) -> None:
    """Appends an array's JSON, some rows at a time."""
    limit = CHUNK_VALUES // max(array.ndim, 1)
    if array.size <= limit:
        text += _text(array)
        return
    text += b"["
    rows = limit * len(array) // array.size
    if rows:
        for first in range(0, len(array), rows):
            text += _text(array[first : first + rows])[1:-1] + b","
    else:
        for row in array:
            _write(row, text)
            text += b","
    text[-1:] = b"]"


def _text(array: FloatArray) -> bytes:
    if array.dtype == np.float64:
        return orjson.dumps(array.tolist() if _FLOAT64_OVERFLOWS else array, option=orjson.OPT_SERIALIZE_NUMPY)
    text = orjson.dumps(array if array.ndim else array[()], option=orjson.OPT_SERIALIZE_NUMPY)
    return text.replace(ODD_FLOAT32_SHORTEST, ODD_FLOAT32_NINE_DIGITS)


class _Token(float):
    """NaN or Infinity, with its text."""

    def __init__(self, text: str) -> None:
        self.text = text


# One object for all that a body holds: a body can be full of them.
_TOKENS = {text: _Token(text) for text in ("NaN", "Infinity", "-Infinity")}


def _explain(body: bytes | bytearray, error: orjson.JSONDecodeError) -> NoReturn:
    """Reads a refused body again, slowly, to say what is wrong with it and where."""
    if not body:
        raise MalformedJson("the body is empty; send a JSON object") from None
    if len(body) > MAX_READ_AGAIN_BYTES:
        _explain_in_short(error)
    if not error.doc:  # the body as text, which orjson has made of it: empty where it is no UTF-8
        raise MalformedJson(f"the body is not JSON: {_not_utf_8(body)}") from None
    try:
        slow = json.loads(error.doc, parse_constant=_TOKENS.__getitem__, parse_int=float)
    except RecursionError:
        raise MalformedJson("the body is nested too deeply; tensors have at most 8 dimensions") from None
    except ValueError:
        raise MalformedJson(f"the body is not JSON: {error.msg} at character {error.pos}") from None
    parts = _first_not_finite(slow)
    if parts is None:
        raise MalformedJson(f"the body is not JSON: {error.msg} at character {error.pos}") from None
    at = slow
    for part in parts:
        at = at[part]
    said = at.text if isinstance(at, _Token) else "a number beyond float64"
    field = FieldError.at(*parts, detail=f"the value is {said}")
    where = field.pointer or "the body"
    raise ValueNotFinite(f"{where} is {said}; JSON carries finite numbers only", errors=[field]) from None


def _explain_in_short(error: orjson.JSONDecodeError) -> NoReturn:
    """From what orjson says and the place alone, without a pointer."""
    found = re.compile("-?(NaN|Infinity)").search(error.doc, max(error.pos - 1, 0), error.pos + len("Infinity"))
    if found or "infinity" in error.msg:
        said = found[0] if found else "a number beyond float64"
        detail = f"the value at character {error.pos} is {said}; JSON carries finite numbers only"
        raise ValueNotFinite(detail, errors=[FieldError("", detail)]) from None
    raise MalformedJson(f"the body is not JSON: {error.msg} at character {error.pos}") from None


def _not_utf_8(body: bytes | bytearray) -> str:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return f"{error.reason} at byte {error.start}; JSON is UTF-8"
    raise AssertionError("the text of a body in UTF-8 is lost")


def _first_not_finite(slow: Any) -> tuple[str | int, ...] | None:
    """Where the first number that is not finite stands, in the order of the text."""
    place: list[str | int] = []
    # An iterator per level and no list of all places: a body can have millions.
    inside: list[Iterator[tuple[str | int, Any]]] = [iter([("", slow)])]
    while inside:
        for part, item in inside[-1]:
            if isinstance(item, float) and not math.isfinite(item):
                return (*place, part)[1:]
            if isinstance(item, (dict, list)):
                place.append(part)
                inside.append(iter(item.items() if isinstance(item, dict) else enumerate(item)))
                break
        else:
            inside.pop()
            del place[-1:]
    return None
