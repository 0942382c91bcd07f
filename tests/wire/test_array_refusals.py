"""What is JSON and yet no array of finite numbers is refused, with a pointer to each of the first ten offenders."""

import re
from typing import Any

import pytest

from stepd.errors import (
    InvalidField,
    InvalidTensors,
    NamesMismatch,
    NotANumber,
    RaggedArray,
    ShapeMismatch,
    StepdError,
    ValueOutOfRange,
)
from stepd.values import DTYPES, Tensors
from stepd.wire.arrays import decode_shape, decode_values
from stepd.wire.json import parse
from tests.wire.documents import decode

F8 = DTYPES["float64"]
DEEP = "[" * 9 + "1" + "]" * 9

REFUSED: list[tuple[str, type[StepdError], str, list[str]]] = [
    # not a number
    ('["1"]', NotANumber, "params at index [0] is '1', not a number", ["/params/0"]),
    ("[1,null,true]", NotANumber, "index [1] is null, not a number (2 values are no numbers)",
     ["/params/1", "/params/2"]),
    ("[[1,2],[3,false]]", NotANumber, "index [1, 1] is false", ["/params/1/1"]),
    ("[1,{}]", NotANumber, "is an object, not a number", ["/params/1"]),
    ('{"b":"x","w":[1]}', NotANumber, "params['b'] is 'x', not a number", ["/params/b"]),
    ('{"b":null}', NotANumber, "params['b'] is null", ["/params/b"]),
    ('{"w":[1,[2]]}', RaggedArray, "params['w'] has an array at index [1]", ["/params/w/1"]),
    ('{"w~x":["no"]}', NotANumber, "params['w~x'] at index [0] is 'no'", ["/params/w~0x/0"]),
    ("null", NotANumber, "params must be an array of numbers, not null", ["/params"]),
    ("3.5", NotANumber, "params must be an array of numbers, not 3.5", ["/params"]),
    ('"[1]"', NotANumber, "not '[1]'", ["/params"]),
    ("true", NotANumber, "not true", ["/params"]),
    ('{"w":{"x":[1]}}', InvalidField, "params['w'] must be a number or an array of numbers, not an object",
     ["/params/w"]),
    # not rectangular
    ("[[1,2],[3]]", RaggedArray, "params[1] has 1 values, the first row has 2", ["/params/1"]),
    ("[[1],2]", RaggedArray, "params[1] is 2, the first row has 1", ["/params/1"]),
    ("[1,[2]]", RaggedArray, "params has an array at index [1] where other elements are numbers", ["/params/1"]),
    ("[[[1],[2]],[[3],[4,5]]]", RaggedArray, "params[1][1] has 2 values, the first row has 1", ["/params/1/1"]),
    ("[[1],null]", RaggedArray, "params[1] is null", ["/params/1"]),
    ("[[],[1]]", RaggedArray, "params[1] has 1 values, the first row has 0", ["/params/1"]),
    ('{"a":[1],"b":[[1],[2,3]]}', RaggedArray, "params['b'][1] has 2 values", ["/params/b/1"]),
    # can't be held
    ("[]", InvalidTensors, "has shape [0]; every length must be at least 1", ["/params"]),
    ("[[],[]]", InvalidTensors, "has shape [2, 0]", ["/params"]),
    (DEEP, InvalidTensors, "params is nested more than 8 deep", ["/params"]),
    (f'{{"w":{DEEP}}}', InvalidTensors, "params['w'] is nested more than 8 deep", ["/params/w"]),
    ("{}", InvalidTensors, "there are no named tensors", ["/params"]),
    ('{"":[1]}', InvalidTensors, "'' has 0 characters", ["/params"]),
    ('{"a/b":[1]}', InvalidTensors, "no '/'", ["/params"]),
    (f'{{"{"x" * 129}":[1]}}', InvalidTensors, "129 characters", ["/params"]),
    ('{"a\\u0000":[1]}', InvalidTensors, "printable", ["/params"]),
    ('{"w":[]}', InvalidTensors, "tensor 'w' has shape [0]", ["/params"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind", "words", "places"), REFUSED, ids=[case[0][:30] for case in REFUSED])
def test_refused_as_params(text: str, kind: type[StepdError], words: str, places: list[str]) -> None:
    """The error names place, value and rule, and points at it."""
    with pytest.raises(kind, match=re.escape(words)) as refused:
        decode(text.encode())
    assert type(refused.value) is kind
    assert [error.pointer for error in refused.value.errors] == places


MATRIX = Tensors.unnamed((2, 2), F8)
NAMED = Tensors.named({"w": (2,), "b": ()}, F8)
PAIR = Tensors.unnamed((2,), F8)
NAMED_PAIR = Tensors.named({"w": (2,)}, F8)
EXPECTED: list[tuple[str, Tensors, type[StepdError], str, list[str]]] = [
    ("[1,2,3,4]", MATRIX, ShapeMismatch, "grads has shape [4], the session has [2, 2]", ["/grads"]),
    ("[[1,2],[3]]", MATRIX, RaggedArray, "grads[1] has 1 values", ["/grads/1"]),
    ("[]", MATRIX, ShapeMismatch, "grads has shape [0]", ["/grads"]),
    ("[[1],[2]]", PAIR, ShapeMismatch, "grads has shape [2, 1], the session has [2]", ["/grads"]),
    ("[1,[2]]", PAIR, RaggedArray, "grads has an array at index [1]", ["/grads/1"]),
    ("[1,true]", PAIR, NotANumber, "grads at index [1] is true", ["/grads/1"]),
    ("[1,2]", NAMED_PAIR, NamesMismatch, "grads is an array, the session has 1 tensor ('w')", ["/grads"]),
    ('{"w":[1,2]}', MATRIX, NamesMismatch, "grads has named tensors", ["/grads"]),
    ("{}", NAMED, NamesMismatch, "grads lacks 2 tensors ('b', 'w')", ["/grads"]),
    ('{"w":[1,2],"c":3}', NAMED, NamesMismatch, "lacks 1 tensor ('b') and adds 1 tensor ('c')", ["/grads"]),
    ('{"w":[1,2],"b":[3]}', NAMED, ShapeMismatch, "grads for tensor 'b' has shape [1], the session has []",
     ["/grads/b"]),
    ('{"w":[1,2,3],"b":3}', NAMED, ShapeMismatch, "grads for tensor 'w' has 3 values, the session has 2",
     ["/grads/w"]),
    ("[1,2]", NAMED, NamesMismatch, "grads is an array, the session has 2 tensors", ["/grads"]),
    ('{"w":[1,"2"],"b":3}', NAMED, NotANumber, "grads['w'] at index [1] is '2'", ["/grads/w/1"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected", "kind", "words", "places"), EXPECTED, ids=[f"{case[0]} {case[3][:20]}" for case in EXPECTED]
)
def test_refused_as_gradients(
    text: str, expected: Tensors, kind: type[StepdError], words: str, places: list[str]
) -> None:
    """What is not of the session's names and shapes is told apart from what is no array at all."""
    with pytest.raises(kind, match=re.escape(words)) as refused:
        decode_values(parse(text.encode()), ("grads",), F8, expected=expected, max_tensors=1)
    assert [error.pointer for error in refused.value.errors] == places


def test_ten_offenders_and_the_count_of_all() -> None:
    """Of a vector without a number ten places are shown and all are counted."""
    with pytest.raises(NotANumber, match=r"\(1000 values are no numbers\)") as refused:
        decode(b"[" + b",".join([b'"x"'] * 1000) + b"]")
    assert [error.pointer for error in refused.value.errors] == [f"/params/{i}" for i in range(10)]


def test_values_beyond_float32_are_refused() -> None:
    """A finite value that float32 can't hold is refused with its index; the largest that rounds to one is not."""
    fits = "[3.4028235e38,-3.40282356e38,1e-50]"
    assert decode(fits.encode(), "float32").flat.tolist()[2] == 0.0
    with pytest.raises(
        ValueOutOfRange, match=r"2 values too large for float32; .*index \[0, 1\], is 1e\+39"
    ) as refused:
        decode(b"[[1,1e39],[-3.4028236e38,4]]", "float32")
    assert [error.pointer for error in refused.value.errors] == ["/params/0/1", "/params/1/0"]
    assert "whose largest is 3.40282e+38" in refused.value.errors[0].detail
    with pytest.raises(ValueOutOfRange, match=r"params\['b'\] has 1 value too large") as refused:
        decode(b'{"b":1e300}', "float32")
    assert [error.pointer for error in refused.value.errors] == ["/params/b"]


def test_so_many_tensors_and_no_more() -> None:
    """New tensors are counted before they are looked at; a session's own are not."""
    given: dict[str, Any] = {"a": [1.0], "b": "looked at later", "c": [1.0]}
    with pytest.raises(InvalidTensors, match="params has 3 tensors; at most 2 may be named") as refused:
        decode_values(given, ("params",), F8, expected=None, max_tensors=2)
    assert [error.pointer for error in refused.value.errors] == ["/params"]
    two = {"w": [1.0, 2.0], "b": 3.0}
    assert decode_values(two, ("params",), F8, expected=NAMED, max_tensors=1).tensors is NAMED


def test_slots_are_placed_where_they_stood() -> None:
    """A value of a checkpoint's slot is pointed at under `state`."""
    with pytest.raises(NotANumber, match=re.escape("state['square_avg'] at index [1] is null")) as refused:
        decode_values([1.0, None], ("state", "square_avg"), F8, expected=None, max_tensors=1)
    assert [error.pointer for error in refused.value.errors] == ["/state/square_avg/1"]


SHAPES: list[tuple[Any, Tensors]] = [
    ([3], Tensors.unnamed((3,), F8)),
    ([10**15], Tensors.unnamed((10**15,), F8)),
    ({"w": [2, 3], "b": []}, Tensors.named({"w": (2, 3), "b": ()}, F8)),
]


@pytest.mark.parametrize(("given", "wanted"), SHAPES, ids=str)
def test_shapes(given: Any, wanted: Tensors) -> None:
    """A list of lengths, or one by name; only counted, however large."""
    assert decode_shape(given, F8, max_tensors=2) == wanted


NO_SHAPES: list[tuple[Any, type[StepdError], str]] = [
    (None, InvalidField, "/shape"),
    (3, InvalidField, "/shape"),
    ("3", InvalidField, "/shape"),
    ([3.0], InvalidField, "/shape/0"),
    ([2, True], InvalidField, "/shape/1"),
    ([[3]], InvalidField, "/shape/0"),
    ({"w": 3}, InvalidField, "/shape/w"),
    ({"w": [2, None]}, InvalidField, "/shape/w/1"),
    ([], InvalidTensors, "/shape"),
    ([0], InvalidTensors, "/shape"),
    ([-1], InvalidTensors, "/shape"),
    ([1] * 9, InvalidTensors, "/shape"),
    ({}, InvalidTensors, "/shape"),
    ({"a/b": [1]}, InvalidTensors, "/shape"),
    ({"a": [1], "b": [1], "c": [1]}, InvalidTensors, "/shape"),
]


@pytest.mark.parametrize(("given", "kind", "place"), NO_SHAPES, ids=str)
def test_what_is_no_shape(given: Any, kind: type[StepdError], place: str) -> None:
    """Lengths are whole numbers of at least 1, ranks and counts have their bounds."""
    with pytest.raises(kind) as refused:
        decode_shape(given, F8, max_tensors=2)
    assert [error.pointer for error in refused.value.errors] == [place]
