"""Content-Type and Accept, each judged by itself, among the formats that a request can be read and answered in."""

import pytest

from stepd.errors import NotAcceptable, UnsupportedEncoding, UnsupportedMediaType
from stepd.wire.negotiate import answer_format, body_format

JSON = "application/json"
RAW = "application/octet-stream"
SAFETENSORS = "application/vnd.safetensors"
ALL = (JSON, RAW, SAFETENSORS)
NAMED = (JSON, SAFETENSORS)

CONTENT_TYPES: list[tuple[str, str]] = [
    (JSON, JSON),
    (RAW, RAW),
    (SAFETENSORS, SAFETENSORS),
    ("Application/Octet-Stream", RAW),
    (" application/vnd.safetensors ", SAFETENSORS),
    ('application/json;charset="UTF-8"', JSON),
    ("application/json;", JSON),
    ("application/octet-stream; charset=binary", RAW),
    ("application/vnd.safetensors; v=1", SAFETENSORS),
]


@pytest.mark.parametrize(("content_type", "wanted"), CONTENT_TYPES)
def test_a_body_is_in_the_format_that_it_says(content_type: str, wanted: str) -> None:
    """Case, blanks and parameters make no difference, but for JSON's charset."""
    assert body_format(content_type, None, ALL) == wanted
    assert body_format(content_type, "Identity", ALL) == wanted


REFUSED: list[tuple[str | None, tuple[str, ...], str]] = [
    (None, (JSON,), "there is no Content-Type; send application/json"),
    (None, NAMED, "there is no Content-Type; send application/json or application/vnd.safetensors"),
    ("", ALL, "send application/json, application/octet-stream or application/vnd.safetensors"),
    (RAW, NAMED, "Content-Type is 'application/octet-stream'; send application/json or application/vnd.safetensors"),
    (SAFETENSORS, (JSON,), "Content-Type is 'application/vnd.safetensors'; send application/json"),
    ("application/x-www-form-urlencoded", ALL, "application/vnd.safetensors; with curl use --json"),
    ("application/*", ALL, "Content-Type is 'application/*'"),
    ("application/json; charset=latin-1", ALL, "Content-Type has 'charset=latin-1'; JSON is UTF-8"),
]


@pytest.mark.parametrize(("content_type", "takes", "words"), REFUSED)
def test_what_is_not_taken_is_refused_and_what_is_taken_is_named(
    content_type: str | None, takes: tuple[str, ...], words: str
) -> None:
    """415 says what this request can be sent in, in the order in which it was given."""
    with pytest.raises(UnsupportedMediaType) as refused:
        body_format(content_type, None, takes)
    assert words in refused.value.detail


def test_compressed_bodies_are_refused_in_every_format() -> None:
    """Whatever the body says that it is."""
    for media_type in ALL:
        with pytest.raises(UnsupportedEncoding, match="gzip"):
            body_format(media_type, "gzip", ALL)


@pytest.mark.parametrize("accept", [None, "*/*", "application/*", "", "  ", "*/*;q=0.1", "text/html, */*;q=0.5"])
@pytest.mark.parametrize("preferred", ALL)
def test_without_a_wish_the_preferred_format_is_given(accept: str | None, preferred: str) -> None:
    """Where it exists, else the first of those that do."""
    assert answer_format(accept, ALL, preferred) == preferred
    assert answer_format(accept, (SAFETENSORS, JSON), preferred) == (SAFETENSORS if preferred == RAW else preferred)


ACCEPTED: list[tuple[str, tuple[str, ...], str, str]] = [
    # by name
    (RAW, ALL, JSON, RAW),
    (JSON, ALL, RAW, JSON),
    ("APPLICATION/VND.SAFETENSORS", ALL, JSON, SAFETENSORS),
    ("text/html, application/json", ALL, RAW, JSON),
    ("application/json;charset=utf-8", ALL, RAW, JSON),
    # the highest weight
    (f"{JSON};q=0.5, {RAW};q=0.6", ALL, JSON, RAW),
    (f"{JSON};q=0.5,{RAW};q=0.6,{SAFETENSORS}", ALL, JSON, SAFETENSORS),
    (f"{RAW};q=0.001, text/html", ALL, JSON, RAW),
    (f"{RAW};q=0.9, {SAFETENSORS};q=0.8", NAMED, JSON, SAFETENSORS),
    # the most specific range decides
    (f"{JSON};q=0.1, */*;q=0.2", ALL, JSON, RAW),
    (f"*/*;q=0.9, application/*;q=0.1, {SAFETENSORS};q=0.5", ALL, JSON, SAFETENSORS),
    (f"*/*, {RAW};q=0", ALL, RAW, JSON),
    ("application/*;q=0, */*", ("text/html", JSON), JSON, "text/html"),
    # among equals: the preferred, then what stands first, then the order of what there is
    (f"{JSON}, {RAW}", ALL, RAW, RAW),
    (f"{SAFETENSORS}, {RAW}", ALL, JSON, SAFETENSORS),
    (f"{RAW}, {SAFETENSORS}", ALL, JSON, RAW),
    (f"{RAW};q=0, */*", (RAW, SAFETENSORS, JSON), RAW, SAFETENSORS),
    ("application/json, text/plain, */*", ALL, SAFETENSORS, SAFETENSORS),
    # named twice: the higher weight
    (f"{JSON};q=0.1, {RAW};q=0.5, {JSON};q=0.7", ALL, RAW, JSON),
    # weights that are none
    (f"{JSON};q=nan, {RAW};q=0.1", ALL, JSON, RAW),
    (f"{JSON};q=x, {RAW};q=0.1", ALL, JSON, RAW),
    (f"{JSON};q=7, {RAW};q=0.1", ALL, JSON, RAW),
    (f"{JSON};q=-1, {RAW};q=0.1", ALL, JSON, RAW),
]  # fmt: skip


@pytest.mark.parametrize(("accept", "gives", "preferred", "wanted"), ACCEPTED)
def test_the_answer_takes_what_accept_weighs_most(
    accept: str, gives: tuple[str, ...], preferred: str, wanted: str
) -> None:
    """RFC 9110, 12.5.1, over the formats that the answer exists in."""
    assert answer_format(accept, gives, preferred) == wanted


NOT_ACCEPTED: list[tuple[str, tuple[str, ...]]] = [
    ("text/html", ALL),
    ("text/*", ALL),
    (RAW, NAMED),
    ("*/*;q=0", ALL),
    ("application/*;q=0, */*", ALL),
    (f"{JSON};q=0, {RAW}, {SAFETENSORS};q=0", NAMED),
    (f"*/*, {JSON};q=0", (JSON,)),
    ("json", ALL),
    (",", ALL),
    (";q=1", ALL),
]


@pytest.mark.parametrize(("accept", "gives"), NOT_ACCEPTED)
def test_where_accept_leaves_nothing_it_is_refused(accept: str, gives: tuple[str, ...]) -> None:
    """406 shows what was asked for and names all that there is."""
    with pytest.raises(NotAcceptable) as refused:
        answer_format(accept, gives, JSON)
    assert refused.value.detail == f"Accept is {accept!r}; this can be given: {', '.join(gives)}"
