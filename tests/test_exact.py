"""The exact oracle is itself judged: by the processor's arithmetic, which IEEE 754 defines."""

import math
from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

from tests.exact import FLOAT32, FLOAT64, FORMATS, Format

INTEGERS = {"float64": "u8", "float32": "u4"}
OPERATIONS: dict[str, tuple[Callable[..., np.ndarray], Callable[[Format], Callable[..., float]]]] = {
    "+": (np.add, lambda fmt: fmt.add),
    "-": (np.subtract, lambda fmt: fmt.sub),
    "*": (np.multiply, lambda fmt: fmt.mul),
    "/": (np.divide, lambda fmt: fmt.div),
}


def random_bits(fmt: Format, count: int, seed: int) -> np.ndarray:
    """Finite values of every exponent: random bit patterns."""
    values = np.frombuffer(np.random.default_rng(seed).bytes(count * np.dtype(fmt.name).itemsize), fmt.name)
    return np.where(np.isfinite(values), values, values.dtype.type(1))


def edges(fmt: Format) -> np.ndarray:
    """Zero, one and every end of the format, with what lies beside them and both signs."""
    ends = [0.0, fmt.smallest, fmt.smallest_normal, 1.0, 1.5, 2.0, 3.0, 0.1, fmt.largest, math.sqrt(fmt.largest)]
    middle = np.array(ends, fmt.name)
    near = np.concatenate([middle, np.nextafter(middle[:-2], np.inf), np.nextafter(middle[1:], -np.inf)])
    near = near.astype(fmt.name)
    return np.concatenate([near, -near])


def assert_same_bits(fmt: Format, wanted: np.ndarray, have: list[float], what: str) -> None:
    """Bit for bit, but that a NaN is a NaN."""
    mine = np.array(have, fmt.name)
    differ = (wanted.view(INTEGERS[fmt.name]) != mine.view(INTEGERS[fmt.name])) & ~(np.isnan(wanted) & np.isnan(mine))
    assert not differ.any(), f"{what}, first at {differ.argmax()}"


@pytest.mark.parametrize("fmt", FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize("symbol", OPERATIONS)
def test_random_operands_give_the_processors_bits(fmt: Format, symbol: str) -> None:
    """Each operation on random bit patterns, near and far apart, gives what the processor gives."""
    processor, exact = OPERATIONS[symbol]
    a, b = random_bits(fmt, 4000, 1), random_bits(fmt, 4000, 2)
    # Half of the pairs are of like size: sums of values far apart are only the larger one.
    near = (a / 4 * np.random.default_rng(3).uniform(-4, 4, a.size)).astype(fmt.name)
    a, b = np.concatenate([a, a]), np.concatenate([b, near])
    with np.errstate(all="ignore"):
        wanted = processor(a, b)
    assert_same_bits(fmt, wanted, [exact(fmt)(float(x), float(y)) for x, y in zip(a, b, strict=True)], symbol)


@pytest.mark.parametrize("fmt", FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize("symbol", OPERATIONS)
def test_edges_give_the_processors_bits(fmt: Format, symbol: str) -> None:
    """Every pair of zeros, subnormals, ends and their neighbours gives what the processor gives."""
    processor, exact = OPERATIONS[symbol]
    pairs = list(product(edges(fmt), repeat=2))
    with np.errstate(all="ignore"):
        wanted = processor(np.array([a for a, _ in pairs]), np.array([b for _, b in pairs]))
    assert_same_bits(fmt, wanted, [exact(fmt)(float(a), float(b)) for a, b in pairs], symbol)


@pytest.mark.parametrize("fmt", FORMATS.values(), ids=FORMATS)
def test_roots_have_the_processors_bits(fmt: Format) -> None:
    """Roots of random bit patterns, of exact squares and of edges are what the processor gives."""
    squares = np.arange(1, 2000, dtype=fmt.name) ** 2
    values = np.concatenate([random_bits(fmt, 8000, 4), edges(fmt), squares, np.nextafter(squares, 0)])
    values = values.astype(fmt.name)
    with np.errstate(all="ignore"):
        wanted = np.sqrt(values)
    assert_same_bits(fmt, wanted, [fmt.sqrt(float(value)) for value in values], "sqrt")


def test_rounding_to_float32_is_the_processors() -> None:
    """A float64 rounds to the float32 that a cast gives, over float32's whole range and beyond both ends."""
    scales = np.random.default_rng(5).uniform(-160, 140, 8000)
    halfway = (edges(FLOAT32).astype("f8") + np.nextafter(edges(FLOAT32), np.float32(0)).astype("f8")) / 2
    values = np.concatenate([np.random.default_rng(6).uniform(-2, 2, 8000) * 2.0**scales, edges(FLOAT64), halfway])
    with np.errstate(all="ignore"):
        wanted = values.astype("f4")
    assert_same_bits(FLOAT32, wanted, [FLOAT32.round(float(value)) for value in values], "cast")


@pytest.mark.parametrize("fmt", FORMATS.values(), ids=FORMATS)
def test_the_ends_are_numpys(fmt: Format) -> None:
    """The smallest, smallest normal and largest value are those that numpy names."""
    ends = np.finfo(fmt.name)
    wanted = (float(ends.smallest_subnormal), float(ends.tiny), float(ends.max))
    assert (fmt.smallest, fmt.smallest_normal, fmt.largest) == wanted
