"""How headers and queries are read: tables of what is taken and what is refused, without a server."""

import pytest

from stepd.api.headers import (
    Headers,
    idempotency_key,
    number,
    preconditions,
    prefers_minimal,
    query,
    refuse_key,
    seconds,
    session_key,
    whole_number,
)
from stepd.errors import InvalidHeader, InvalidQuery, InvalidSessionId, KeyNotSupported
from stepd.values import SessionKey

LONG = "x" * 255


def headers(*lines: tuple[str, str]) -> Headers:
    return Headers([(name.lower().encode(), value.encode("latin-1")) for name, value in lines])


# The lines of a header, the tags that If-Match takes of them, and those that If-None-Match takes.
TAGS: list[tuple[list[str], set[str], set[str]]] = [
    (['"a-1"'], {"a-1"}, {"a-1"}),
    (['"a-1", "b-2"'], {"a-1", "b-2"}, {"a-1", "b-2"}),
    (['"a-1","b-2"', '  "c-3"  '], {"a-1", "b-2", "c-3"}, {"a-1", "b-2", "c-3"}),
    (["*"], {"*"}, {"*"}),
    ([" * "], {"*"}, {"*"}),
    (['W/"a-1"'], set(), {"a-1"}),
    (['W/"a-1", "b-2"'], {"b-2"}, {"a-1", "b-2"}),
    (['""'], {""}, {""}),
    (['"*"'], set(), set()),
    (['"a,b"'], {"a,b"}, {"a,b"}),
    (['"W/x"'], {"W/x"}, {"W/x"}),
    (['"\xe9"'], {"\xe9"}, {"\xe9"}),
    (['"a-1",'], {"a-1"}, {"a-1"}),
    ([""], set(), set()),
]


@pytest.mark.parametrize(("lines", "strong", "weak"), TAGS, ids=[str(case[0]) for case in TAGS])
def test_entity_tags(lines: list[str], strong: set[str], weak: set[str]) -> None:
    """If-Match compares strongly, so that a weak tag never matches; If-None-Match compares weakly."""
    read = preconditions(headers(*(("If-Match", line) for line in lines)))
    assert (read.if_match, read.if_none_match) == (strong, None)
    read = preconditions(headers(*(("If-None-Match", line) for line in lines)))
    assert (read.if_match, read.if_none_match) == (None, weak)


@pytest.mark.parametrize(
    "text", ["a-1", "'a-1'", '"a-1', 'a-1"', '"a-1" "b-2"', '*, "a-1"', '"a-1", *', "**", 'w/"a-1"', '"a b"', '"a\tb"',
             '"a" x', "W/", '"a-1";q=1']
)  # fmt: skip
@pytest.mark.parametrize("name", ["If-Match", "If-None-Match"])
def test_what_is_no_entity_tag(name: str, text: str) -> None:
    """The refusal names the header and shows what it has."""
    with pytest.raises(InvalidHeader, match=f"^{name.lower()} has "):
        preconditions(headers((name, text)))


def test_no_precondition_is_any_state() -> None:
    """Without either header nothing is asked for."""
    read = preconditions(headers(("Accept", "*/*")))
    assert (read.if_match, read.if_none_match) == (None, None)


KEYS: list[tuple[str, str]] = [
    ("a", "a"),
    ('"a"', "a"),
    ("  a  ", "a"),
    ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
    ('"with space, and comma"', "with space, and comma"),
    ('"\\"quoted\\" \\\\"', '"quoted" \\'),
    ("back\\slash", "back\\slash"),
    ("a;b=c,d", "a;b=c,d"),
    ("'a'", "'a'"),
    ('" "', " "),
    (LONG, LONG),
    (f'"{LONG}"', LONG),
    ('"' + '\\"' * 255 + '"', '"' * 255),
]


@pytest.mark.parametrize(("text", "key"), KEYS, ids=[case[0][:20] for case in KEYS])
def test_idempotency_keys(text: str, key: str) -> None:
    """Bare or quoted, escapes undone: `a` and `"a"` are one key."""
    assert idempotency_key(headers(("Idempotency-Key", text))) == key


NO_KEYS = ["", '""', "a b", '"a', 'a"', '"a"b', '"a"; p=1', 'a"b', "\xe4", '"\xe4"', '"a\\b"', '"\\"', "a\tb", "\x7f"]


@pytest.mark.parametrize("text", [*NO_KEYS, LONG + "x", f'"{LONG}x"'])
def test_what_is_no_idempotency_key(text: str) -> None:
    """The refusal says what a key is."""
    with pytest.raises(InvalidHeader, match="one key of 1 to 255 printable ASCII characters"):
        idempotency_key(headers(("Idempotency-Key", text)))


def test_one_key_at_most() -> None:
    """None is none, two are refused, even if they are the same; and where no key is taken any is refused."""
    assert idempotency_key(headers()) is None
    with pytest.raises(InvalidHeader, match="there are several"):
        idempotency_key(headers(("Idempotency-Key", "a"), ("Idempotency-Key", "a")))
    refuse_key(headers())
    with pytest.raises(KeyNotSupported):
        refuse_key(headers(("Idempotency-Key", "")))


