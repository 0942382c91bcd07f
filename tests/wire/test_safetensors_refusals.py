"""What is no safetensors, and what is but does not fit, is refused by name, with what to send instead."""

import json
import re
from typing import Any

import numpy as np
import pytest

from stepd.errors import (
    DtypeMismatch,
    InvalidTensors,
    MalformedSafetensors,
    NamesMismatch,
    ShapeMismatch,
    StepdError,
    UnknownField,
    ValueNotFinite,
)
from stepd.values import DTYPES, Tensors
from stepd.wire import safetensors as wire
from stepd.wire.arrays import decode_values
from tests.wire.tensorfiles import body_of, entry, made, read_checkpoint, read_step

LAYOUT = "one after another, from there to the end without gaps"
GRADS = entry([1], 0)
TEXT = json.dumps(GRADS)
EIGHT = bytes(8)

MALFORMED: list[tuple[str, bytes, str]] = [
    ("empty", b"", "the body has 0 bytes; a body is the header's length"),
    ("seven bytes", b"1234567", "the body has 7 bytes"),
    ("longest header", b"\xff" * 8,
     "the header has 18446744073709551615 bytes, by the body's first 8; it may have 6144"),
    ("JSON", b'{"grads":[1.5,2.5]}', "it may have 6144: 4096 and 1024 for each of 2 tensors"),
    ("header cut", made({"grads": GRADS})[:-5], "bytes, by the body's first 8, and the body ends after"),
    ("no JSON", made(b'{"grads":'), "the header is not JSON in UTF-8: Expecting value"),
    ("a list", made(b"[]"), "invalid JSON in header"),
    ("a number", made(b"3"), "invalid JSON in header"),
    ("empty header", made(b""), "the header is not JSON in UTF-8"),
    ("no UTF-8", made(b'{"\xff":1}'), "not JSON in UTF-8: 'utf-8' codec can't decode byte 0xff in position 2"),
    ("NUL behind", made(json.dumps({"grads": GRADS}).encode() + b"\0", EIGHT), "not JSON in UTF-8: Extra data"),
    ("deep", made(b"[" * 5000), "the header has arrays or objects besides the shape and data_offsets of tensors"),
    ("unknown lists", made({"grads": GRADS | {"x": [[]] * 500}}, EIGHT), "the header has arrays or objects besides"),
    ("unknown objects", made({"grads": GRADS, "x": [{}] * 500}, EIGHT), "the header has arrays or objects besides"),
    ("NaN", made(f'{{"grads":{TEXT},"x":NaN}}'.encode(), EIGHT), "invalid JSON in header"),
    ("a long number", made(f'{{"grads":{TEXT},"x":{"9" * 5000}}}'.encode(), EIGHT), "the header is not JSON in UTF-8"),
    ("cut", made({"grads": GRADS}, bytes(7)), "file not fully covered"),
    ("a byte too many", made({"grads": GRADS}, bytes(9)), "file not fully covered"),
    ("no data", made({"grads": GRADS}), "file not fully covered"),
    ("hole", made({"grads": entry([1], 8)}, bytes(16)), "invalid offset for tensor `grads`"),
    ("hole between", made({"grads": GRADS, "params": entry([1], 16)}, bytes(24)), "invalid offset for tensor `params`"),
    ("overlap", made({"grads": GRADS, "params": GRADS}, EIGHT), "invalid offset for tensor"),
    ("overlap in part", made({"grads": entry([2], 0), "params": entry([2], 8)}, bytes(24)), "invalid offset"),
    ("backwards", made({"grads": GRADS | {"data_offsets": [8, 0]}}, EIGHT), "invalid offset for tensor `grads`"),
    ("shape and bytes differ", made({"grads": GRADS | {"shape": [2]}}, EIGHT), "invalid shape, data type, or offset"),
    ("overflow", made({"grads": GRADS | {"shape": [2**62, 8]}}, EIGHT), "overflow"),
    ("negative length", made({"grads": GRADS | {"shape": [-1]}}, EIGHT), "expected usize"),
    ("broken length", made({"grads": GRADS | {"shape": [1.0]}}, EIGHT), "expected usize"),
    ("unknown dtype", made({"grads": GRADS | {"dtype": "X9"}}, EIGHT), "unknown variant `X9`"),
    ("no dtype", made({"grads": {"shape": [1], "data_offsets": [0, 8]}}, EIGHT), "missing field `dtype`"),
    ("metadata of numbers", made({"__metadata__": {"step": 3}, "grads": GRADS}, EIGHT), "expected a string"),
    ("twice and different", made(f'{{"grads":{TEXT},"grads":{json.dumps(entry([1], 8))}}}'.encode(), bytes(16)),
     "the header has 'grads' twice"),
    # what the library itself takes
    ("twice and alike", made(f'{{"grads":{TEXT},"grads":{TEXT}}}'.encode(), EIGHT), "the header has 'grads' twice"),
    ("twice, once escaped", made(f'{{"grads":{TEXT},"gr\\u0061ds":{TEXT}}}'.encode(), EIGHT), "has 'grads' twice"),
    ("metadata twice", made(f'{{"__metadata__":{{"step":"1","step":"2"}},"grads":{TEXT}}}'.encode(), EIGHT),
     "the header has 'step' twice"),
    ("fields as a list", made({"grads": ["F64", [1], [0, 8]]}, EIGHT), "'grads' must be an object like"),
    ("dtype as an object", made({"grads": GRADS | {"dtype": {"F64": None}}}, EIGHT), "'grads' must be an object like"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "words"), [case[1:] for case in MALFORMED], ids=[case[0] for case in MALFORMED])
