"""Whatever bytes come as safetensors, what is read is what the library reads, and refusals are stepd's own."""

import json
import re
from typing import Any

import numpy as np
import pytest
import safetensors
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stepd.errors import StepdError
from stepd.values import DTYPES
from stepd.wire import safetensors as wire
from stepd.wire.arrays import decode_values
from tests.wire.tensorfiles import CODES, entry, made

MANY = settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow])

NAMES = [
    "grads",
    "params",
    "grads/w",
    "grads/b",
    "params/w",
    "square_avg",
    "state",
    "x",
    "",
    "/",
    "grads/",
    "__metadata__",
]
METADATA = st.dictionaries(
    st.sampled_from(["step", "optimizer", "labels", "ttl_s", "digest", "format", "incarnation", "y", ""]),
    st.sampled_from(["1", "{}", '{"lr":1e400}', "NaN", "[", "", "é", "9" * 5000]),
    max_size=3,
)
ODD: list[Any] = [None, True, 0, 1, 8, 16, -1, 1.5, 2**64, "F64", "F32", [], [0], [1], [0, 8], [8, 16], [2**62, 8], {}]
OTHERS = ["I64", "F16", "BOOL", "f64", {"F64": None}]


@st.composite
def headers(draw: st.DrawFn) -> dict[str, Any]:
    """Headers of tensors that lie one after another, in which some fields may be wrong."""
    header: dict[str, Any] = {}
    end = 0
    for name in draw(st.lists(st.sampled_from(NAMES), max_size=4)):
        shape = draw(st.lists(st.integers(0, 3), max_size=3))
        tensor = entry(shape, end, draw(st.sampled_from([*CODES])))
        end = tensor["data_offsets"][1]
        if draw(st.integers(0, 9)) == 0:
            tensor[draw(st.sampled_from(["dtype", "shape", "data_offsets", "x"]))] = draw(st.sampled_from(ODD + OTHERS))
        header[name] = list(tensor.values()) if draw(st.integers(0, 19)) == 0 else tensor
    if draw(st.booleans()):
        header["__metadata__"] = draw(st.one_of(METADATA, st.sampled_from(ODD)))
    return header


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Bodies that are nearly right: some bytes of some are cut out, replaced or filled."""
    header = draw(headers())
    text = json.dumps(header, ensure_ascii=draw(st.booleans())).encode()
    text += b" " * draw(st.sampled_from([0, 3, -len(text) % 8]))
    ends = [
        tensor["data_offsets"] for tensor in header.values() if isinstance(tensor, dict) and "data_offsets" in tensor
    ]
    length = max([end[1] for end in ends if isinstance(end, list) and len(end) == 2 and end[1] < 1000] or [0])
    length = max(length + draw(st.sampled_from([0, 0, 0, 0, -1, 1, 8])), 0)
    value = draw(st.sampled_from([0.0, 1.5, float("nan"), float("inf")]))
    body = made(text, (np.full(length // 8 + 1, value).tobytes())[:length])
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 3]))):
        start = draw(st.integers(0, len(body)))
        end = draw(st.integers(start, min(start + 8, len(body))))
        body = (
            body[:start]
            + draw(st.sampled_from([b"", b"\0", b"\xff", b'"', b"{", b"}", b",", b"8", b"[" * 5000]))
            + body[end:]
        )
    return body


def read(body: bytes, *, state: bool, dtype: str | None) -> Any:
    """What was read, and None where stepd refused it by name; any other exception fails the test."""
    vectors = ("params",) if state else ("grads", "params")
    given_dtype = None if dtype is None else DTYPES[dtype]
    try:
        return wire.parse(bytearray(body), vectors=vectors, state=state, dtype=given_dtype, expected=4)
    except StepdError as error:
        refusal = error
    assert refusal.code
    assert len(refusal.detail) < 1000
    return None


def arrays_in(document: Any, *parts: str) -> dict[str, Any]:
    """Every array of a document, by the name that its tensor had."""
    found = {}
    for name, item in document.items():
        if isinstance(item, np.ndarray):
            found["/".join((*parts, name))] = item
        elif isinstance(item, dict) and name not in ("optimizer", "labels"):
            found |= arrays_in(item, *(() if (name, parts) == ("state", ()) else (*parts, name)))
    return found


def read_in_every_way(body: bytes) -> None:
    """A step's way and a checkpoint's: what is read is what the library reads of the same bytes."""
    for state in (False, True):
        for dtype in (None, *DTYPES):
            document = read(body, state=state, dtype=dtype)
            if document is None:
                continue
            theirs = dict(safetensors.deserialize(bytes(body)))
            ours = arrays_in(document)
            assert ours.keys() == theirs.keys()
            for name, array in ours.items():
                assert CODES[theirs[name]["dtype"]] == array.dtype
                assert theirs[name]["shape"] == list(array.shape)
                assert theirs[name]["data"] == array.tobytes()
            for role in ("grads", "params"):
                if role in document:
                    judge(document[role], role)


def judge(values: Any, role: str) -> None:
    """As a request's values are judged, from there on."""
    for dtype in DTYPES.values():
        try:
            decoded = decode_values(values, (role,), dtype, expected=None, max_tensors=3)
        except StepdError:
            continue
        assert np.isfinite(decoded.flat).all()
        assert (decoded.flat.size, decoded.flat.dtype) == (decoded.tensors.size, dtype)


@MANY
@given(st.binary(max_size=80))
def test_random_bytes(body: bytes) -> None:
    """Bytes of any kind, and such with a header's length that is true."""
    read_in_every_way(body)
    read_in_every_way(made(body))


@MANY
@given(bodies())
def test_bodies_that_are_nearly_right(body: bytes) -> None:
    """Wrong names, fields, offsets, metadata, values; bytes changed anywhere."""
    read_in_every_way(body)


@MANY
@given(bodies())
def test_large_bodies_are_judged_as_small_ones_are(body: bytes) -> None:
    """The library reads a header in a file of its own and a body that it is shown in the same way."""
    with pytest.MonkeyPatch.context() as patch:
        small = outcome(body)
        patch.setattr(wire, "MAX_COPIED_BYTES", 0)
        assert outcome(body) == small


def outcome(body: bytes) -> Any:
    try:
        document = wire.parse(body, vectors=("params",), state=True, dtype=None, expected=4)
    except StepdError as error:
        # Of several tensors at wrong offsets the library names any.
        return type(error), re.sub("tensor `.*?`", "", error.detail), error.errors
    return json.dumps(document, default=np.ndarray.tolist)
