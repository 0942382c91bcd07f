"""Arrays among what a parser made of a document: judged as lists are, and kept where they lie if they can be."""

from typing import Any

import numpy as np
import pytest

from stepd.errors import DtypeMismatch, ValueNotFinite, ValueOutOfRange
from stepd.values import DTYPES, FloatArray, Tensors
from stepd.wire.arrays import BLOCK_VALUES, decode_values

F8, F4 = DTYPES["float64"], DTYPES["float32"]
NAMED = Tensors.named({"a": (2,), "b": (1, 2), "c": ()}, F8)


def decode_named(given: dict[str, Any]) -> FloatArray:
    return decode_values(given, ("grads",), F8, expected=NAMED, max_tensors=0).flat


def test_an_array_of_the_dtype_is_the_vector() -> None:
    """Nothing is copied."""
    given = np.arange(6.0).reshape(2, 3)
    values = decode_values(given, ("params",), F8, expected=None, max_tensors=0)
    assert values.tensors == Tensors.unnamed((2, 3), F8)
    assert np.shares_memory(values.flat, given)
    assert values.flat.tolist() == [0, 1, 2, 3, 4, 5]


def test_arrays_that_adjoin_are_the_vector() -> None:
    """One after another in the order of their names, wherever in the buffer they begin."""
    buffer = np.arange(9.0)
    given = {"c": buffer[7:8].reshape(()), "b": buffer[5:7].reshape(1, 2), "a": buffer[3:5]}
    flat = decode_named(given)
    assert np.shares_memory(flat, buffer)
    assert flat.tolist() == [3, 4, 5, 6, 7]


def test_arrays_that_lie_otherwise_are_put_together() -> None:
    """In another order, with a gap, one over another, in several buffers, of another dtype, or numbers among them."""
    buffer = np.arange(9.0)
    other = np.arange(20.0, 30.0)
    a, b, c = buffer[3:5], buffer[5:7].reshape(1, 2), buffer[7:8].reshape(())
    for given, wanted in (
        ({"a": buffer[6:8], "b": b, "c": c}, [6, 7, 5, 6, 7]),
        ({"a": a, "b": b, "c": buffer[8:9].reshape(())}, [3, 4, 5, 6, 8]),
        ({"a": a, "b": buffer[4:6].reshape(1, 2), "c": c}, [3, 4, 4, 5, 7]),
        ({"a": a, "b": b, "c": other[0:1].reshape(())}, [3, 4, 5, 6, 20]),
        ({"a": other[:2], "b": b, "c": c}, [20, 21, 5, 6, 7]),
        ({"a": np.array([1.0, 2.0]), "b": b, "c": c}, [1, 2, 5, 6, 7]),
        ({"a": a, "b": b, "c": 9}, [3, 4, 5, 6, 9]),
        ({"a": [1, 2], "b": b, "c": c}, [1, 2, 5, 6, 7]),
    ):
        flat = decode_named(given)
        assert flat.tolist() == wanted
        assert not np.shares_memory(flat, buffer)


def test_neighbours_of_different_buffers_are_put_together() -> None:
    """That one array ends where the next begins does not make them parts of one."""
    memory = bytearray(np.arange(5.0).tobytes())
    halves = np.frombuffer(memory, F8, count=2), np.frombuffer(memory, F8, offset=16)
    given = {"a": halves[0][:], "b": halves[1][:2].reshape(1, 2), "c": halves[1][2:].reshape(())}
    assert decode_named(given).tolist() == [0, 1, 2, 3, 4]


def test_rows_of_a_matrix_are_put_together() -> None:
    """Only a vector's parts can be left in it."""
    matrix = np.ones((3, 2))
    given = {"a": matrix[0], "b": matrix[1:2], "c": matrix[2, :1].reshape(())}
    assert decode_named(given).tolist() == [1, 1, 1, 1, 1]


def test_float64_is_rounded_to_a_session_of_float32() -> None:
    """Once, to nearest; with a value that is too large refused as it is in a list."""
    given = np.array([1.0 + 2.0**-24, 1e-300, -0.0])
    flat = decode_values(given, ("grads",), F4, expected=None, max_tensors=0).flat
    assert flat.tobytes() == np.array([1, 0, -0.0], F4).tobytes()
    given[1] = -1e39
    with pytest.raises(ValueOutOfRange, match=r"the first, at index .1., is -1e.39") as refused:
        decode_values({"w": given}, ("grads",), F4, expected=None, max_tensors=1)
    assert [error.pointer for error in refused.value.errors] == ["/grads/w/1"]


def test_float32_is_not_taken_for_a_session_of_float64() -> None:
    """Nobody said that its digits are meant."""
    with pytest.raises(DtypeMismatch, match=r"grads.'b'. has values of float32, the session has float64") as refused:
        decode_named({"a": np.ones(2), "b": np.ones((1, 2), F4), "c": np.ones(())})
    assert [error.pointer for error in refused.value.errors] == ["/grads/b"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_values_are_judged_in_blocks_to_the_last(dtype: str) -> None:
    """On both sides of each block's end; and no finite value is taken for another."""
    info = np.finfo(DTYPES[dtype])
    given = np.full(2 * BLOCK_VALUES + 1, info.max, DTYPES[dtype])
    given[::2] = -info.smallest_subnormal
    decode_values(given, ("grads",), DTYPES[dtype], expected=None, max_tensors=0)
    for place in (0, BLOCK_VALUES - 1, BLOCK_VALUES, 2 * BLOCK_VALUES):
        wrong = given.copy()
        wrong[place] = np.nan
        with pytest.raises(ValueNotFinite, match=f"grads has nan at flat index {place}, which is ") as refused:
            decode_values(wrong, ("grads",), DTYPES[dtype], expected=None, max_tensors=0)
        assert [error.pointer for error in refused.value.errors] == [f"/grads/{place}"]
