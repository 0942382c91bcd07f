"""What is JSON but for its numbers is refused with a pointer to the first; what is no JSON, with its place."""

import re

import pytest

from stepd.errors import MalformedJson, ValueNotFinite
from stepd.wire.json import parse

NOT_FINITE: list[tuple[str, str, str]] = [
    ("NaN", "", "the body is NaN; JSON carries finite numbers only"),
    ('{"grads":[NaN]}', "/grads/0", "/grads/0 is NaN"),
    ('{"grads":[1,2,Infinity]}', "/grads/2", "/grads/2 is Infinity"),
    ('{"grads":[1,-Infinity,NaN]}', "/grads/1", "/grads/1 is -Infinity"),
    ('{"grads":[[1,2],[3,1e400]]}', "/grads/1/1", "/grads/1/1 is a number beyond float64"),
    ('{"grads":[-1e309]}', "/grads/0", "beyond float64"),
    ('{"grads":{"w/b":[[1],[NaN]],"z":[NaN]}}', "/grads/w~1b/1/0", "is NaN"),
    ('{"grads":{"w":[1],"b":1e999}}', "/grads/b", "beyond float64"),
    ('{"params":[1],"grads":[NaN]}', "/grads/0", "is NaN"),
    ('{"optimizer":{"lr":Infinity},"params":[1]}', "/optimizer/lr", "is Infinity"),
    (f'{{"grads":[{"9" * 400}]}}', "/grads/0", "beyond float64"),
    (f'{{"grads":[0,-{"9" * 5000}]}}', "/grads/1", "beyond float64"),
    (f'{{"grads":[{"9" * 400}.5]}}', "/grads/0", "beyond float64"),
    ('{"a":{"b":[{"c":[[],[{}],[1e400]]}]}}', "/a/b/0/c/2/0", "beyond float64"),
    ('["é😀",NaN]', "/1", "is NaN"),
    ('{"é😀":NaN}', "/é😀", "is NaN"),
    ('{"":[NaN]}', "//0", "is NaN"),
    (' [ true , null , "NaN" , NaN ] ', "/3", "is NaN"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "place", "words"), NOT_FINITE, ids=[text[:40] for text, _, _ in NOT_FINITE])
def test_the_first_that_is_not_finite_is_pointed_at(text: str, place: str, words: str) -> None:
    """Names, indices and escapes lead exactly there, and the value is shown as it was written."""
    with pytest.raises(ValueNotFinite, match=re.escape(words)) as refused:
        parse(text.encode())
    assert [error.pointer for error in refused.value.errors] == [place]


def test_bytes_and_bytearrays_are_refused_alike() -> None:
    """A body that came in pieces is a bytearray."""
    for body in (b'{"grads":[NaN]}', bytearray(b'{"grads":[NaN]}')):
        with pytest.raises(ValueNotFinite):
            parse(body)
    assert parse(bytearray(b"[1]")) == [1]


MALFORMED: list[tuple[bytes, str]] = [
    (b"", "the body is empty"),
    (b"  ", "not JSON"),
    (b"{", "at character"),
    (b"[1,2", "at character"),
    (b"[1,]", "at character"),
    (b'{"a":1,}', "at character"),
    (b"{'a':1}", "at character 1"),
    (b"{a:1}", "at character 1"),
    (b"[1] x", "at character 4"),
    (b"[1][2]", "at character 3"),
    (b"[01]", "at character 1"),
    (b"[1.]", "at character"),
    (b"[.5]", "at character 1"),
    (b"[+1]", "at character 1"),
    (b"[0x10]", "at character 2"),
    (b"[1_000]", "at character 2"),
    (b"[nan]", "at character 1"),
    (b"[inf]", "at character 1"),
    (b"[+Infinity]", "at character 1"),
    (b"[True]", "at character 1"),
    (b"[1 2]", "at character 3"),
    (b"[-]", "at character"),
    (b"[1e]", "at character"),
    (b'["a', "at character"),
    (b'["a\nb"]', "at character"),
    (b'["\\x"]', "at character"),
    (b'["\\ud800"]', "at character"),
    (b'["\\udc00\\ud800"]', "at character"),
    (b"[1]/* no comments */", "at character 3"),
    (b"\xef\xbb\xbf[1]", "at character 0"),
    (b"\xff\xfe[\x001\x00]\x00", "invalid start byte at byte 0"),
    (b'["\xc3\xa9","\xc3"]', "invalid continuation byte at byte 7"),
    (b'["\xed\xa0\x80"]', "at byte 2"),
    (b'["\xc0\x80"]', "at byte 2"),
    ('["é",x]'.encode(), "at character 5"),
    (b'{"grads":[NaN],}', "at character"),
    (b'{"grads":[NaN],"grads":[1]}', "at character 10"),
    (b"\x00", "at character 0"),
]


@pytest.mark.parametrize(("body", "words"), MALFORMED, ids=[str(body)[:40] for body, _ in MALFORMED])
def test_what_is_no_json_is_refused_with_its_place(body: bytes, words: str) -> None:
    """Every way of not being JSON has its place in the text; nothing is guessed."""
    with pytest.raises(MalformedJson, match=re.escape(words)):
        parse(body)


@pytest.mark.parametrize("depth", [1025, 100_000])
@pytest.mark.parametrize(("opened", "closed"), [("[", "]"), ('{"":', "}")])
@pytest.mark.parametrize("inside", ["0", "NaN"])
def test_deep_nesting_is_refused(depth: int, opened: str, closed: str, inside: str) -> None:
    """However deep a body goes, and whatever is down there, it is answered and nothing overflows."""
    body = opened * depth + inside + closed * depth
    with pytest.raises((MalformedJson, ValueNotFinite)) as refused:
        parse(body.encode())
    assert isinstance(refused.value, ValueNotFinite) or re.search("nested too deeply|depth", refused.value.detail)


def test_the_deepest_that_is_read() -> None:
    """1,024 levels are JSON; what tensors may have is judged later."""
    parsed = parse(b"[" * 1023 + b"1" + b"]" * 1023)
    for _ in range(1023):
        (parsed,) = parsed
    assert parsed == 1
