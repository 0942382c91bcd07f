"""The one float32 whose shortest decimal comes back as its neighbour: written with nine digits, wherever it stands."""

import numpy as np
import orjson
import pytest

from stepd.values import Values
from stepd.wire.json import (
    CHUNK_VALUES,
    ODD_FLOAT32_BITS,
    ODD_FLOAT32_NINE_DIGITS,
    ODD_FLOAT32_SHORTEST,
    dumps_vectors,
    encoded,
)
from tests.wire.documents import assert_same, decode, encode, named, unnamed

ODD = np.array(ODD_FLOAT32_BITS, np.uint32).view(np.float32)[()]
NEIGHBOUR = np.array(ODD_FLOAT32_BITS + 1, np.uint32).view(np.float32)[()]


def odd_in(shape: tuple[int, ...], *places: int, sign: float = 1.0) -> Values:
    flat = np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32)
    flat[list(places)] = np.float32(sign) * ODD
    return unnamed(flat.reshape(shape), "float32")


def test_why_it_is_odd() -> None:
    """Its shortest decimal is nearest to it among float32, yet by way of float64 it becomes another."""
    written = orjson.dumps(ODD, option=orjson.OPT_SERIALIZE_NUMPY)
    assert written == ODD_FLOAT32_SHORTEST
    assert np.float32(float(written)) == NEIGHBOUR != ODD
    assert np.float32(float(ODD_FLOAT32_NINE_DIGITS)) == ODD


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(
    ("shape", "places"),
    [
        ((1,), [0]),
        ((5,), [0, 4]),
        ((5,), [0, 1, 2, 3, 4]),
        ((2, 3), [3]),
        ((1, 1, 1, 1, 1, 1, 1, 2), [1]),
        ((2 * CHUNK_VALUES + 1,), [2 * CHUNK_VALUES]),
        ((CHUNK_VALUES + 1, 3), [0, CHUNK_VALUES * 3]),
    ],
    ids=str,
)
def test_it_comes_back_from_anywhere(shape: tuple[int, ...], places: list[int], sign: float) -> None:
    """First, last, everywhere, of either sign, in rows and in long arrays."""
    values = odd_in(shape, *places, sign=sign)
    text = encode(values)
    assert text.count(ODD_FLOAT32_NINE_DIGITS) == len(places)
    assert ODD_FLOAT32_SHORTEST not in text
    assert_same(decode(text, "float32"), values)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_it_comes_back_as_a_number(sign: float) -> None:
    """A named tensor of rank 0 may be it."""
    values = named({"b": np.float32(sign) * ODD, "c": NEIGHBOUR, "w": [1.0]}, "float32")
    text = encode(values)
    assert ODD_FLOAT32_NINE_DIGITS in text
    assert_same(decode(text, "float32"), values)


def test_names_are_not_numbers() -> None:
    """Tensors that are named like its decimal keep their names."""
    shortest, nine = ODD_FLOAT32_SHORTEST.decode(), ODD_FLOAT32_NINE_DIGITS.decode()
    values = named({shortest: [ODD, 1.0], f"[{shortest}]": ODD, nine: [2.0]}, "float32")
    text = encode(values)
    assert_same(decode(text, "float32"), values)
    assert decode(text, "float32").tensors.names == values.tensors.names


@pytest.mark.parametrize("bits", [ODD_FLOAT32_BITS - 1, ODD_FLOAT32_BITS + 1])
def test_its_neighbours_are_written_as_ever(bits: int) -> None:
    """Nothing but that one value takes the slower way."""
    values = unnamed(np.array([bits, bits ^ 0x80000000], np.uint32).view(np.float32), "float32")
    assert encoded(values).base is not None
    assert encode(values) == orjson.dumps(values.flat, option=orjson.OPT_SERIALIZE_NUMPY)
    assert_same(decode(encode(values), "float32"), values)


def test_a_float64_of_that_decimal_is_just_a_number() -> None:
    """In float64 the decimal stands for itself."""
    values = unnamed([7.038531e-26, float(ODD)])
    assert dumps_vectors({"p": encoded(values)}) == b'{"p":[7.038531e-26,7.038530691851209e-26]}'
    assert_same(decode(encode(values)), values)
