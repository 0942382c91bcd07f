"""The plain types: where a tensor's values lie, what they are called, and what identifies content."""

import hashlib
import re
import string
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepd.errors import InvalidTensors, NamesMismatch, ShapeMismatch, StepdError
from stepd.values import (
    DTYPES,
    LARGEST_BLOCK_BYTES,
    SESSION_ID,
    Checkpoint,
    Tensors,
    Values,
    digest,
    fingerprint,
    largest,
    new_incarnation,
    new_session_id,
)

F8, F4 = DTYPES["float64"], DTYPES["float32"]
NAMED = Tensors.named({"w": (2, 3), "b": (2,), "z": ()}, F8)
MATRIX = Tensors.unnamed((2, 3), F8)


def vector(*numbers: float, dtype: np.dtype[Any] = F8) -> Values:
    return Values(Tensors.unnamed((len(numbers),), dtype), np.array(numbers, dtype))


def named(dtype: np.dtype[Any] = F8, **numbers: list[float]) -> Values:
    tensors = Tensors.named({name: (len(some),) for name, some in numbers.items()}, dtype)
    return Values(tensors, np.array([number for name in sorted(numbers) for number in numbers[name]], dtype))


def test_an_unnamed_tensor() -> None:
    """One shape, no names; its bytes are its values'."""
    assert (MATRIX.names, MATRIX.shapes, MATRIX.offsets, MATRIX.size) == (None, ((2, 3),), (0,), 6)
    assert (MATRIX.nbytes, Tensors.unnamed([2, 3], F4).nbytes) == (48, 24)
    assert MATRIX.shape_document() == [2, 3]


def test_named_tensors_lie_in_code_point_order() -> None:
    """However they were given, in the order of code points, in which UTF-16 differs: each behind the one before it."""
    tensors = Tensors.named({"😀": (1,), "ﬁ": (5,), "z": (2, 2), "a": (), "Z": (3,)}, F8)
    assert tensors.names == ("Z", "a", "z", "ﬁ", "😀")
    assert tensors.offsets == (0, 3, 4, 8, 13)
    assert tensors.size == 14
    assert tensors.shape_document() == {"Z": [3], "a": [], "z": [2, 2], "ﬁ": [5], "😀": [1]}


def test_layouts_are_equal_where_names_shapes_and_dtype_are() -> None:
    """The order in which tensors were named plays no part; names, shapes and dtype do."""
    same = Tensors.named({"z": (), "b": (2,), "w": (2, 3)}, F8)
    assert (same, hash(same), same.layout) == (NAMED, hash(NAMED), NAMED.layout)
    others = [
        Tensors.named({"w": (3, 2), "b": (2,), "z": ()}, F8),
        Tensors.named({"v": (2, 3), "b": (2,), "z": ()}, F8),
        Tensors.named({"w": (2, 3), "b": (2,), "z": ()}, F4),
        Tensors.unnamed((9,), F8),
    ]
    assert all(other != NAMED and other.layout != NAMED.layout for other in others)


@given(st.dictionaries(st.sampled_from("abcdef"), st.lists(st.integers(1, 4), max_size=3), min_size=1))
def test_every_place_is_found(shapes: dict[str, list[int]]) -> None:
    """`locate` and the views agree about every place of the flat vector."""
    tensors = Tensors.named(shapes, F8)
    flat = np.arange(tensors.size, dtype=F8)
    views = dict(zip(tensors.names or (), tensors.views(flat), strict=True))
    assert {name: view.shape for name, view in views.items()} == {name: tuple(shape) for name, shape in shapes.items()}
    for flat_index in range(tensors.size):
        name, index = tensors.locate(flat_index)
        assert views[str(name)][index] == flat_index
        assert tensors.place("state", "sum", flat_index=flat_index) == ("state", "sum", name, *index)


def test_places_of_an_unnamed_tensor_have_no_name() -> None:
    """Indices are plain integers, ready for a JSON pointer."""
    place = MATRIX.place("grads", flat_index=5)
    assert place == ("grads", 1, 2)
    assert [type(part) for part in place] == [str, int, int]


def test_views_are_views() -> None:
    """Nothing is copied: what is written to a view stands in the flat vector."""
    flat = NAMED.zeros()
    for number, view in enumerate(NAMED.views(flat), 1):
        assert np.shares_memory(view, flat)
        view[...] = number
    assert flat.tolist() == [1, 1, 2, 2, 2, 2, 2, 2, 3]


