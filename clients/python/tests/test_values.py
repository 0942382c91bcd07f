"""The codec of values: what callers write, what goes over the wire, what they get back."""

import json

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stepd_client.values import (
    FLOAT32,
    FLOAT64,
    Form,
    Kind,
    copied,
    decode,
    dtype_named,
    encode,
    give,
    shape_of,
    take,
    zeros,
)

MISREAD = np.array([0x15AE43FD, 0x95AE43FD], np.uint32).view(np.float32)


def written(values, dtype):
    """The JSON text of values."""
    return orjson.dumps(encode(take("params", values, dtype)[0]))


def there_and_back(values, dtype):
    """Through the wire and back into the caller's form."""
    _, form = take("params", values, dtype)
    return give(decode(orjson.loads(written(values, dtype)), dtype), form)


def finite_arrays(width):
    return hnp.arrays(
        np.dtype(f"f{width // 8}"),
        hnp.array_shapes(min_dims=1, max_dims=4, max_side=5),
        elements=st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=True, width=width),
    )


@pytest.mark.parametrize(
    ("values", "dtype", "text"),
    [
        ([1, 2.5], FLOAT64, b"[1.0,2.5]"),
        ([0.1], FLOAT32, b"[0.1]"),
        ([-0.0, 0.0], FLOAT64, b"[-0.0,0.0]"),
        ([5e-324], FLOAT64, b"[5e-324]"),
        ([[1.0], [2.0]], FLOAT64, b"[[1.0],[2.0]]"),
        ({"w": np.ones((1, 2)), "b": 0.5}, FLOAT64, b'{"w":[[1.0,1.0]],"b":0.5}'),
        (np.arange(3), FLOAT32, b"[0.0,1.0,2.0]"),
        (np.array([[1.0, 2.0], [3.0, 4.0]]).T, FLOAT64, b"[[1.0,3.0],[2.0,4.0]]"),
        (np.array([1.0, 2.0], ">f8"), FLOAT64, b"[1.0,2.0]"),
        (np.arange(4.0)[::2], FLOAT64, b"[0.0,2.0]"),
    ],
)
def test_values_are_written_as_shortest_decimals(values, dtype, text):
    """Arrays of any layout, lists and mappings become (nested) lists of the shortest decimals."""
    assert written(values, dtype) == text


def test_the_float32_that_would_be_misread_has_nine_digits():
    """+-0x15ae43fd is written so that a reader who goes by way of float64 gets it and not its neighbour."""
    text = written({"7.038531e-26": MISREAD, "b": MISREAD[0]}, FLOAT32)
    assert text == b'{"7.038531e-26":[7.03853069e-26,-7.03853069e-26],"b":7.03853069e-26}'
    assert np.array(json.loads(text)["7.038531e-26"]).astype(np.float32).tobytes() == MISREAD.tobytes()


@given(finite_arrays(64))
def test_float64_arrays_survive_bit_for_bit(array):
    """Every finite float64 comes back with its bits, subnormals and -0.0 included."""
    back = there_and_back(array, FLOAT64)
    assert (back.shape, back.dtype, back.tobytes()) == (array.shape, array.dtype, array.tobytes())


@given(finite_arrays(32))
def test_float32_arrays_survive_bit_for_bit(array):
    """Every finite float32 comes back with its bits, also for a reader that is not this client."""
    back = there_and_back(array, FLOAT32)
    assert (back.shape, back.dtype, back.tobytes()) == (array.shape, array.dtype, array.tobytes())
    others = np.array(json.loads(written(array, FLOAT32)), np.float64).astype(np.float32)
    assert others.tobytes() == array.tobytes()


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1))
def test_float32_bit_patterns_survive(patterns):
    """Float32 values drawn by their bits, so that all exponents are as likely, come back with their bits."""
    array = np.array([*patterns, 1, 0x80000000, 0x7F7FFFFF, *MISREAD.view(np.uint32)], np.uint32).view(np.float32)
    array = array[np.isfinite(array)]
    assert there_and_back(array, FLOAT32).tobytes() == array.tobytes()


@given(st.recursive(st.floats(allow_nan=False, allow_infinity=False), lambda rows: st.lists(rows, min_size=1)))
def test_lists_come_back_equal_or_are_refused_as_ragged(rows):
    """A list of equal rows comes back as it was; one of unequal rows is refused before it is sent."""
    try:
        np.array([rows], np.float64)
    except ValueError:
        with pytest.raises((TypeError, ValueError)):
            there_and_back([rows], FLOAT64)
    else:
        assert repr(there_and_back([rows], FLOAT64)) == repr([rows])


def test_values_come_back_in_the_kinds_and_order_in_which_they_were_given():
    """Arrays, lists, numbers and NumPy numbers each come back as such, under names in the caller's order."""
    values = {"w": np.ones((2, 1)), "list": [1.0, 2.0], "a": 0.5, "numpy": np.float32(1.5), "empty rank": np.array(2.0)}
    back = there_and_back(values, FLOAT32)
    assert list(back) == list(values)
    assert [type(value) for value in back.values()] == [np.ndarray, list, float, np.float32, np.ndarray]
    assert back["w"].dtype == np.float32
    assert back["w"].shape == (2, 1)
    assert back["empty rank"].shape == ()
    assert (back["list"], back["a"], back["numpy"], back["empty rank"]) == ([1.0, 2.0], 0.5, 1.5, 2.0)


def test_a_list_from_a_float32_session_shows_float32_values():
    """What comes out of a float32 session is in float32, also as Python floats."""
    assert there_and_back([0.1], FLOAT32) == [float(np.float32(0.1))] != [0.1]


