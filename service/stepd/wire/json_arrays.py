"""The long arrays of a JSON body, decoded without an object for every number.

Each is cut out of the text and read some thousand numbers at a time, straight into its vector; what is left of the
text, with marks for the arrays, is parsed as ever. What is not recognised here is left to `stepd.wire.json`, which also
says what is wrong with a body: both ways give the same values and the same refusals.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import orjson

from stepd.values import FloatArray

# An extra, which has no wheel for every Python. Without it orjson makes an object of each number, but of few at a time.
_simdjson: Any = import_module("simdjson") if find_spec("simdjson") else None

# Characters from which on an array is cut out: a shorter one costs less where it is.
SHORTEST = 64 * 1024 if _simdjson is None else 8 * 1024
# Characters that are decoded at a time; what is made of them stays in the processor's cache.
CHUNK = 64 * 1024

_MEMBER = re.compile(rb":[ \t\r\n]*\[")
# Stands in the text for an array. No body can know it, so where it is found as a value it was put there.
_MARK = secrets.token_hex(16)
# One of these is in every string, object, true, false and null, and none in a number.
_NO_NUMBERS = (b'"', b"{", b"u", b"a")

Decode = Callable[[bytes], FloatArray | list[float]]


def parse(body: bytes | bytearray) -> Any:
    """The document, with a vector of float64 for each long array in `params`, `grads` and the slots of `state`.

    None where there is none, where one stands elsewhere, and where anything is not as it should be.
    """
    vectors: dict[str, FloatArray] = {}
    text: list[bytes | memoryview] = []
    view = memoryview(body)
    copied = 0
    for begin, end in _long_arrays(body):
        vector = _vector(body, begin, end)
        if vector is None:
            return None
        mark = f"{_MARK}{len(vectors)}"
        vectors[mark] = vector
        text += [view[copied : begin - 1], f'"{mark}"'.encode()]
        copied = end + 1
    if not vectors:
        return None
    text.append(view[copied:])
    try:
        document = orjson.loads(b"".join(text))
    except orjson.JSONDecodeError:
        return None
    return document if _put(vectors, document) == len(vectors) else None


def _long_arrays(body: bytes | bytearray) -> Iterator[tuple[int, int]]:
    """Where the text of each array begins and ends that is a member's value, as far as its first closing bracket."""
    end = 0
    short = 0
    while (found := _MEMBER.search(body, end)) is not None:
        begin = found.end()
        end = body.find(b"]", begin)
        if end < 0:
            return
        if end - begin >= SHORTEST:
            yield begin, end
        else:
            short += 1
            if short > len(body) // 256:  # there are so many that looking for long ones costs too much
                return


def _vector(body: bytes | bytearray, begin: int, end: int) -> FloatArray | None:
    """The numbers of an array's text, None where it has anything else."""
    decode = _decoder()
    view = memoryview(body)
    # Room for as many as there may be: what of it is never written takes no memory.
    vector = np.empty((end - begin) // 2 + 1)
    count = 0
    while begin <= end:
        stop = body.find(b",", begin + CHUNK, end)
        if stop < 0:
            stop = end
        try:
            numbers = decode(b"".join((b"[", view[begin:stop], b"]")))
        except (ValueError, TypeError, RuntimeError):
            return None
        if not len(numbers):  # behind a comma at the end
            return None
        vector[count : count + len(numbers)] = numbers
        count += len(numbers)
        begin = stop + 1
    vector.resize(count, refcheck=False)
    return vector


def _decoder() -> Decode:
    """What makes numbers of an array's text, and raises where there is anything else in it."""
    if _simdjson is None:
        return _by_orjson
    parser = _simdjson.Parser()
    return lambda text: np.frombuffer(parser.parse(text).as_buffer(of_type="d"))


def _by_orjson(text: bytes) -> list[float]:
    if any(character in text for character in _NO_NUMBERS):
        raise TypeError("not only numbers")
    numbers: list[float] = orjson.loads(text)
    return numbers


def _put(vectors: dict[str, FloatArray], document: Any) -> int:
    """Puts the vectors in the places of their marks, where a document has vectors; returns how many there were."""
    if not isinstance(document, dict):
        return 0
    holders: list[tuple[dict[str, Any], tuple[str, ...]]] = [(document, ("params", "grads"))]
    state = document.get("state")
    if isinstance(state, dict):
        holders.append((state, tuple(state)))
    for holder, names in list(holders):
        named = (holder.get(name) for name in names)
        holders += [(tensors, tuple(tensors)) for tensors in named if isinstance(tensors, dict)]
    put = 0
    for holder, names in holders:
        for name in names:
            mark = holder.get(name)
            if isinstance(mark, str) and mark in vectors:
                holder[name] = vectors[mark]
                put += 1
    return put
