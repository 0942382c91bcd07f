"""Bodies that are too large to be read again get the same codes, with the place instead of a pointer."""

import pytest

from stepd.errors import MalformedJson, ValueNotFinite
from stepd.wire import json


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"[1,NaN]", "character 3 is NaN"),
        (b"[1,-Infinity]", "is -Infinity"),
        (b"[1,Infinity]", "character 3 is Infinity"),
        (b"[1,1e400]", "character 3 is a number beyond float64"),
    ],
)
def test_what_is_not_finite_is_told_by_its_place(monkeypatch: pytest.MonkeyPatch, body: bytes, said: str) -> None:
    """422 value-not-finite, as in a small body."""
    monkeypatch.setattr(json, "MAX_READ_AGAIN_BYTES", 4)
    with pytest.raises(ValueNotFinite, match=said):
        json.parse(body)


@pytest.mark.parametrize("body", [b"[1,nan]", b"[1,2", b'["a\xff"]', b'[1,"NaN",x]', b"[" * 2000])
def test_what_is_no_json_stays_malformed(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    """400 malformed-json with the place."""
    monkeypatch.setattr(json, "MAX_READ_AGAIN_BYTES", 4)
    with pytest.raises(MalformedJson, match=r"at character \d+"):
        json.parse(body)


def test_a_body_of_five_mebibytes_is_not_read_again() -> None:
    """The limit is where the documentation says."""
    body = b"[" + b"1," * (5 * 2**19) + b"NaN]"
    with pytest.raises(ValueNotFinite, match=f"character {len(body) - 4} is NaN"):
        json.parse(body)
