"""Every error as RFC 9457 problem+json: the one table from code to status, and the document."""

from __future__ import annotations

from typing import Any

from stepd import errors
from stepd.api.answers import Answer
from stepd.errors import StepdError
from stepd.wire.json import dumps

MEDIA_TYPE = "application/problem+json"

STATUS: dict[type[StepdError], int] = {
    errors.MalformedJson: 400,
    errors.MalformedSafetensors: 400,
    errors.InvalidHeader: 400,
    errors.InvalidQuery: 400,
    errors.InvalidSessionId: 400,
    errors.UnexpectedBody: 400,
    errors.KeyNotSupported: 400,
    errors.CrossOrigin: 403,
    errors.PageNotFound: 404,
    errors.SessionNotFound: 404,
    errors.SessionExpired: 404,
    errors.StepNotRetained: 404,
    errors.MethodNotAllowed: 405,
    errors.NotAcceptable: 406,
    errors.SessionExists: 409,
    errors.PreconditionFailed: 412,
    errors.SessionReplaced: 412,
    errors.RequestTooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.UnsupportedEncoding: 415,
    errors.UnknownField: 422,
    errors.MissingField: 422,
    errors.InvalidField: 422,
    errors.OptimizerUnknown: 422,
    errors.HyperParameterUnknown: 422,
    errors.HyperParameterInvalid: 422,
    errors.InvalidTensors: 422,
    errors.NotANumber: 422,
    errors.ValueNotFinite: 422,
    errors.ValueOutOfRange: 422,
    errors.RaggedArray: 422,
    errors.ShapeMismatch: 422,
    errors.DtypeMismatch: 422,
    errors.NamesMismatch: 422,
    errors.SessionHasNoShape: 422,
    errors.StepNotFinite: 422,
    errors.KeyReused: 422,
    errors.CheckpointMismatch: 422,
    errors.DigestMismatch: 422,
    errors.NotDurable: 422,
    errors.SessionCorrupt: 500,
    errors.InternalError: 500,
    errors.OverBudget: 503,
    errors.NotReady: 503,
    errors.OutcomeUnknown: 503,
    errors.StorageUnavailable: 503,
    errors.CapacityExceeded: 507,
    errors.StorageFull: 507,
}

RETRY_AFTER_S = 1

# A problem stays under 4 kB whatever was sent: names and values of the sender's are cut. Bytes, as JSON writes them.
MAX_DETAIL = 600
MAX_FIELD_DETAIL = 160
MAX_POINTER = 120


def problem_type(error: type[StepdError]) -> str:
    """The path of the page that explains this problem."""
    return f"/problems/{error.code}"


def problem_document(error: StepdError, request_id: str) -> dict[str, Any]:
    """The problem as RFC 9457 has it, with our members."""
    document: dict[str, Any] = {
        "type": problem_type(type(error)),
        "title": error.title,
        "status": STATUS[type(error)],
        "detail": _cut(error.detail, MAX_DETAIL),
        "code": error.code,
        "request_id": request_id,
    }
    if error.errors:
        document["errors"] = [
            {"pointer": _cut(field.pointer, MAX_POINTER), "detail": _cut(field.detail, MAX_FIELD_DETAIL)}
            for field in error.errors
        ]
    return document | error.extra


def problem_answer(error: StepdError, request_id: str) -> Answer:
    """The answer to a refused request."""
    status = STATUS[type(error)]
    headers = []
    if status == 503:
        headers.append((b"retry-after", b"%d" % RETRY_AFTER_S))
    if "etag" in error.extra:
        headers.append((b"etag", str(error.extra["etag"]).encode()))
    allowed = error.extra.get("allow")
    if isinstance(allowed, list):
        headers.append((b"allow", ", ".join(allowed).encode()))
    return Answer(status, headers, dumps(problem_document(error, request_id)), MEDIA_TYPE)


def _cut(text: str, longest: int) -> str:
    """The text, cut so that it takes at most so many bytes: an emoji takes 4, an escaped control character 6."""
    safe = text.encode("utf-8", "replace").decode()
    if _json_bytes(safe) <= longest:
        return safe
    room = longest - 3
    for length, character in enumerate(safe):
        room -= _json_bytes(character)
        if room < 0:
            return safe[:length] + "..."
    raise AssertionError("a text takes as many bytes as its characters")


def _json_bytes(text: str) -> int:
    return len(dumps(text)) - 2
