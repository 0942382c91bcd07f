"""Everything that stepd refuses, one class per stable code. No HTTP status here: api/problems.py maps code to status.

StepdError
├── Malformed                       not a request that could be understood
│   ├── MalformedJson               malformed-json
│   ├── MalformedSafetensors        malformed-safetensors
│   ├── InvalidHeader               invalid-header
│   ├── InvalidQuery                invalid-query
│   ├── InvalidSessionId            invalid-session-id
│   ├── UnexpectedBody              unexpected-body
│   └── KeyNotSupported             key-not-supported
├── CrossOrigin                     cross-origin
├── Missing                         there is nothing at that address
│   ├── PageNotFound                not-found
│   ├── SessionNotFound             session-not-found
│   ├── SessionExpired              session-expired
│   └── StepNotRetained             step-not-retained
├── MethodNotAllowed                method-not-allowed
├── NotAcceptable                   not-acceptable
├── UnsupportedMediaType            unsupported-media-type
├── UnsupportedEncoding             unsupported-content-encoding
├── RequestTooLarge                 request-too-large
├── Impossible                      understood, and impossible
│   ├── UnknownField                unknown-field
│   ├── MissingField                missing-field
│   ├── InvalidField                invalid-field
│   ├── OptimizerUnknown            unknown-optimizer
│   ├── HyperParameterUnknown       unknown-hyper-parameter
│   ├── HyperParameterInvalid       invalid-hyper-parameter
│   ├── InvalidTensors              invalid-tensors
│   ├── NotANumber                  not-a-number
│   ├── ValueNotFinite              value-not-finite
│   ├── ValueOutOfRange             value-out-of-range
│   ├── RaggedArray                 ragged-array
│   ├── ShapeMismatch               shape-mismatch
│   ├── DtypeMismatch               dtype-mismatch
│   ├── NamesMismatch               names-mismatch
│   ├── SessionHasNoShape           session-has-no-shape
│   ├── StepNotFinite               step-not-finite
│   ├── KeyReused                   key-reused
│   ├── CheckpointMismatch          checkpoint-mismatch
│   ├── NotDurable                  not-durable
│   └── DigestMismatch              digest-mismatch
├── SessionExists                   session-exists
├── Stale                           the session is no longer what the request relies on
│   ├── PreconditionFailed          precondition-failed
│   └── SessionReplaced             session-replaced
├── Unavailable                     not now; the same request may pass later
│   ├── OverBudget                  over-budget
│   ├── NotReady                    not-ready
│   ├── OutcomeUnknown              outcome-unknown
│   └── StorageUnavailable          storage-unavailable
├── CapacityExceeded                capacity-exceeded
├── StorageFull                     storage-full
├── SessionCorrupt                  session-corrupt
└── InternalError                   internal-error
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

MAX_FIELD_ERRORS = 10


def pointer(*parts: str | int) -> str:
    """A JSON pointer (RFC 6901) to a place in the request's body.

    >>> pointer("grads", "w/b", 3)
    '/grads/w~1b/3'
    """
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


@dataclass(frozen=True, slots=True)
class FieldError:
    """One place in the request's body and what is wrong there."""

    pointer: str
    detail: str

    @classmethod
    def at(cls, *parts: str | int, detail: str) -> FieldError:
        return cls(pointer(*parts), detail)


class StepdError(Exception):
    """The base of everything that stepd refuses.

    `detail` names the field, the value and the bound, and says what to do. `errors` are places in the body, ten at
    most. `extra` are further members of the problem document, such as the current step.
    """

    code: ClassVar[str] = ""
    title: ClassVar[str] = ""

    def __init__(
        self,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        extra: Mapping[str, str | int | list[str]] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors[:MAX_FIELD_ERRORS])
        self.extra = dict(extra or {})


class Malformed(StepdError):
    """Not a request that could be understood."""


class MalformedJson(Malformed):
    code, title = "malformed-json", "The body is not JSON"


class MalformedSafetensors(Malformed):
    code, title = "malformed-safetensors", "The body is not safetensors"


class InvalidHeader(Malformed):
    code, title = "invalid-header", "A header is malformed"


class InvalidQuery(Malformed):
    code, title = "invalid-query", "The query is malformed"


class InvalidSessionId(Malformed):
    code, title = "invalid-session-id", "Not a session id"


class UnexpectedBody(Malformed):
    code, title = "unexpected-body", "This request takes no body"


class KeyNotSupported(Malformed):
    code, title = "key-not-supported", "Idempotency-Key is for steps only"


class CrossOrigin(StepdError):
    code, title = "cross-origin", "A page of another origin may not change anything here"


