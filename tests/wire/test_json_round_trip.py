"""Whatever finite values a session holds, writing and reading them changes no bit."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from stepd.values import DTYPES, Tensors, Values
from stepd.wire.json import CHUNK_VALUES, dumps_vectors, encoded, parse
from tests.wire.documents import assert_same, decode, encode, named, unnamed

BITS = {"float64": np.uint64, "float32": np.uint32}
NAMES = st.text(min_size=1, max_size=12).filter(lambda name: "/" not in name and name.isprintable())
each_dtype = pytest.mark.parametrize("dtype", DTYPES)


def finite(dtype: str, shape: Any) -> st.SearchStrategy[Any]:
    """Arrays over all bit patterns, so that subnormals are as likely as anything else; infinities become 1."""

    def repair(bits: Any) -> Any:
        array = bits.view(DTYPES[dtype])
        return np.where(np.isfinite(array), array, array.dtype.type(1)).reshape(bits.shape)

    return npst.arrays(BITS[dtype], shape).map(repair)


@settings(deadline=None, max_examples=60)
@given(data=st.data())
@each_dtype
def test_an_array_comes_back(dtype: str, data: st.DataObject) -> None:
    """Any shape of rank 1 to 8, any finite values."""
    shape = npst.array_shapes(min_dims=1, max_dims=8, max_side=4)
    given_values = unnamed(data.draw(finite(dtype, shape)), dtype)
    assert_same(decode(encode(given_values), dtype), given_values)


@settings(deadline=None, max_examples=60)
@given(data=st.data())
@each_dtype
def test_named_arrays_come_back(dtype: str, data: st.DataObject) -> None:
    """Any names that a tensor may have, rank 0 included, with or without the session's tensors known."""
    shapes = npst.array_shapes(min_dims=0, max_dims=3, max_side=3)
    given_values = named(data.draw(st.dictionaries(NAMES, finite(dtype, shapes), min_size=1, max_size=4)), dtype)
    text = encode(given_values)
    assert_same(decode(text, dtype), given_values)
    assert_same(decode(text, dtype, given_values.tensors), given_values)


LONG_SHAPES = [
    (3 * CHUNK_VALUES + 1,),
    (CHUNK_VALUES + 1, 1),
    (1, CHUNK_VALUES + 1),
    (1, 1, 2 * CHUNK_VALUES + 3, 1, 1),
    (3, CHUNK_VALUES + 1),
    (2, 3, CHUNK_VALUES // 2 + 1),
    (CHUNK_VALUES, 2, 1),
    (7, 5, 3, 2, 101),
]


@each_dtype
@pytest.mark.parametrize("shape", LONG_SHAPES, ids=str)
def test_long_arrays_come_back(dtype: str, shape: tuple[int, ...]) -> None:
    """Arrays of more values than are written at a time, of ordinary and of random bits, in every shape of rows."""
    size = int(np.prod(shape))
    random = np.random.default_rng(size)
    bits = random.integers(0, np.iinfo(BITS[dtype]).max, size, BITS[dtype]).view(DTYPES[dtype])
    mixed = np.where(np.isfinite(bits) & (random.random(size) < 0.5), bits, random.normal(size=size))
    given_values = unnamed(mixed.reshape(shape), dtype)
    text = encode(given_values)
    assert_same(decode(text, dtype), given_values)
    assert text.count(b"[") == sum(np.cumprod((1, *shape[:-1])))


@each_dtype
def test_many_tensors_come_back(dtype: str) -> None:
    """As many named numbers as a session may have, each with its own value."""
    given_values = named({f"t{i}": i / 7 for i in range(4096)}, dtype)
    assert_same(decode(encode(given_values), dtype), given_values)


def test_the_rest_of_a_document_is_left_alone() -> None:
    """Vectors stand among other members, which are written as ever."""
    tensors = Tensors.unnamed((2,), DTYPES["float64"])
    vector = encoded(Values(tensors, np.array([1.0, -0.0])))
    document = {"step": 3, "params": vector, "state": {"sum": vector}, "digest": None, "name": '7.038531e-26"'}
    body = dumps_vectors(document)
    assert body == (b'{"step":3,"params":[1.0,-0.0],"state":{"sum":[1.0,-0.0]},"digest":null,"name":"7.038531e-26\\""}')
    assert parse(body)["name"] == document["name"]
