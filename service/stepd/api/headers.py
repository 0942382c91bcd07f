"""What requests say in headers, query and path besides the body; parsed strictly, refused by name."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from urllib.parse import parse_qsl

from stepd.engine.contract import ANY_STATE, Preconditions
from stepd.errors import InvalidHeader, InvalidQuery, InvalidSessionId, KeyNotSupported
from stepd.values import DEFAULT_TENANT, SESSION_ID, SessionKey

# Bytes of request line and headers, and of the trailers behind a chunked body; connection.py sees to it. nginx and
# others allow 8 to 64 kB.
MAX_HEAD_BYTES = 64 * 1024
MAX_KEY = 255
MAX_QUERY_FIELDS = 64
DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000
DEFAULT_WAIT_S = 30.0

# What may stand between the quotes of an entity tag; one character of a quoted key; one of a bare key.
ENTITY_TAG_CHARACTERS = r"[\x21\x23-\x7e\x80-\xff]*"
QUOTED_KEY_CHARACTER = r'(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])'
BARE_KEY_CHARACTER = r"[\x21\x23-\x7e]"

_ENTITY_TAG = re.compile(rf'\s*(W/)?"({ENTITY_TAG_CHARACTERS})"\s*(?:,|\Z)')
_QUOTED_KEY = re.compile(rf'"({QUOTED_KEY_CHARACTER}*)"\Z')
_BARE_KEY = re.compile(rf"{BARE_KEY_CHARACTER}*\Z")
_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?\Z")
_WHOLE_NUMBER = re.compile(r"(0|[1-9][0-9]{0,15})\Z")


class Headers:
    """The headers of a request by name, in lower case and as bytes; values are text (Latin-1)."""

    __slots__ = ("_fields", "_lines")

    def __init__(self, lines: Sequence[tuple[bytes, bytes]]) -> None:
        self._lines = lines
        self._fields = dict(lines)

    def __contains__(self, name: bytes) -> bool:
        return name in self._fields

    def say_json_only(self) -> bool:
        """Whether body and answer are JSON by the plainest of headers, so that no more need be read of them."""
        fields = self._fields
        return (
            fields.get(b"content-type") == b"application/json"
            and fields.get(b"accept", b"*/*") in (b"*/*", b"application/json")
            and b"content-encoding" not in fields
            and len(fields) == len(self._lines)
        )

    def get(self, name: bytes) -> str | None:
        """The value; the last line's where there are several."""
        value = self._fields.get(name)
        return None if value is None else value.decode("latin-1")

    def lines(self, name: bytes) -> list[str]:
        """The value of every line of that name."""
        if len(self._fields) == len(self._lines):
            return [self._fields[name].decode("latin-1")] if name in self._fields else []
        return [value.decode("latin-1") for given, value in self._lines if given == name]

    def joined(self, name: bytes) -> str | None:
        """A value that is a list, which may come as several lines (RFC 9110, 5.3)."""
        if name not in self._fields:
            return None
        return ", ".join(self.lines(name))


def session_key(session_id: str) -> SessionKey:
    """The key of the session that a path names. Raises InvalidSessionId."""
    if not SESSION_ID.match(session_id):
        raise InvalidSessionId(
            f"{session_id[:80]!r} is no session id: 1 to 64 letters, digits, '.', '_', '-', the first a letter or digit"
        )
    return SessionKey(DEFAULT_TENANT, session_id)


def preconditions(headers: Headers) -> Preconditions:
    """If-Match and If-None-Match. Raises InvalidHeader."""
    if b"if-match" not in headers and b"if-none-match" not in headers:
        return ANY_STATE
    # RFC 9110: If-Match compares strongly, so a weak tag never matches; If-None-Match compares weakly.
    return Preconditions(_tags(headers, b"if-match", weak=False), _tags(headers, b"if-none-match", weak=True))