class Missing(StepdError):
    """There is nothing at that address."""


class PageNotFound(Missing):
    code, title = "not-found", "There is nothing at this path"


class SessionNotFound(Missing):
    code, title = "session-not-found", "There is no such session"


class SessionExpired(Missing):
    code, title = "session-expired", "The session has expired"


class StepNotRetained(Missing):
    code, title = "step-not-retained", "The state at that step is not kept"


class MethodNotAllowed(StepdError):
    code, title = "method-not-allowed", "This path does not take that method"


class NotAcceptable(StepdError):
    code, title = "not-acceptable", "No format that Accept names can be given"


class UnsupportedMediaType(StepdError):
    code, title = "unsupported-media-type", "The body's format is not read here"


class UnsupportedEncoding(StepdError):
    code, title = "unsupported-content-encoding", "Compressed bodies are not read"


class RequestTooLarge(StepdError):
    code, title = "request-too-large", "The request is larger than the service takes"


class Impossible(StepdError):
    """Understood, and impossible."""


class UnknownField(Impossible):
    code, title = "unknown-field", "The body has a field that does not exist"


class MissingField(Impossible):
    code, title = "missing-field", "The body lacks a field"


class InvalidField(Impossible):
    code, title = "invalid-field", "A field has a value that it can't have"


class OptimizerUnknown(Impossible):
    code, title = "unknown-optimizer", "There is no such optimizer"


class HyperParameterUnknown(Impossible):
    code, title = "unknown-hyper-parameter", "The optimizer has no such hyper-parameter"


class HyperParameterInvalid(Impossible):
    code, title = "invalid-hyper-parameter", "A hyper-parameter is out of its range"


class InvalidTensors(Impossible):
    code, title = "invalid-tensors", "Tensors of these names or shapes can't be held"


class NotANumber(Impossible):
    code, title = "not-a-number", "A vector holds something that is not a number"


class ValueNotFinite(Impossible):
    code, title = "value-not-finite", "A value is NaN or infinite"


class ValueOutOfRange(Impossible):
    code, title = "value-out-of-range", "A value is too large for the dtype"


class RaggedArray(Impossible):
    code, title = "ragged-array", "The rows of an array differ in shape"


class ShapeMismatch(Impossible):
    code, title = "shape-mismatch", "A tensor has another shape than the session's"


class DtypeMismatch(Impossible):
    code, title = "dtype-mismatch", "A tensor has another dtype than the session's"


class NamesMismatch(Impossible):
    code, title = "names-mismatch", "The tensors have other names than the session's"


class SessionHasNoShape(Impossible):
    code, title = "session-has-no-shape", "The session has no shape yet"


class StepNotFinite(Impossible):
    code, title = "step-not-finite", "The step's result would not be finite"


class KeyReused(Impossible):
    code, title = "key-reused", "The Idempotency-Key was used for another step"


class CheckpointMismatch(Impossible):
    code, title = "checkpoint-mismatch", "The checkpoint does not fit"


class NotDurable(Impossible):
    code, title = "not-durable", "There is no store for that"


class DigestMismatch(Impossible):
    code, title = "digest-mismatch", "The checkpoint's digest is not that of its values"


class SessionExists(StepdError):
    code, title = "session-exists", "The id is taken by a different session"


class Stale(StepdError):
    """The session is no longer what the request relies on."""


class PreconditionFailed(Stale):
    code, title = "precondition-failed", "The session is not in the state that the request names"


class SessionReplaced(Stale):
    code, title = "session-replaced", "The Idempotency-Key is of an earlier incarnation of the session"


class Unavailable(StepdError):
    """Not now; the same request may pass later."""


class OverBudget(Unavailable):
    code, title = "over-budget", "Too many bytes are in flight"


class NotReady(Unavailable):
    code, title = "not-ready", "The service is starting or stopping"


class OutcomeUnknown(Unavailable):
    code, title = "outcome-unknown", "Whether the change was stored is not known"


class StorageUnavailable(Unavailable):
    code, title = "storage-unavailable", "The store can't be reached"


class CapacityExceeded(StepdError):
    code, title = "capacity-exceeded", "Sessions may take no more memory"


class StorageFull(StepdError):
    code, title = "storage-full", "The store can take no more"


class SessionCorrupt(StepdError):
    code, title = "session-corrupt", "What is stored of the session is damaged"


class InternalError(StepdError):
    code, title = "internal-error", "The service failed"


def all_errors(base: type[StepdError] = StepdError) -> Iterator[type[StepdError]]:
    """Every class that has a code, in the order of the tree above."""
    for child in base.__subclasses__():
        if child.code:
            yield child
        yield from all_errors(child)
