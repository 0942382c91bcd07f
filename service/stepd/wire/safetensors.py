"""safetensors: bytes to a document as JSON's parser makes one, with NumPy arrays in it, and flat vectors to bytes.

A tensor is named for its role (`grads`, `params`, a slot) where it has no name of its own, else `<role>/<name>`. What
is no vector stands in the metadata, as text: `optimizer` and `labels` as JSON objects, `step` and `ttl_s` as JSON
numbers, `durability` as a JSON string, `digest`. The format's library judges every body; values are read and written
here, because it would copy them twice (docs/decisions/0010).
"""

from __future__ import annotations

import json
import math
import os
import re
import sys
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import safetensors

from stepd.errors import (
    DtypeMismatch,
    FieldError,
    InvalidTensors,
    MalformedJson,
    MalformedSafetensors,
    UnknownField,
    ValueNotFinite,
)
from stepd.values import DTYPES, MAX_RANK, FloatArray, Shape, Values
from stepd.wire.arrays import Place, say
from stepd.wire.json import DECODE_BYTES_PER_BYTE
from stepd.wire.json import dumps as dumps_json
from stepd.wire.json import parse as parse_json

Body = bytes | bytearray | memoryview

MEDIA_TYPE = "application/vnd.safetensors"

HEADER_BYTES = 4 * 1024
HEADER_BYTES_PER_TENSOR = 1024
# As many labels as there may be, as long as they may be: each character two escapes in text that is escaped once more,
# `\\ud83d\\ude00`.
LABELS_BYTES = 72 * 1024
# Up to this size the library judges a body as it is, although its reader copies it twice.
MAX_COPIED_BYTES = 64 * 1024

_LENGTH_BYTES = 8
_ALIGNMENT = 8
# A tensor has one object and two arrays, and so a bracket in 17 characters at most.
_BYTES_PER_BRACKET = 17
# To the end where it has none, so that nothing is looked at twice.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.?)*+"?', re.DOTALL)
_DTYPES = {"F64": DTYPES["float64"], "F32": DTYPES["float32"]}
_CODES = {dtype: code for code, dtype in _DTYPES.items()}
_JSON_METADATA = ("optimizer", "labels", "step", "ttl_s", "durability")
# For whoever reads a file: which life of a session it is of; which framework wrote it, as torch and others say.
_IGNORED_METADATA = ("incarnation", "format")
_LAYOUT = (
    "a body is the header's length in 8 bytes, the header as JSON, and the values of all tensors one after another, "
    "from there to the end without gaps"
)


def decode_bytes(length: int, header: int = 0) -> int:
    """Bytes that a body of that length and what is made of it take at most; a test measures it.

    The values once more, where they are not aligned or not in order; of a small body the library's copies; and what is
    parsed of the header, which is of that length.
    """
    return 2 * length + 2 * min(length, MAX_COPIED_BYTES) + DECODE_BYTES_PER_BYTE * min(length, header)


def header_bytes(body: Body, longest: int) -> int:
    """The header's length, which the body begins with; 0 where it is too long to be read."""
    length = int.from_bytes(body[:_LENGTH_BYTES], "little")
    return 0 if length > longest else length


def max_header_bytes(tensors: int, *, labels: bool = False) -> int:
    """The longest header of a body in which so many tensors are expected, and maybe labels."""
    return HEADER_BYTES + HEADER_BYTES_PER_TENSOR * tensors + LABELS_BYTES * labels