@pytest.mark.parametrize("dtype", [F8, F4])
def test_zeros_are_positive_zeros(dtype: np.dtype[Any]) -> None:
    """Zeros of the dtype, every byte 0."""
    zeros = Tensors.unnamed((3,), dtype).zeros()
    assert (zeros.dtype, zeros.tobytes()) == (dtype, bytes(3 * dtype.itemsize))


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ({}, "no named tensors"),
        ({"": (1,)}, "'' has 0 characters; names have 1 to 128"),
        ({"x" * 129: (1,)}, "129 characters"),
        ({"a/b": (1,)}, "no '/'"),
        ({"a\nb": (1,)}, "printable"),
        ({"\ud800": (1,)}, "printable"),
        ({"w": (2, 0)}, "tensor 'w' has shape [2, 0]; every length must be at least 1"),
        ({"w": (-1,)}, "[-1]"),
        ({"w": (1,) * 9}, "tensor 'w' has rank 9; it may be 0 to 8"),
    ],
)
def test_what_cannot_be_held_is_refused(shapes: dict[str, tuple[int, ...]], words: str) -> None:
    """Names, ranks and sizes out of bounds are refused, saying what was given and what is allowed."""
    with pytest.raises(InvalidTensors, match=re.escape(words)):
        Tensors.named(shapes, F8)


@pytest.mark.parametrize(
    ("shape", "words"), [((), "rank 0; it may be 1 to 8"), ((1,) * 9, "rank 9"), ((3, 0), "[3, 0]")]
)
def test_an_unnamed_tensor_has_a_rank(shape: tuple[int, ...], words: str) -> None:
    """The unnamed tensor is at least a list."""
    with pytest.raises(InvalidTensors, match=re.escape(words)):
        Tensors.unnamed(shape, F8)


def test_the_largest_that_can_be_held() -> None:
    """Names of 128 characters and tensors of rank 8 are held; sizes beyond any memory are only counted."""
    assert Tensors.named({"ä" * 128: (1,) * 8}, F8).size == 1
    assert Tensors.unnamed((10**9, 10**9), F8).nbytes == 8 * 10**18


REFUSED: list[tuple[Tensors, Tensors, type[StepdError], str, str]] = [
    (Tensors.unnamed((4,), F8), Tensors.unnamed((3,), F8), ShapeMismatch,
     "grads has 3 values, the session has 4 values", "/grads"),
    (Tensors.unnamed((1,), F8), Tensors.unnamed((2,), F8), ShapeMismatch,
     "grads has 2 values, the session has 1 value", "/grads"),
    (MATRIX, Tensors.unnamed((6,), F8), ShapeMismatch, "grads has shape [6], the session has [2, 3]", "/grads"),
    (NAMED, Tensors.named({"w": (2, 3), "b": (3,), "z": ()}, F8), ShapeMismatch,
     "grads for tensor 'b' has 3 values, the session has 2 values", "/grads/b"),
    (NAMED, Tensors.named({"w": (3, 2), "b": (2,), "z": ()}, F8), ShapeMismatch,
     "grads for tensor 'w' has shape [3, 2], the session has [2, 3]", "/grads/w"),
    (MATRIX, NAMED, NamesMismatch, "grads has named tensors, the session has a single unnamed one", "/grads"),
    (NAMED, MATRIX, NamesMismatch, "grads is an array, the session has 3 tensors ('b', 'w', 'z')", "/grads"),
    (NAMED, Tensors.named({"w": (2, 3), "c": (2,), "z": ()}, F8), NamesMismatch,
     "grads lacks 1 tensor ('b') and adds 1 tensor ('c'); the session has 3 tensors", "/grads"),
    (NAMED, Tensors.named({"w": (2, 3)}, F8), NamesMismatch, "grads lacks 2 tensors ('b', 'z')", "/grads"),
]  # fmt: skip


@pytest.mark.parametrize(("have", "sent", "kind", "words", "place"), REFUSED, ids=[case[3][:40] for case in REFUSED])
def test_differences_are_told_with_their_numbers(
    have: Tensors, sent: Tensors, kind: type[StepdError], words: str, place: str
) -> None:
    """Other names or shapes are refused, naming both sides, and where in the body they stand."""
    with pytest.raises(kind, match=re.escape(words)) as refused:
        have.require("grads", sent.names, sent.shapes)
    assert [error.pointer for error in refused.value.errors] == [place]


def test_differences_are_placed_where_the_values_stood() -> None:
    """A slot of a checkpoint stands under `state`."""
    with pytest.raises(ShapeMismatch, match=r"square_avg for tensor 'b'") as refused:
        NAMED.require("square_avg", ("b", "w", "z"), ((3,), (2, 3), ()), ("state", "square_avg"))
    assert refused.value.errors[0].pointer == "/state/square_avg/b"


@given(st.data())
@pytest.mark.parametrize("dtype", [F8, F4])
def test_the_largest_is_the_largest(dtype: np.dtype[Any], data: st.DataObject) -> None:
    """Of any finite values, subnormals and zeros of either sign: the largest without its sign, exactly, never -0.0."""
    numbers = data.draw(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=8 * dtype.itemsize)))
    most = largest(np.array(numbers, dtype))
    assert most == max(map(abs, numbers), default=0.0)
    assert np.copysign(1.0, most) == 1.0
    assert type(most) is float


