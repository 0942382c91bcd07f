"""Which format a body is in and which one the answer takes: Content-Type and Accept, independently."""

from __future__ import annotations

from stepd.errors import NotAcceptable, UnsupportedEncoding, UnsupportedMediaType
from stepd.wire.json import MEDIA_TYPE

FORMATS = (MEDIA_TYPE,)


def require_readable(content_type: str | None, content_encoding: str | None) -> None:
    """Raises UnsupportedMediaType or UnsupportedEncoding where the body is in no format that is read."""
    if content_encoding is not None and content_encoding.strip().lower() not in ("", "identity"):
        raise UnsupportedEncoding(f"Content-Encoding is {content_encoding[:40]!r}; send the body as it is (identity)")
    if content_type == MEDIA_TYPE:
        return
    if content_type is None:
        raise UnsupportedMediaType(f"there is no Content-Type; send {MEDIA_TYPE}")
    media_type, _, parameters = content_type.partition(";")
    if media_type.strip().lower() != MEDIA_TYPE:
        hint = "; with curl use --json" if "form-urlencoded" in media_type.lower() else ""
        raise UnsupportedMediaType(f"Content-Type is {media_type.strip()[:80]!r}; send {MEDIA_TYPE}{hint}")
    charset = parameters.replace(" ", "").lower().replace('"', "")
    if charset and charset != "charset=utf-8":
        raise UnsupportedMediaType(f"Content-Type has {parameters.strip()[:40]!r}; JSON is UTF-8")


def require_acceptable(accept: str | None) -> None:
    """Raises NotAcceptable where Accept rules out every format that can be given.

    The most specific range that names a format decides (RFC 9110, 12.5.1); a weight of 0 rules it out.
    """
    if accept is None or accept in ("*/*", MEDIA_TYPE) or not accept.strip():
        return
    weights: dict[str, float] = {}
    for item in accept.lower().split(","):
        media_range, *parameters = (part.strip() for part in item.split(";"))
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    weight = float(parameter[2:])
                except ValueError:
                    weight = 0.0
        weights[media_range] = max(weight, weights.get(media_range, 0.0))
    for media_range in (MEDIA_TYPE, "application/*", "*/*"):
        if media_range in weights:
            if weights[media_range] > 0:
                return
            break
    raise NotAcceptable(f"Accept is {accept[:80]!r}; this can be given: {', '.join(FORMATS)}")
