"""Whatever bytes come, the answer is a value or one of stepd's own errors; what is read is what Python itself reads."""

import json
import math
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any, TypeVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stepd.errors import StepdError
from stepd.values import DTYPES, Tensors
from stepd.wire.arrays import decode_shape, decode_values
from stepd.wire.json import parse

T = TypeVar("T")
MANY = settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow])
KNOWN = Tensors.named({"w": (2, 2), "b": ()}, DTYPES["float64"])

VALID = [
    b'{"grads":[1.5,-2,3e-7,0.1]}',
    b'{"params":{"w":[[1,2],[3,4.5]],"b":-0.0},"grads":{"w":[[1e300,5e-324],[0,1]],"b":7}}',
    b'{"shape":{"w":[64,10],"b":[10]},"labels":{"run":"\\u00e4\\ud83d\\ude00"},"ttl_s":null}',
    b"[[[[[[[[1]]]]]]],[[[[[[[2]]]]]]]]",
    '{"é😀":[NaN,Infinity,1e999,-Infinity]}'.encode(),
]
TOKENS = [
    *(bytes([byte]) for byte in b'[]{},:"\\-.e09 \x00\xff'),
    *(b"1e400", b"NaN", b"null", b"true", b'"w"', b"\xc3\xa9", b"\xed\xa0\x80", b"[" * 9, b"]" * 9),
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A valid body in which some places were cut out, replaced or filled."""
    body = draw(st.sampled_from(VALID))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(body)))
        end = draw(st.integers(start, min(start + 8, len(body))))
        body = body[:start] + draw(st.sampled_from(TOKENS)) + body[end:]
    return body


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


def outcome(read: Callable[[], T]) -> T | None:
    """What was read, or None where stepd refused it by name; any other exception fails the test."""
    try:
        return read()
    except StepdError as error:
        refusal = error
    assert refusal.code
    assert len(refusal.errors) <= 10
    return None


def read_everything(body: bytes) -> None:
    """Every way in which a body may be taken."""
    document = outcome(lambda: parse(body))
    roles = document if isinstance(document, dict) else {"params": document}
    for (role, given_values), dtype, expected in product(roles.items(), DTYPES.values(), (None, KNOWN)):
        read = partial(decode_values, given_values, (role,), dtype, expected=expected, max_tensors=3)
        values = outcome(read)
        if values is not None:
            assert np.isfinite(values.flat).all()
            assert (values.flat.size, values.flat.dtype) == (values.tensors.size, dtype)
        outcome(partial(decode_shape, given_values, dtype, max_tensors=3))


@MANY
@given(st.binary(max_size=60))
def test_random_bytes(body: bytes) -> None:
    """Bytes of any kind."""
    read_everything(body)


@MANY
@given(st.lists(st.sampled_from(TOKENS), max_size=20).map(b"".join))
def test_random_tokens(body: bytes) -> None:
    """Pieces of JSON, and what is nearly JSON, in any order."""
    read_everything(body)


@MANY
@given(mutated())
def test_mutated_bodies(body: bytes) -> None:
    """Valid bodies with some bytes replaced."""
    read_everything(body)


@MANY
@given(JSON)
def test_any_document(document: Any) -> None:
    """Documents that are JSON, of any kind."""
    read_everything(json.dumps(document).encode())


def same(ours: Any, pythons: Any) -> bool:
    """Equal with equal types, floats bit for bit; an integer too long for 64 bits is a float for us."""
    if type(pythons) is int and type(ours) is float:
        return abs(pythons) >= 2**63 and ours == float(pythons)
    if type(ours) is not type(pythons):
        return False
    if isinstance(ours, dict):
        return list(ours) == list(pythons) and all(same(ours[name], pythons[name]) for name in ours)
    if isinstance(ours, list):
        return len(ours) == len(pythons) and all(map(same, ours, pythons))
    if isinstance(ours, float):
        return ours == pythons and math.copysign(1, ours) == math.copysign(1, pythons)
    return bool(ours == pythons)


@MANY
@given(st.one_of(mutated(), JSON.map(lambda document: json.dumps(document, ensure_ascii=False).encode("utf-8"))))
def test_what_is_accepted_is_what_python_reads(body: bytes) -> None:
    """Of every body that is accepted Python's own parser reads the same document, numbers to the bit."""
    try:
        document = parse(body)
    except StepdError:
        return
    assert same(document, json.loads(body))


DIGITS = st.text("0123456789", min_size=1, max_size=25)


@MANY
@given(st.booleans(), DIGITS, st.one_of(st.just(""), DIGITS), st.one_of(st.none(), st.integers(-330, 330)))
def test_decimals_are_rounded_as_python_does(negative: bool, whole: str, fraction: str, exponent: int | None) -> None:
    """Numbers of many digits and any exponent become the float64 that `float` makes of them."""
    text = "-" * negative + (whole.lstrip("0") or "0") + ("." + fraction if fraction else "")
    text += "" if exponent is None else f"e{exponent}"
    wanted = float(text)
    if math.isinf(wanted):
        with pytest.raises(StepdError, match="number beyond float64"):
            parse(text.encode())
        return
    given_values = decode_values([parse(text.encode())], ("x",), DTYPES["float64"], expected=None, max_tensors=1)
    if "." not in text and "e" not in text:
        wanted = float(int(text))  # an integer -0 is a plain 0
    assert given_values.flat.tobytes() == np.array([wanted]).tobytes()


@MANY
@given(st.integers(2**52, 2**53 - 1), st.integers(-1050, 970), st.sampled_from([0, 1, -1]))
def test_halfway_decimals_are_rounded_as_python_does(mantissa: int, exponent: int, beside: int) -> None:
    """The exact decimal halfway between two neighbours, and one digit behind it, where rounding is hardest."""
    text = halfway(mantissa, exponent, 1, beside)
    assert parse(text.encode()) == float(text)


@MANY
@given(st.integers(2**52, 2**53 - 1), st.integers(-1074, 970), st.integers(2, 300))
def test_zeros_behind_768_digits_may_move_a_tie(mantissa: int, exponent: int, zeros: int) -> None:
    """orjson reads 768 digits; of a longer number that lies exactly halfway it may give the other neighbour."""
    text = halfway(mantissa, exponent, zeros, 0)
    low = math.ldexp(mantissa, exponent)
    assert parse(text.encode()) in (low, math.nextafter(low, math.inf))


def halfway(mantissa: int, exponent: int, zeros: int, beside: int) -> str:
    """The decimal between two neighbouring float64, exactly, with zeros behind it and something added to the last."""
    tens = max(1 - exponent, 0)
    middle = (2 * mantissa + 1) * 5**tens * 2 ** max(exponent - 1, 0)  # in units of 10**-tens
    return f"{middle * 10**zeros + beside}e-{tens + zeros}"
