"""What an answer says beside its document: headers, and the problem that each status stands for."""

from __future__ import annotations

from stepd.api import models
from stepd.api.openapi.schemas import Json, reference
from stepd.api.problems import MEDIA_TYPE as PROBLEM_MEDIA_TYPE
from stepd.api.problems import RETRY_AFTER_S
from stepd.values import MAX_STEP

_MEANING = {
    400: "Malformed: body, header, query or id",
    403: "A browser sent it for a page of another origin",
    404: "No such session, or it has expired",
    406: "No format that Accept names can be given",
    409: "The id is taken by a session of another spec",
    412: "The session is not in the state that the request names",
    413: "The request is larger than the service takes",
    415: "The body's format is not read",
    422: "Understood, and impossible",
    500: "The service failed",
    503: "Not now; see Retry-After",
    507: "Sessions may take no more memory",
}

_TAG: Json = {"type": "string", "pattern": r'^"[a-z2-7]+-[0-9]+"$'}
_STEP: Json = {"type": "integer", "minimum": 0, "maximum": MAX_STEP}
_TEXT: Json = {"type": "string"}


def _header(description: str, schema: Json, *, required: bool = True) -> Json:
    return {"description": description, "required": required, "schema": schema}


HEADERS: dict[str, Json] = {
    "X-Request-ID": _header("the caller's, where it is a plain token, else the service's", _TEXT),
    "Server-Timing": _header("`parse`, `step` and `encode`, in milliseconds", _TEXT),
    "Cache-Control": _header("no answer may be kept", {"type": "string", "const": "no-store"}),
    "Vary": _header("what else decides on the answer", {"type": "string", "const": "Accept"}),
    "ETag": _header("the session's state: incarnation and step, as If-Match takes it", _TAG),
    "Current-ETag": _header("the state that the session is in, where there is one", _TAG, required=False),
    "Location": _header("path of the new session", {"type": "string", "pattern": "^/v1/sessions/"}),
    "Stepd-Step": _header("the session's step now", _STEP),
    "Stepd-Applied-Step": _header("the step that took these gradients", _STEP),
    "Idempotent-Replayed": _header(
        "the key had been taken before: nothing was applied", {"type": "string", "const": "true"}, required=False
    ),
    "Preference-Applied": _header("what of Prefer was heard", {"type": "string", "const": "return=minimal"}),
    "Retry-After": _header("seconds", {"type": "integer", "const": RETRY_AFTER_S}),
}
EVERYWHERE = ("X-Request-ID", "Server-Timing", "Cache-Control")
OF_SESSION = ("ETag", "Vary")
OF_STEP = (*OF_SESSION, "Stepd-Step", "Stepd-Applied-Step", "Idempotent-Replayed")
OF_MINIMAL_STEP = (*OF_STEP, "Preference-Applied")
_OF_PROBLEM = {409: ("ETag",), 412: ("Current-ETag",), 503: ("Retry-After",)}


def headers(names: tuple[str, ...]) -> Json:
    """References to these headers and those that every answer has, by the name that they have on the wire."""
    return {name.removeprefix("Current-"): {"$ref": f"#/components/headers/{name}"} for name in (*names, *EVERYWHERE)}


def problem(status: int) -> Json:
    """The answer to a request that is refused with this status."""
    return {
        "description": _MEANING[status],
        "headers": headers(_OF_PROBLEM.get(status, ())),
        "content": {PROBLEM_MEDIA_TYPE: {"schema": reference(models.Problem.__name__)}},
    }
