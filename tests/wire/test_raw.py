"""octet-stream: exactly the values' bytes, taken where they lie."""

import struct
import tracemalloc

import numpy as np
import pytest

from stepd.errors import ShapeMismatch, ValueNotFinite
from stepd.values import DTYPES, Tensors, Values
from stepd.wire import raw
from tests.wire.documents import assert_same, named, unnamed

F8, F4 = DTYPES["float64"], DTYPES["float32"]
each_dtype = pytest.mark.parametrize("dtype", DTYPES)


@pytest.mark.parametrize(("dtype", "code"), [("float64", "<5d"), ("float32", "<5f")])
def test_the_bytes_are_the_values(dtype: str, code: str) -> None:
    """Little-endian, in C order, as the standard library writes them; the sign of zero and subnormals included."""
    numbers = [1.0, -0.0, 5e-324 if dtype == "float64" else 2.0**-149, -2.5, 0.0]
    body = struct.pack(code, *numbers)
    tensors = Tensors.unnamed((5,), DTYPES[dtype])
    values = raw.decode(bytearray(body), tensors)
    assert_same(values, unnamed(numbers, dtype))
    assert values.tensors is tensors
    assert raw.encode(values) == body


def test_rows_lie_one_after_another() -> None:
    """A matrix, and a tensor that is the only one and has a name."""
    body = bytearray(struct.pack("<6d", 1, 2, 3, 4, 5, 6))
    matrix = unnamed([[1, 2], [3, 4], [5, 6]])
    assert_same(raw.decode(body, matrix.tensors), matrix)
    weights = named({"w": [[1, 2, 3], [4, 5, 6]]})
    assert_same(raw.decode(body, weights.tensors), weights)
    assert raw.encode(weights) == bytes(body)


def test_other_byte_orders_are_written_little_endian() -> None:
    """Whatever the machine's own order is."""
    values = unnamed([1.0, -2.0])
    swapped = Values(values.tensors, values.flat.astype(">f8"))
    assert raw.encode(swapped) == struct.pack("<2d", 1, -2)


@each_dtype
@pytest.mark.parametrize("count", [0, 1, 3, 5, 8])
def test_a_body_of_another_length_is_refused(dtype: str, count: int) -> None:
    """Too short, too long, or of the other dtype: the numbers are in the error."""
    tensors = Tensors.unnamed((2, 2), DTYPES[dtype])
    with pytest.raises(ShapeMismatch) as refused:
        raw.decode(bytearray(count * tensors.dtype.itemsize), tensors)
    itemsize = tensors.dtype.itemsize
    assert refused.value.detail == (
        f"the body has {count * itemsize} bytes, the tensor takes {4 * itemsize} (4 values of {dtype})"
    )


def test_a_byte_too_many_or_too_few() -> None:
    """Not only whole values are counted."""
    tensors = Tensors.named({"w": ()}, F4)
    for length in (1, 3, 5):
        with pytest.raises(ShapeMismatch, match=f"has {length} bytes?, tensor 'w' takes 4 .1 value of float32"):
            raw.decode(bytearray(length), tensors)


@each_dtype
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(dtype: str, value: float) -> None:
    """The first is named, by its flat index and its index, wherever it stands."""
    for flat_index in (0, 7, 40_000, 59_999):
        flat = np.ones(60_000, DTYPES[dtype])
        flat[flat_index:] = value
        with pytest.raises(ValueNotFinite) as refused:
            raw.decode(bytearray(flat.tobytes()), Tensors.unnamed((6, 10_000), DTYPES[dtype]))
        assert refused.value.detail == (
            f"the body has {value} at flat index {flat_index}, which is {[flat_index // 10_000, flat_index % 10_000]}; "
            "every value must be finite"
        )
        assert [error.pointer for error in refused.value.errors] == [""]


def test_nothing_is_copied_on_the_way_in_and_once_on_the_way_out() -> None:
    """The values are the body; the answer is a copy of them, and nothing else of that size is made."""
    body = bytearray(8 * 2**17)
    tensors = Tensors.unnamed((2**17,), F8)
    tracemalloc.start()
    values = raw.decode(body, tensors)
    assert tracemalloc.get_traced_memory()[1] < len(body) / 10
    answer = raw.encode(values)
    assert tracemalloc.get_traced_memory()[1] < 1.1 * len(body)
    tracemalloc.stop()
    assert np.shares_memory(values.flat, np.frombuffer(body, np.uint8))
    assert answer == body


def test_a_body_that_is_not_aligned_is_copied() -> None:
    """As it is where something was cut off its beginning."""
    body = bytearray(b"x" + struct.pack("<2d", 1, 2))
    del body[:1]
    values = raw.decode(body, Tensors.unnamed((2,), F8))
    assert values.flat.flags.aligned
    assert values.flat.tolist() == [1, 2]