def test_what_is_no_safetensors_is_refused(body: bytes, words: str) -> None:
    """Each with what is wrong, in a sentence short enough to be shown whole; large bodies, judged otherwise, alike."""
    with pytest.raises(MalformedSafetensors, match=re.escape(words)) as refused:
        read_step(body)
    assert len(refused.value.detail) < 600


@pytest.mark.parametrize("extra", [-1, 1], ids=["cut", "a byte too many"])
def test_a_large_body_is_refused_alike(extra: int) -> None:
    """Its header is judged without its values."""
    size = wire.MAX_COPIED_BYTES // 8 + 1
    body = made({"grads": entry([size], 0)}, bytes(8 * size + extra))
    with pytest.raises(MalformedSafetensors, match=f"^the body is not safetensors: incomplete metadata.*{LAYOUT}"):
        read_step(body)


@pytest.mark.parametrize(("labels", "room"), [(False, 0), (True, 72 * 1024)], ids=["no labels", "labels"])
def test_a_header_may_be_as_long_as_its_tensors_need(labels: bool, room: int) -> None:
    """4 kB, 1 kB for each tensor, 72 kB where there may be labels; to the byte, before anything of it is read."""
    text = json.dumps({"grads": GRADS}).encode()
    for expected in (0, 1, 7):
        longest = 4096 + 1024 * expected + room
        fits, too_long = (made(text + b" " * (length - len(text)), EIGHT) for length in (longest, longest + 1))
        ways: dict[str, Any] = {"vectors": ["grads"], "state": False, "dtype": None}
        ways |= {"expected": expected, "labels": labels}
        assert wire.parse(fits, **ways)["grads"] == [0.0]
        with pytest.raises(MalformedSafetensors, match=f"the header has {longest + 1} bytes.* may have {longest}"):
            wire.parse(too_long, **ways)


def test_brackets_in_names_and_metadata_are_none() -> None:
    """However many a name or a label has, escaped quotes among them."""
    names = {f"params/{'[{' * 60}{i}": np.ones(1) for i in range(4)}
    document = read_checkpoint(body_of(names, {"labels": json.dumps({'"[': "[" * 200, '\\"': "{" * 200})}))
    assert len(document["params"]) == 4
    assert document["labels"] == {'"[': "[" * 200, '\\"': "{" * 200}


def test_the_deepest_header_that_can_be_long_enough() -> None:
    """Nesting that has no more brackets than tensors have, and is deeper than any parser goes."""
    body = made((b"[" + b" " * 20) * 5000)
    with pytest.raises(MalformedSafetensors):
        wire.parse(body, vectors=["grads"], state=False, dtype=None, expected=1000)


