"""Which format a body is in and which one the answer takes: Content-Type and Accept, independently."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from stepd.errors import NotAcceptable, UnsupportedEncoding, UnsupportedMediaType
from stepd.wire.json import MEDIA_TYPE as JSON


def body_format(content_type: str | None, content_encoding: str | None, takes: Collection[str]) -> str:
    """Which of the media types in `takes` the body is in. Of their parameters only JSON's charset means anything.

    Raises UnsupportedMediaType, which names what may be sent, in the order of `takes`; UnsupportedEncoding.

    >>> body_format("application/json; charset=utf-8", None, (JSON, "application/octet-stream"))
    'application/json'
    """
    if content_encoding is not None and content_encoding.strip().lower() not in ("", "identity"):
        raise UnsupportedEncoding(f"Content-Encoding is {content_encoding[:40]!r}; send the body as it is (identity)")
    if content_type is None:
        raise UnsupportedMediaType(f"there is no Content-Type; send {_any_of(takes)}")
    if content_type in takes:
        return content_type
    given, _, parameters = content_type.partition(";")
    media_type = given.strip().lower()
    if media_type not in takes:
        hint = "; with curl use --json" if "form-urlencoded" in media_type else ""
        raise UnsupportedMediaType(f"Content-Type is {given.strip()[:80]!r}; send {_any_of(takes)}{hint}")
    charset = parameters.replace(" ", "").lower().replace('"', "")
    if media_type == JSON and charset not in ("", "charset=utf-8"):
        raise UnsupportedMediaType(f"Content-Type has {parameters.strip()[:40]!r}; JSON is UTF-8")
    return media_type


def answer_format(accept: str | None, gives: Sequence[str], preferred: str) -> str:
    """Which of the media types in `gives` the answer takes: the one of highest weight in Accept.

    For each the most specific range that names it decides (RFC 9110, 12.5.1), and a weight of 0 rules it out. Among
    equals `preferred`, usually the request's format, comes first, then what Accept names first, then the order of
    `gives`.

    Raises NotAcceptable where none is left.

    >>> answer_format("application/json;q=0.5, application/*", (JSON, "application/octet-stream"), preferred=JSON)
    'application/octet-stream'
    """
    if accept is None or accept in ("*/*", "application/*"):
        return preferred if preferred in gives else gives[0]
    if accept in gives:
        return accept
    if not accept.strip():
        return preferred if preferred in gives else gives[0]
    ranges: dict[str, tuple[float, int]] = {}
    for place, (media_range, weight) in enumerate(_weighted(accept)):
        # Of a range that is named twice the higher weight counts.
        if media_range not in ranges or weight > ranges[media_range][0]:
            ranges[media_range] = (weight, place)
    best: tuple[float, bool, int] | None = None
    chosen = ""
    for media_type in gives:
        named = (media_type, media_type.partition("/")[0] + "/*", "*/*")
        weight, place = next((ranges[media_range] for media_range in named if media_range in ranges), (0.0, 0))
        rank = (weight, media_type == preferred, -place)
        if weight > 0 and (best is None or rank > best):
            best, chosen = rank, media_type
    if best is None:
        raise NotAcceptable(f"Accept is {accept[:80]!r}; this can be given: {', '.join(gives)}")
    return chosen


def _weighted(accept: str) -> Iterator[tuple[str, float]]:
    """The ranges of an Accept header with their weights; a weight that is none, or not within 0 and 1, is 0."""
    for item in accept.lower().split(","):
        media_range, *parameters = (part.strip() for part in item.split(";"))
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    weight = float(parameter[2:])
                except ValueError:
                    weight = 0.0
        yield media_range, weight if 0 <= weight <= 1 else 0.0


def _any_of(media_types: Collection[str]) -> str:
    *others, last = media_types
    return f"{', '.join(others)} or {last}" if others else last