def test_what_is_given_back_belongs_to_the_caller():
    """Writing to an array that was given back changes nothing within the client."""
    held = np.array([1.0, 2.0])
    give(held, Form(unnamed=Kind.ARRAY))[0] = 9.0
    copied({"w": held})["w"][0] = 9.0
    assert held.tolist() == [1.0, 2.0]


def test_a_form_that_does_not_fit_gives_way_to_arrays():
    """Values of other names than the caller's last ones come back as arrays, in the order in which they came."""
    back = give({"b": np.ones(1), "a": np.ones(1)}, Form(named=(("a", Kind.LIST),)))
    assert [(name, type(value)) for name, value in back.items()] == [("b", np.ndarray), ("a", np.ndarray)]


@pytest.mark.parametrize(
    ("values", "dtype", "message"),
    [
        ([[0.0, float("nan")]], FLOAT64, r"params\[0, 1\] is nan; values must be finite"),
        (np.array([1.0, -np.inf]), FLOAT64, r"params\[1\] is -inf; values must be finite"),
        ({"w": np.full((2, 2), np.nan, np.float32)}, FLOAT32, r"params\['w'\]\[0, 0\] is nan"),
        ({"b": float("inf")}, FLOAT64, r"params\['b'\] is inf"),
        ({"b": np.float64("nan")}, FLOAT64, r"params\['b'\] is nan"),
        ([1.0, 1e39], FLOAT32, r"params\[1\] is 1e\+39; that is too large for float32"),
        (np.array([np.longdouble("1e400")]), FLOAT64, r"params\[0\] is 1e\+400; that is too large for float64"),
        ([2**2000], FLOAT64, "params has an integer that is too large for float64"),
        ([[1.0], [1.0, 2.0]], FLOAT64, "params is ragged"),
        ([1.0, [2.0]], FLOAT64, "params is ragged"),
    ],
)
def test_values_that_no_session_can_hold_are_refused_with_their_place(values, dtype, message):
    """NaN, infinities, values beyond the dtype and ragged lists are a ValueError that names the place."""
    with pytest.raises(ValueError, match=message):
        take("params", values, dtype)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["1.5"], r"params\[0\] is a str; lists hold numbers"),
        ([[1.0, True]], r"params\[0, 1\] is a bool; lists hold numbers"),
        ([None], r"params\[0\] is a NoneType"),
        ([np.ones(2)], r"params\[0\] is a ndarray"),
        (np.array([True]), "params has dtype bool; it must hold numbers"),
        (np.array(["1.5"]), "params has dtype <U3"),
        (np.array([1j]), "params has dtype complex128"),
        ({"w": np.bool_(True)}, r"params\['w'\] has dtype bool"),
        ({"w": True}, r"params\['w'\] is a bool"),
        ({"w": {"deep": [1.0]}}, r"params\['w'\] is a dict"),
        ({1: [1.0]}, "params has the name 1; names are text"),
        (1.5, "params is a number; give an array"),
        (np.float64(1.5), "params is a number; give an array"),
        ("1.5", "params is a str"),
        (None, "params is a NoneType"),
    ],
)
def test_what_is_no_numbers_is_refused(values, message):
    """Text, booleans, None and objects are never quietly turned into numbers."""
    with pytest.raises(TypeError, match=message):
        take("params", values, FLOAT64)


def test_float32_underflow_is_accepted():
    """A value too small for float32 becomes zero, with its sign."""
    assert written([-1e-60], FLOAT32) == b"[-0.0]"


@pytest.mark.parametrize(
    ("dtype", "values", "expected"),
    [
        (None, None, FLOAT64),
        (None, [1.0], FLOAT64),
        (None, np.ones(1), FLOAT64),
        (None, np.ones(1, np.float32), FLOAT32),
        (None, np.ones(1, ">f4"), FLOAT32),
        (None, np.ones(1, np.float16), FLOAT64),
        (None, {"a": np.ones(1, np.float32), "b": np.float32(1)}, FLOAT32),
        (None, {"a": np.ones(1, np.float32), "b": [1.0]}, FLOAT64),
        (None, {}, FLOAT64),
        ("float32", [1.0], FLOAT32),
        (np.float64, np.ones(1, np.float32), FLOAT64),
        (np.dtype(">f4"), None, FLOAT32),
    ],
)
def test_the_dtype_is_the_one_asked_for_or_that_of_the_arrays(dtype, values, expected):
    """Without a wish the session is float32 only if everything given is a float32 array."""
    chosen = dtype_named(dtype, values)
    assert chosen == expected
    assert chosen.isnative


@pytest.mark.parametrize("dtype", ["float16", "int64", np.complex128])
def test_other_dtypes_are_refused(dtype):
    """A session is float64 or float32."""
    with pytest.raises(ValueError, match="a session's is float64 or float32"):
        dtype_named(dtype)


@pytest.mark.parametrize(
    "document",
    [
        [[1.0], [1.0, 2.0]],
        [None],
        ["x"],
        "x",
        1.5,
        None,
        {"w": [None]},
        [1e300],
        {"w": ["x"]},
        [1.0, True],
        [[0.5, 1], [False, 2]],
        {"w": [2**70, True]},
        {"w": True},
        [[[]] * 2, [[True]] * 2],
    ],
)
def test_documents_that_are_no_values_are_refused(document):
    """An answer that does not hold finite numbers of the dtype is a ValueError, never NaN or zero."""
    with pytest.raises(ValueError):
        decode(document, FLOAT32)


def test_zeros_and_shapes_come_with_and_without_names():
    """Zeros are made for a shape or for a shape per name, and tell it again."""
    assert shape_of(zeros((2, 3), FLOAT32)) == (2, 3)
    assert shape_of(zeros({"w": (2,), "b": ()}, FLOAT64)) == {"w": (2,), "b": ()}
    assert zeros((2,), FLOAT32).dtype == np.float32