ONE = np.zeros(1)
DOES_NOT_FIT: list[tuple[str, dict[str, Any], type[StepdError], str, str]] = [
    ("unknown role", {"gradients": ONE}, UnknownField,
     "no tensor 'gradients' here; what is taken: grads or grads/<name>, params or params/<name>", "/gradients"),
    ("a slot in a step", {"square_avg/w": ONE}, UnknownField, "there is no tensor 'square_avg/w' here",
     "/square_avg/w"),
    ("no role", {"/w": ONE}, UnknownField, "there is no tensor '/w' here", "//w"),
    ("alone and by name", {"grads": ONE, "grads/w": ONE}, InvalidTensors,
     "there is a tensor 'grads' and there are others named grads/<name>", "/grads/w"),
    ("by name and alone", {"grads/w": ONE, "grads": ONE}, InvalidTensors, "there is a tensor 'grads'", "/grads"),
    ("another dtype", {"grads": ONE.astype("f4")}, DtypeMismatch,
     "tensor 'grads' has dtype F32, the session has F64", "/grads"),
    ("mixed dtypes", {"grads/b": ONE, "grads/w": ONE.astype("f4")}, DtypeMismatch, "'grads/w' has dtype F32",
     "/grads/w"),
    ("rank 9", {"grads": ONE.reshape((1,) * 9)}, InvalidTensors, "grads has rank 9; 8 is the highest rank", "/grads"),
    ("no values", {"grads/w": np.zeros((2, 0))}, InvalidTensors,
     "grads['w'] has shape [2, 0]; every length must be at least 1", "/grads/w"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("tensors", "kind", "words", "place"), [case[1:] for case in DOES_NOT_FIT], ids=[case[0] for case in DOES_NOT_FIT]
)
def test_what_does_not_fit_is_refused_by_name(
    tensors: dict[str, Any], kind: type[StepdError], words: str, place: str
) -> None:
    """The tensor is named and pointed at, as if the body were JSON."""
    with pytest.raises(kind, match=re.escape(words)) as refused:
        read_step(body_of(tensors))
    assert type(refused.value) is kind
    assert [error.pointer for error in refused.value.errors] == [place]


@pytest.mark.parametrize("code", ["I64", "F16", "BF16", "BOOL", "F4"])
def test_only_two_dtypes_are_taken(code: str) -> None:
    """Whatever else the format has, with a session's dtype known and without."""
    shape = {"I64": [1], "F16": [4], "BF16": [4], "BOOL": [8], "F4": [16]}[code]
    body = made({"params": {"dtype": code, "shape": shape, "data_offsets": [0, 8]}}, EIGHT)
    with pytest.raises(DtypeMismatch, match=f"'params' has dtype {code}, the session has F64"):
        read_step(body)
    with pytest.raises(DtypeMismatch, match=f"'params' has dtype {code}, a session has F64 or F32"):
        read_checkpoint(body)


def test_a_checkpoint_of_two_dtypes_is_refused() -> None:
    """The first tensor says what the others must have."""
    with pytest.raises(DtypeMismatch, match="'square_avg' has dtype F32, 'params' has F64; all have one") as refused:
        read_checkpoint(body_of({"params": ONE, "square_avg": ONE.astype("f4")}))
    assert [error.pointer for error in refused.value.errors] == ["/state/square_avg"]


def test_a_slot_alone_and_by_name_is_refused() -> None:
    """As any role."""
    with pytest.raises(InvalidTensors, match="a tensor 'sum' and there are others named sum/<name>"):
        read_checkpoint(body_of({"params": ONE, "sum": ONE, "sum/w": ONE}))


METADATA: list[tuple[dict[str, str], type[StepdError], str, list[str]]] = [
    ({"steps": "3"}, UnknownField, "'steps' is no metadata that is taken; the header may have optimizer, labels, step",
     ["/steps"]),
    ({"dtype": "float64"}, UnknownField, "'dtype' is no metadata", ["/dtype"]),
    ({"optimizer": "adadelta"}, MalformedSafetensors,
     "in metadata 'optimizer', the text is not JSON: unexpected character at character 0", []),
    ({"step": ""}, MalformedSafetensors, "in metadata 'step', the text is empty", []),
    ({"step": "1,"}, MalformedSafetensors, "in metadata 'step', the text is not JSON", []),
    ({"labels": "[" * 2000}, MalformedSafetensors, "in metadata 'labels', the text is", []),
    ({"optimizer": '{"lr":1e400}'}, ValueNotFinite, "in metadata 'optimizer', /lr is a number beyond float64",
     ["/optimizer/lr"]),
    ({"step": "NaN"}, ValueNotFinite, "in metadata 'step', the text is NaN", ["/step"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("metadata", "kind", "words", "places"), METADATA, ids=[str(case[0])[:30] for case in METADATA]
)
def test_metadata_is_refused_by_name(
    metadata: dict[str, str], kind: type[StepdError], words: str, places: list[str]
) -> None:
    """A key that is not taken, and text that is not the JSON that it should be."""
    with pytest.raises(kind, match=re.escape(words)) as refused:
        read_checkpoint(body_of({"params": ONE}, metadata))
    assert type(refused.value) is kind
    assert [error.pointer for error in refused.value.errors] == places


F8 = DTYPES["float64"]
MATRIX = Tensors.unnamed((2, 2), F8)
NAMED = Tensors.named({"w": (2, 2), "b": (1,)}, F8)
FIVE = {"grads/w": np.ones((2, 2)), "grads/b": np.ones(1)}
NOT_THE_SESSIONS: list[tuple[str, dict[str, Any], Tensors, type[StepdError], str, str]] = [
    ("another shape", {"grads": np.ones(4)}, MATRIX, ShapeMismatch, "grads has shape [4], the session has [2, 2]",
     "/grads"),
    ("no rank", {"grads": np.ones(())}, MATRIX, ShapeMismatch, "grads has shape [], the session has [2, 2]", "/grads"),
    ("named for unnamed", FIVE, MATRIX, NamesMismatch, "grads has named tensors", "/grads"),
    ("unnamed for named", {"grads": np.ones(5)}, NAMED, NamesMismatch, "grads is an array, the session has 2 tensors",
     "/grads"),
    ("one missing", {"grads/w": np.ones((2, 2))}, NAMED, NamesMismatch, "grads lacks 1 tensor ('b')", "/grads"),
    ("one too many", FIVE | {"grads/c": ONE}, NAMED, NamesMismatch, "grads adds 1 tensor ('c')", "/grads"),
    ("a slash in a name", FIVE | {"grads/b/c": ONE}, NAMED, NamesMismatch, "grads adds 1 tensor ('b/c')", "/grads"),
    ("a named one's shape", FIVE | {"grads/b": np.ones(2)}, NAMED, ShapeMismatch,
     "grads for tensor 'b' has 2 values, the session has 1", "/grads/b"),
    ("NaN", {"grads": np.array([[1, 2], [np.nan, np.inf]])}, MATRIX, ValueNotFinite,
     "grads has nan at flat index 2, which is [1, 0]; every value must be finite", "/grads/1/0"),
    ("infinity in a named one", FIVE | {"grads/w": np.array([[1, 2], [3, -np.inf]])}, NAMED, ValueNotFinite,
     "grads has -inf at flat index 3 of tensor 'w', which is [1, 1]; every value must be finite", "/grads/w/1/1"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("tensors", "expected", "kind", "words", "place"),
    [case[1:] for case in NOT_THE_SESSIONS],
    ids=[case[0] for case in NOT_THE_SESSIONS],
)
def test_arrays_are_judged_as_lists_are(
    tensors: dict[str, Any], expected: Tensors, kind: type[StepdError], words: str, place: str
) -> None:
    """Against the session's names and shapes; and every value must be finite."""
    grads = read_step(body_of(tensors))["grads"]
    with pytest.raises(kind, match=re.escape(words)) as refused:
        decode_values(grads, ("grads",), F8, expected=expected, max_tensors=1)
    assert [error.pointer for error in refused.value.errors] == [place]


NEW: list[tuple[str, dict[str, Any], str]] = [
    ("a name with a slash", {"params/a/b": ONE}, "no '/'"),
    ("no name", {"params/": ONE}, "'' has 0 characters"),
    ("no rank", {"params": np.ones(())}, "rank 0; it may be 1 to 8"),
    ("too many", {f"params/{i}": ONE for i in range(4)}, "params has 4 tensors; at most 3 may be named"),
]


@pytest.mark.parametrize(("tensors", "words"), [case[1:] for case in NEW], ids=[case[0] for case in NEW])
def test_new_tensors_are_judged_as_those_of_lists_are(tensors: dict[str, Any], words: str) -> None:
    """Where the values say what the tensors are."""
    params = read_checkpoint(body_of(tensors))["params"]
    with pytest.raises(InvalidTensors, match=re.escape(words)) as refused:
        decode_values(params, ("params",), F8, expected=None, max_tensors=3)
    assert [error.pointer for error in refused.value.errors] == ["/params"]


def test_a_slots_value_is_pointed_at_under_state() -> None:
    """Its place in the document, as in JSON."""
    state = read_checkpoint(body_of({"params": ONE, "sum": np.array([1, np.nan])}))["state"]
    with pytest.raises(ValueNotFinite, match=re.escape("state['sum'] has nan at flat index 1")) as refused:
        decode_values(state["sum"], ("state", "sum"), F8, expected=None, max_tensors=1)
    assert [error.pointer for error in refused.value.errors] == ["/state/sum/1"]