def _tags(headers: Headers, name: bytes, *, weak: bool) -> frozenset[str] | None:
    text = headers.joined(name)
    if text is None:
        return None
    text = text.strip()
    if text == "*":
        return frozenset("*")
    tags, position = set(), 0
    while position < len(text):
        match = _ENTITY_TAG.match(text, position)
        if match is None:
            raise InvalidHeader(
                f"{name.decode()} has {text[position:].strip()[:60]!r}; it takes * or entity tags in quotes, such "
                'as "k3f5x7q2h4abc-41", exactly as ETag gave them'
            )
        if weak or not match[1]:
            tags.add(match[2])
        position = match.end()
    return frozenset(tags - {"*"})


def idempotency_key(headers: Headers) -> str | None:
    """The Idempotency-Key, bare or quoted (RFC 8941): `a` and `"a"` are one key. Raises InvalidHeader."""
    lines = headers.lines(b"idempotency-key")
    if not lines:
        return None
    text = lines[0].strip()
    quoted = _QUOTED_KEY.match(text)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else text
    if len(lines) > 1 or not 1 <= len(key) <= MAX_KEY or not (quoted or _BARE_KEY.match(key)):
        raise InvalidHeader(
            f"Idempotency-Key must be one key of 1 to {MAX_KEY} printable ASCII characters, bare or in double quotes; "
            f"{'there are several' if len(lines) > 1 else f'this one has {len(key)} characters'}"
        )
    return key


def refuse_key(headers: Headers) -> None:
    """Raises KeyNotSupported where a request that is no step carries an Idempotency-Key."""
    if b"idempotency-key" in headers:
        raise KeyNotSupported(
            "Idempotency-Key works for POST /v1/sessions/{id}/step only; make this request safe to resend with If-Match"
        )


def prefers_minimal(headers: Headers) -> bool:
    """Whether Prefer asks for no body (RFC 7240). Preferences that are not known are ignored, as the RFC says."""
    if b"prefer" not in headers:
        return False
    return any(
        preference.split(";")[0].replace(" ", "").lower() in ("return=minimal", 'return="minimal"')
        for line in headers.lines(b"prefer")
        for preference in line.split(",")
    )


def query(query_string: bytes, known: Iterable[str], repeated: str = "") -> list[tuple[str, str]]:
    """The query's pairs. Raises InvalidQuery for a name that this request does not know or has twice."""
    if not query_string:
        return []
    allowed = (*known, repeated) if repeated else tuple(known)
    try:
        pairs = parse_qsl(query_string.decode("latin-1"), keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS)
    except ValueError:
        raise InvalidQuery(f"the query has more than {MAX_QUERY_FIELDS} parameters") from None
    seen = set()
    for name, _ in pairs:
        if name not in allowed:
            takes = ", ".join(allowed) or "no query"
            raise InvalidQuery(f"there is no query parameter {name[:40]!r} here; this request takes {takes}")
        if name in seen and name != repeated:
            raise InvalidQuery(f"query parameter {name} is there twice")
        seen.add(name)
    return pairs


def number(name: str, text: str) -> float:
    """A number as JSON writes it; 1e400 is infinite, for the caller's bounds to refuse. Raises InvalidQuery."""
    if not _JSON_NUMBER.match(text):
        raise InvalidQuery(f"{name} is {text[:40]!r}; it must be a number such as 0.5 or 1e-3")
    return float(text)


def whole_number(name: str, text: str, lowest: int, highest: int) -> int:
    """A whole number in a range. Raises InvalidQuery."""
    if not _WHOLE_NUMBER.match(text) or not lowest <= int(text) <= highest:
        raise InvalidQuery(f"{name} is {text[:40]!r}; it must be a whole number from {lowest} to {highest}")
    return int(text)


def seconds(name: str, text: str, highest: float) -> float:
    """A number of seconds. Raises InvalidQuery."""
    value = number(name, text)
    if not (math.isfinite(value) and 0 <= value <= highest):
        raise InvalidQuery(f"{name} is {text[:40]!r}; it must be from 0 to {highest:g} seconds")
    return value