@pytest.mark.parametrize("dtype", [F8, F4])
@pytest.mark.parametrize("unknown", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_largest(dtype: np.dtype[Any], unknown: float) -> None:
    """NaN or an infinity is found wherever it stands in a long vector, in the last, short block too."""
    size = 2 * LARGEST_BLOCK_BYTES // dtype.itemsize + 3
    vector = np.full(size, -2.5, dtype)
    assert largest(vector) == 2.5
    for place in (0, 1, size // 2, size - 4, size - 1):
        vector[place] = unknown
        assert largest(vector) == np.inf
        vector[place] = 7.0
        assert largest(vector) == 7.0
        vector[place] = -2.5


def test_values_need_not_say_what_is_largest() -> None:
    """It is known where it was found out on the way."""
    assert vector(1.0).largest is None


def test_a_digest_is_sha_256_of_little_endian_bytes() -> None:
    """Params, then each slot; names in code-point order: as computed by hand."""
    params, slot = named(b=[2.5], a=[-0.0, 1.0]), named(b=[3.0], a=[0.0, 5e-324])
    checkpoint = Checkpoint({}, params.tensors, 1, params.flat, {"sum": slot.flat})
    by_hand = b"".join(struct.pack("<d", number) for number in (-0.0, 1.0, 2.5, 0.0, 5e-324, 3.0))
    assert checkpoint.digest == "sha-256:" + hashlib.sha256(by_hand).hexdigest()
    assert digest(params.flat, slot.flat) == checkpoint.digest


def test_a_digest_of_float32() -> None:
    """Four bytes per value, and no vector at all is the digest of nothing."""
    assert digest(vector(1.5, dtype=F4).flat) == "sha-256:" + hashlib.sha256(struct.pack("<f", 1.5)).hexdigest()
    assert digest() == "sha-256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


APART = {
    "plain": (vector(1.0, 0.0), None, None),
    "other value": (vector(1.0, 5e-324), None, None),
    "minus zero": (vector(1.0, -0.0), None, None),
    "other order": (vector(0.0, 1.0), None, None),
    "other shape": (Values(Tensors.unnamed((2, 1), F8), np.array([1.0, 0.0])), None, None),
    "other dtype": (vector(1.0, 0.0, dtype=F4), None, None),
    "a name": (named(w=[1.0, 0.0]), None, None),
    "another name": (named(v=[1.0, 0.0]), None, None),
    "two names": (named(v=[1.0], w=[0.0]), None, None),
    "an lr": (vector(1.0, 0.0), None, 0.5),
    "an lr of zero": (vector(1.0, 0.0), None, 0.0),
    "an lr of minus zero": (vector(1.0, 0.0), None, -0.0),
    "params": (vector(1.0, 0.0), vector(3.0, 4.0), None),
    "other params": (vector(1.0, 0.0), vector(3.0, 5.0), None),
    "swapped": (vector(3.0, 4.0), vector(1.0, 0.0), None),
    "params and lr": (vector(1.0, 0.0), vector(3.0, 4.0), 0.5),
}


def test_different_steps_have_different_fingerprints() -> None:
    """Every difference in values, names, shapes, roles or lr is one in the fingerprint, which has 128 bits."""
    prints = {name: fingerprint(*step) for name, step in APART.items()}
    assert len(set(prints.values())) == len(APART)
    assert {len(print_) for print_ in prints.values()} == {16}


def test_equal_steps_have_equal_fingerprints() -> None:
    """Content decides: other arrays with the same values, told in another order, are the same step."""
    one = fingerprint(named(a=[1.0], b=[-0.0]), named(b=[2.0], a=[3.0]), 0.1)
    assert one == fingerprint(named(b=[-0.0], a=[1.0]), named(a=[3.0], b=[2.0]), 0.1)


@pytest.mark.parametrize(("make", "length"), [(new_incarnation, 13), (new_session_id, 26)])
def test_made_names(make: Any, length: int) -> None:
    """64 and 128 random bits in lower-case base32, each another; a made id is a session id."""
    made = [make() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert {len(name) for name in made} == {length}
    assert set("".join(made)) == set(string.ascii_lowercase + "234567")
    assert all(SESSION_ID.match(name) for name in made)


@pytest.mark.parametrize("session_id", ["a", "7", "A.b_c-9", "x" * 64, "a.", "0-", "run..1"])
def test_session_ids(session_id: str) -> None:
    """Letters, digits, dot, underscore and hyphen, the first a letter or digit, 64 at most."""
    assert SESSION_ID.match(session_id)


@pytest.mark.parametrize(
    "session_id", ["", ".a", "-a", "_a", "x" * 65, "a b", "a/b", "a\n", "\na", "ä", "a%41", "a\u0660", "a:b"]
)
def test_what_is_no_session_id(session_id: str) -> None:
    """Everything else, a line break at the end and digits of other scripts included."""
    assert not SESSION_ID.match(session_id)
