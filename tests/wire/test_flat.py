"""The quick way of reading large vectors gives what the general way gives: the same bits, the same refusals."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepd.errors import StepdError
from stepd.values import DTYPES, Tensors
from stepd.wire import flat, json
from stepd.wire.arrays import decode_values

pytestmark = pytest.mark.skipif(flat.new_parser is None, reason="simdjson is not installed: pip install pysimdjson")


@pytest.fixture(autouse=True)
def small_pieces() -> Iterator[None]:
    """Short bodies go the quick way, cut every few characters."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flat, "LEAST_BYTES", 0)
        patch.setattr(flat, "PIECE_BYTES", 5)
        yield


def outcome(body: bytes, dtype: str) -> Any:
    """The bits of every vector in the body, or how it is refused."""
    try:
        document = json.parse(body)
        if not isinstance(document, dict):
            return document
        return {
            name: decode_values(values, (name,), DTYPES[dtype], expected=None, max_tensors=9).flat.tobytes()
            for name, values in document.items()
        }
    except StepdError as error:
        return type(error), error.detail, error.errors


def both_ways(body: bytes, dtype: str = "float64") -> tuple[Any, Any]:
    quick = outcome(body, dtype)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flat, "new_parser", None)
        return quick, outcome(body, dtype)


SPACES = st.sampled_from(["", " ", "\n", "\t \r"])
NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(2**70), 2**70).map(str),
    st.sampled_from(["-0", "-0.0", "0", "1e-400", "5e-324", "2.2250738585072011e-308", "1.7976931348623157e308", "1E5",
                     "0.1e1", "9007199254740993", "18446744073709551615", "3.5e38", "1" + "0" * 300]),
)  # fmt: skip


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """An object of one or two flat arrays, as JSON may write it."""
    fields = []
    for name in draw(st.sampled_from([("grads",), ("params", "grads"), ("grads", "params"), ("grads", "grads")])):
        space = draw(SPACES)
        numbers = f"{space},{draw(SPACES)}".join(draw(st.lists(NUMBERS, max_size=12)))
        fields.append(f'{space}"{name}"{space}:{draw(SPACES)}[{space}{numbers}{space}]{space}')
    return ("{" + ",".join(fields) + "}" + draw(SPACES)).encode()


@settings(max_examples=400)
@given(bodies(), st.sampled_from(["float64", "float32"]))
def test_flat_vectors_are_read_alike(body: bytes, dtype: str) -> None:
    """Every number, in either dtype, and every refusal of one too large."""
    quick, general = both_ways(body, dtype)
    assert quick == general


INSERTED = [b"", b",", b"]", b"[", b"}", b'"', b"NaN", b"null", b"true", b"\xff", b"\x00", b" ", b"-", b".", b"1e999",
            b"Infinity", b"{}", b"//", b"\xef\xbb\xbf"]  # fmt: skip


@settings(max_examples=600)
@given(bodies(), st.data())
def test_spoilt_bodies_are_refused_alike(body: bytes, data: st.DataObject) -> None:
    """One byte or a few more, fewer or others: code, detail and places are the same."""
    place = data.draw(st.integers(0, len(body)))
    removed = data.draw(st.integers(0, 3))
    inserted = data.draw(st.sampled_from(INSERTED))
    quick, general = both_ways(body[:place] + inserted + body[place + removed :])
    assert quick == general


def test_a_vector_in_many_pieces_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """With pieces of a size that is used, no value is lost or moved at a cut."""
    monkeypatch.setattr(flat, "PIECE_BYTES", 64 * 1024)
    values = np.random.default_rng(7).standard_normal(50_000)
    body = json.dumps_vectors({"grads": values})
    assert len(body) > 3 * 64 * 1024
    found = flat.parse_flat(body)
    assert found is not None
    assert found["grads"].tobytes() == values.tobytes()
    tensors = Tensors.unnamed((50_000,), DTYPES["float64"])
    decoded = decode_values(found["grads"], ("grads",), DTYPES["float64"], expected=tensors, max_tensors=1)
    assert decoded.flat.tobytes() == values.tobytes()