@pytest.mark.parametrize(
    ("lines", "minimal"),
    [
        ([], False),
        (["return=minimal"], True),
        (["Return = Minimal"], True),
        (['return="minimal"'], True),
        (["return=minimal; foo=bar"], True),
        (["respond-async, return=minimal"], True),
        (["respond-async", "return=minimal"], True),
        (["return=representation"], False),
        (["return=minimalist"], False),
        (["return"], False),
        (["wait=10"], False),
    ],
)
def test_preferences(lines: list[str], minimal: bool) -> None:
    """`return=minimal` is heard among other preferences, which are ignored."""
    assert prefers_minimal(headers(*(("Prefer", line) for line in lines))) is minimal


@pytest.mark.parametrize("session_id", ["a", "run-1", "A.b_c", "x" * 64])
def test_session_ids(session_id: str) -> None:
    """A path names a session of the default tenant."""
    assert session_key(session_id) == SessionKey("default", session_id)


@pytest.mark.parametrize("session_id", ["", ".a", "a b", "x" * 65, "a\n", "ä", "..", "%61"])
def test_what_is_no_session_id(session_id: str) -> None:
    """The refusal shows the id and says what one is."""
    with pytest.raises(InvalidSessionId, match="is no session id: 1 to 64"):
        session_key(session_id)


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        (b"", []),
        (b"lr=0.5", [("lr", "0.5")]),
        (b"lr=", [("lr", "")]),
        (b"lr", [("lr", "")]),
        (b"lr=1e%2B5", [("lr", "1e+5")]),
        (b"%6Cr=1", [("lr", "1")]),
        (b"label=a%3Db&label=c&lr=1", [("label", "a=b"), ("label", "c"), ("lr", "1")]),
        (b"label=%C3%A4+b", [("label", "ä b")]),
        (b"lr=1&", [("lr", "1")]),
    ],
)
def test_queries(text: bytes, pairs: list[tuple[str, str]]) -> None:
    """Pairs in order, decoded, empty values kept; one name may come again."""
    assert query(text, ("lr",), repeated="label") == pairs


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"lR=1", "no query parameter 'lR' here; this request takes lr, label"),
        (b"lr=1&lr=1", "lr is there twice"),
        (b"=1", "no query parameter ''"),
        (b"lr=1&x", "'x'"),
        (b"&".join([b"label=a"] * 65), "more than 64 parameters"),
    ],
)
def test_what_is_no_query(text: bytes, words: str) -> None:
    """A name that is not known, comes twice or too often is refused."""
    with pytest.raises(InvalidQuery, match=words):
        query(text, ("lr",), repeated="label")


def test_a_request_without_query() -> None:
    """Where nothing is known nothing is taken."""
    assert query(b"", ()) == []
    with pytest.raises(InvalidQuery, match="this request takes no query"):
        query(b"a=1", ())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0.0),
        ("-0", -0.0),
        ("0.5", 0.5),
        ("1e-3", 1e-3),
        ("1E+2", 100.0),
        ("-1.25e2", -125.0),
        ("1e400", float("inf")),
    ],
)
def test_numbers(text: str, value: float) -> None:
    """Numbers are written as in JSON."""
    assert repr(number("lr", text)) == repr(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "1\n",
        "+1",
        ".5",
        "1.",
        "01",
        "0x1",
        "1_0",
        "nan",
        "inf",
        "Infinity",
        "1e",
        "1,5",
        "\u0661",
        "--1",
    ],
)
def test_what_is_no_number(text: str) -> None:
    """What Python or a browser might take beyond JSON is refused."""
    with pytest.raises(InvalidQuery, match=r"lr is .*must be a number"):
        number("lr", text)


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("7", 7), ("10", 10), ("9007199254740992", 2**53)])
def test_whole_numbers(text: str, value: int) -> None:
    """Digits without a sign, in their range."""
    assert whole_number("n", text, 0, 2**53) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
        "00",
        "01",
        "0x",
        "0 5",
        "0_5",
        "1.0",
        "1e3",
        "9007199254740993",
        "9" * 16,
        "9" * 5000,
        "\u0661",
        "1\n",
        "0\n",
    ],
)
def test_what_is_no_whole_number(text: str) -> None:
    """The refusal shows the text and the range; nothing else comes of it."""
    with pytest.raises(InvalidQuery, match=r"n is .*whole number from 0 to 9007199254740992"):
        whole_number("n", text, 0, 2**53)


def test_whole_numbers_have_a_lowest() -> None:
    """Zero is no page size."""
    with pytest.raises(InvalidQuery, match="from 1 to 1000"):
        whole_number("page_size", "0", 1, 1000)


@pytest.mark.parametrize(("text", "value"), [("0", 0.0), ("0.5", 0.5), ("60", 60.0)])
def test_seconds(text: str, value: float) -> None:
    """From nothing to the longest."""
    assert seconds("timeout_s", text, 60.0) == value


@pytest.mark.parametrize("text", ["-1", "60.001", "1e400", "nan", ""])
def test_what_are_no_seconds(text: str) -> None:
    """Beyond the bounds, or no number at all."""
    with pytest.raises(InvalidQuery, match="timeout_s is "):
        seconds("timeout_s", text, 60.0)