def parse(
    body: Body,
    *,
    vectors: Collection[str],
    state: bool,
    dtype: np.dtype[Any] | None,
    expected: int,
    labels: bool = False,
) -> dict[str, Any]:
    """The document that JSON would have given, with an array for each tensor.

    The arrays are views of the body, unaligned where its header is not padded. Whether they are finite, and of the
    session's names and shapes, is judged by `decode_values`.

    Args:
        body: the whole of it.
        vectors: roles that stand in the document under their own names.
        state: whether any other role is a slot, which stands under `state`.
        dtype: what the tensors must have; None where they say it themselves, and the document then has it as `dtype`.
        expected: how many tensors there may be: bounds the header's length, before anything of it is read.
        labels: whether there may be labels, which the header has room for then.

    Raises:
        MalformedSafetensors, UnknownField for a role or metadata that is not taken, DtypeMismatch, InvalidTensors; of
        what the metadata holds as JSON ValueNotFinite.
    """
    header_end = _header_end(body, expected, labels=labels)
    header = _header(bytes(body[_LENGTH_BYTES:header_end]))
    _judge(body, header_end)
    document = _metadata(header.pop("__metadata__", None) or {})
    _require_objects(header)
    if not header:
        return document
    places = {name: _place(name, vectors, state=state) for name in header}
    common = _common_dtype(header, places, dtype)
    if dtype is None:
        document["dtype"] = common.name
    shapes = {name: _shape(header[name]["shape"], place) for name, place in places.items()}
    values: FloatArray = np.frombuffer(body, common, offset=header_end)
    for name, place in places.items():
        first, last = (offset // common.itemsize for offset in header[name]["data_offsets"])
        _put(document, place, values[first:last].reshape(shapes[name]))
    return document


def dumps(vectors: Mapping[str, Values], metadata: Mapping[str, str]) -> bytes:
    """The values of each role, as a body whose values are aligned.

    >>> from stepd.values import Tensors
    >>> weights = Values(Tensors.named({"w": (2, 1)}, DTYPES["float32"]), np.array([1, 2], np.float32))
    >>> parse(dumps({"params": weights}, {"step": "3"}), vectors=["params"], state=False, dtype=None, expected=1)
    {'step': 3, 'dtype': 'float32', 'params': {'w': array([[1.],
           [2.]], dtype=float32)}}
    """
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    parts: list[Any] = []
    end = 0
    for role, (tensors, flat, _) in vectors.items():
        for name, shape in zip(tensors.names or (None,), tensors.shapes, strict=True):
            begin, end = end, end + math.prod(shape) * tensors.dtype.itemsize
            header[role if name is None else f"{role}/{name}"] = {
                "dtype": _CODES[tensors.dtype],
                "shape": shape,
                "data_offsets": (begin, end),
            }
        parts.append(np.ascontiguousarray(flat, tensors.dtype))
    text = dumps_json(header)
    text += b" " * (-len(text) % _ALIGNMENT)
    return b"".join((len(text).to_bytes(_LENGTH_BYTES, "little"), text, *parts))


def _header_end(body: Body, expected: int, *, labels: bool) -> int:
    """Where the header ends, judged from the length that the body begins with."""
    if len(body) < _LENGTH_BYTES:
        raise MalformedSafetensors(f"the body has {len(body)} bytes; {_LAYOUT}")
    length = int.from_bytes(body[:_LENGTH_BYTES], "little")
    longest = max_header_bytes(expected, labels=labels)
    if length > longest:
        room = (
            f"{HEADER_BYTES} and {HEADER_BYTES_PER_TENSOR} for each of {expected} tensor{'' if expected == 1 else 's'}"
        )
        if labels:
            room += f", and {LABELS_BYTES} for labels"
        raise MalformedSafetensors(
            f"the header has {length} bytes, by the body's first 8; it may have {longest}: {room}"
        )
    if length > len(body) - _LENGTH_BYTES:
        raise MalformedSafetensors(
            f"the header has {length} bytes, by the body's first 8, and the body ends after "
            f"{len(body) - _LENGTH_BYTES} more; {_LAYOUT}"
        )
    return _LENGTH_BYTES + length


def _header(text: bytes) -> Any:
    """The header's JSON, in which no name is there twice, which the library lets pass."""
    _require_sparse(text)
    try:
        return json.loads(text.decode(), object_pairs_hook=_unique)
    except (RecursionError, ValueError) as error:
        raise MalformedSafetensors(f"the header is not JSON in UTF-8: {str(error)[:120]}; {_LAYOUT}") from None


def _require_sparse(text: bytes | bytearray) -> None:
    """Raises MalformedSafetensors where there are more arrays and objects than tensors need.

    The library passes over fields that it does not know, and what they hold could take a hundred times its length.
    """
    most = 64 + len(text) // _BYTES_PER_BRACKET
    if text.count(b"[") + text.count(b"{") > most:
        outside = _STRING.sub(b"", text)
        if outside.count(b"[") + outside.count(b"{") > most:
            raise MalformedSafetensors("the header has arrays or objects besides the shape and data_offsets of tensors")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise MalformedSafetensors(f"the header has {name[:40]!r} twice")
        found[name] = value
    return found


def _judge(body: Body, header_end: int) -> None:
    """Raises MalformedSafetensors where the library refuses the body."""
    try:
        if sys.platform == "linux" and len(body) > MAX_COPIED_BYTES:
            # Where no file can be opened, the body is copied after all.
            with suppress(OSError):
                _judge_header(body, header_end)
                return
        safetensors.deserialize(bytes(body))  # type: ignore[no-untyped-call] # its stub has no types
    except safetensors.SafetensorError as refusal:
        said = (
            str(refusal).removeprefix("Error while deserializing: ").removeprefix("Error while deserializing header: ")
        )
        raise MalformedSafetensors(f"the body is not safetensors: {said}; {_LAYOUT}") from None


def _judge_header(body: Body, header_end: int) -> None:
    """Has the library read the header of a file in memory in which the values are a hole, which takes no room."""
    descriptor = os.memfd_create("header")
    try:
        os.write(descriptor, memoryview(body)[:header_end])
        os.ftruncate(descriptor, len(body))
        with safetensors.safe_open(f"/proc/self/fd/{descriptor}", "numpy"):
            pass
    finally:
        os.close(descriptor)


def _require_objects(tensors: Mapping[str, Any]) -> None:
    """Raises MalformedSafetensors for a tensor as a list, or its dtype as an object, which the library lets pass."""
    for name, tensor in tensors.items():
        if not isinstance(tensor, dict) or not isinstance(tensor["dtype"], str):
            raise MalformedSafetensors(
                f'{name[:40]!r} must be an object like {{"dtype":"F64","shape":[2],"data_offsets":[0,16]}}'
            )


def _metadata(given: Mapping[str, str]) -> dict[str, Any]:
    """What the metadata says, as fields of a document."""
    fields: dict[str, Any] = {}
    for name, text in given.items():
        if name in _JSON_METADATA:
            fields[name] = _json(name, text)
        elif name == "digest":
            fields[name] = text
        elif name not in _IGNORED_METADATA:
            taken = ", ".join((*_JSON_METADATA, "digest", *_IGNORED_METADATA))
            detail = f"{name[:40]!r} is no metadata that is taken; the header may have {taken}"
            raise UnknownField(detail, errors=[FieldError.at(name, detail=detail)])
    return fields


def _json(name: str, text: str) -> Any:
    try:
        return parse_json(text.encode())
    except (MalformedJson, ValueNotFinite) as refusal:
        detail = f"in metadata {name!r}, {refusal.detail.replace('the body', 'the text', 1)}"
        errors = [FieldError(f"/{name}{error.pointer}", error.detail) for error in refusal.errors]
        kind = ValueNotFinite if isinstance(refusal, ValueNotFinite) else MalformedSafetensors
        raise kind(detail, errors=errors) from None


def _place(name: str, vectors: Collection[str], *, state: bool) -> Place:
    """Where in the document a tensor of that name stands."""
    role, slash, tensor = name.partition("/")
    place = (role, tensor) if slash else (role,)
    if role in vectors:
        return place
    if state:
        return ("state", *place)
    taken = ", ".join(f"{role} or {role}/<name>" for role in vectors)
    detail = f"there is no tensor {name[:80]!r} here; what is taken: {taken}"
    raise UnknownField(detail, errors=[FieldError.at(*place, detail=detail)])


def _common_dtype(header: Mapping[str, Any], places: Mapping[str, Place], dtype: np.dtype[Any] | None) -> np.dtype[Any]:
    """What all tensors have: `dtype`, or where that is None what the first one has."""
    first = next(iter(header))
    common = header[first]["dtype"] if dtype is None else _CODES[dtype]
    for name, place in places.items():
        code = header[name]["dtype"]
        if code != common or code not in _DTYPES:
            if common not in _DTYPES:
                wanted = f"a session has {' or '.join(_DTYPES)}"
            elif dtype is None:
                wanted = f"{first[:80]!r} has {common}; all have one"
            else:
                wanted = f"the session has {common}"
            detail = f"tensor {name[:80]!r} has dtype {code}, {wanted}"
            raise DtypeMismatch(detail, errors=[FieldError.at(*place, detail=detail)])
    return _DTYPES[common]


def _shape(shape: list[int], place: Place) -> Shape:
    """A shape that an array can have. Whether it is the session's is judged where that is known."""
    if len(shape) > MAX_RANK:
        detail = f"{say(place)} has rank {len(shape)}; {MAX_RANK} is the highest rank"
    elif 0 in shape:
        detail = f"{say(place)} has shape {shape}; every length must be at least 1"
    else:
        return tuple(shape)
    raise InvalidTensors(detail, errors=[FieldError.at(*place, detail=detail)])


def _put(document: dict[str, Any], place: Place, array: FloatArray) -> None:
    """Puts an array where it belongs. Raises InvalidTensors where its role comes without a name and with one."""
    *outer, last = place
    inside: Any = document
    for part in outer:
        inside = inside.setdefault(part, {})
    if isinstance(inside, dict) and last not in inside:
        inside[last] = array
        return
    role = last if isinstance(inside, dict) else outer[-1]
    detail = (
        f"there is a tensor {str(role)[:80]!r} and there are others named {role!s:.80}/<name>; send one or the others"
    )
    raise InvalidTensors(detail, errors=[FieldError.at(*place, detail=detail)])
