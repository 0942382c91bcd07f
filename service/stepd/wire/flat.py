"""Flat vectors read out of JSON's text without a Python object for each number: the quick way for bodies of steps.

What is not recognised here at once, or fails, is for the general way (json.py) to judge, which says what is wrong: the
quick way takes only what the general one would take, with the same values (docs/decisions/0005). It needs simdjson,
which comes with the extra `fast`; without it every body goes the general way.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from stepd.values import FloatArray

try:
    from simdjson import Parser
except ImportError:  # an extra, and not there for every Python
    new_parser: Callable[[], Any] | None = None
else:
    new_parser = Parser

# Shorter bodies are read as soon in the general way.
LEAST_BYTES = 4096
# The text is cut at commas into pieces of this size: what a parser needs for one stays in the processor's cache, and
# does not grow with the body. Pieces of 16 kB to 1 MB were all within 10 %.
PIECE_BYTES = 64 * 1024

_OPENING = re.compile(rb'[ \t\n\r]*\{[ \t\n\r]*"([a-z]+)"[ \t\n\r]*:[ \t\n\r]*\[')
_NEXT = re.compile(rb'[ \t\n\r]*,[ \t\n\r]*"([a-z]+)"[ \t\n\r]*:[ \t\n\r]*\[')
_CLOSING = re.compile(rb"[ \t\n\r]*\}[ \t\n\r]*\Z")


def parse_flat(body: bytes | bytearray) -> dict[str, FloatArray] | None:
    """An object of flat arrays of numbers, such as `{"grads": [...]}`, as float64 vectors; None for anything else.

    >>> parse_flat(b'{"grads": [' + b"0.5, " * 1000 + b"-0.0]}")["grads"][-2:]  # where simdjson is installed
    array([ 0.5, -0. ])
    """
    if new_parser is None or len(body) < LEAST_BYTES:
        return None
    found: dict[str, FloatArray] = {}
    opening = _OPENING.match(body)
    while opening is not None:
        name, begin = opening[1].decode(), opening.end()
        end = body.find(b"]", begin)
        vector = None if end < 0 or name in found else _numbers(new_parser(), body, begin, end)
        if vector is None:
            return None
        found[name] = vector
        if _CLOSING.match(body, end + 1):
            return found
        opening = _NEXT.match(body, end + 1)
    return None


def _numbers(parser: Any, body: bytes | bytearray, begin: int, end: int) -> FloatArray | None:
    """The numbers between two brackets; None where there is anything else, or nothing."""
    pieces = []
    while begin <= end:
        cut = end if end - begin <= PIECE_BYTES else body.find(b",", begin + PIECE_BYTES, end)
        if cut < 0:
            cut = end
        try:
            document = parser.parse(b"".join((b"[", body[begin:cut], b"]")))
            pieces.append(np.frombuffer(document.as_buffer(of_type="d"), np.float64))
        except (RuntimeError, TypeError, ValueError):  # no number, one beyond float64, or no JSON
            return None
        del document  # else the parser can't be used again
        if not pieces[-1].size:
            return None
        begin = cut + 1
    return np.concatenate(pieces)
