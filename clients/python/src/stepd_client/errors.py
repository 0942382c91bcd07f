"""Everything that can go wrong between a program and stepd, one class per problem code. No I/O lives here.

    StepdError
    ├── ConnectionFailed                no answer came
    │   └── RequestTimedOut             no answer came in time
    ├── UnexpectedAnswer                an answer that is not stepd's: a proxy's page, another server
    └── ProblemError                    the service refused, and says why
        ├── RequestRefused              the request is at fault (4xx)
        │   ├── Malformed               not a request that could be understood
        │   │   ├── MalformedJson           malformed-json
        │   │   ├── MalformedSafetensors    malformed-safetensors
        │   │   ├── InvalidHeader           invalid-header
        │   │   ├── InvalidQuery            invalid-query
        │   │   ├── InvalidSessionId        invalid-session-id
        │   │   ├── UnexpectedBody          unexpected-body
        │   │   └── KeyNotSupported         key-not-supported
        │   ├── CrossOrigin                 cross-origin
        │   ├── Missing                 there is nothing at that address
        │   │   ├── PageNotFound            not-found
        │   │   ├── SessionNotFound         session-not-found
        │   │   ├── SessionExpired          session-expired
        │   │   └── StepNotRetained         step-not-retained
        │   ├── MethodNotAllowed            method-not-allowed
        │   ├── NotAcceptable               not-acceptable
        │   ├── UnsupportedMediaType        unsupported-media-type
        │   ├── UnsupportedEncoding         unsupported-content-encoding
        │   ├── RequestTooLarge             request-too-large
        │   ├── Impossible              understood, and impossible
        │   │   ├── UnknownField            unknown-field
        │   │   ├── MissingField            missing-field
        │   │   ├── InvalidField            invalid-field
        │   │   ├── OptimizerUnknown        unknown-optimizer
        │   │   ├── HyperParameterUnknown   unknown-hyper-parameter
        │   │   ├── HyperParameterInvalid   invalid-hyper-parameter
        │   │   ├── InvalidTensors          invalid-tensors
        │   │   ├── NotANumber              not-a-number
        │   │   ├── ValueNotFinite          value-not-finite
        │   │   ├── ValueOutOfRange         value-out-of-range
        │   │   ├── RaggedArray             ragged-array
        │   │   ├── ShapeMismatch           shape-mismatch
        │   │   ├── DtypeMismatch           dtype-mismatch
        │   │   ├── NamesMismatch           names-mismatch
        │   │   ├── SessionHasNoShape       session-has-no-shape
        │   │   ├── StepNotFinite           step-not-finite
        │   │   ├── KeyReused               key-reused
        │   │   ├── CheckpointMismatch      checkpoint-mismatch
        │   │   ├── NotDurable              not-durable
        │   │   └── DigestMismatch          digest-mismatch
        │   ├── SessionExists               session-exists
        │   └── Stale                   the session is no longer what the request relies on
        │       ├── PreconditionFailed      precondition-failed
        │       └── SessionReplaced         session-replaced
        └── ServiceFailed               the service is at fault, or busy (5xx)
            ├── Unavailable             not now; the same request may pass later
            │   ├── OverBudget              over-budget
            │   ├── NotReady                not-ready
            │   ├── OutcomeUnknown          outcome-unknown
            │   └── StorageUnavailable      storage-unavailable
            ├── CapacityExceeded            capacity-exceeded
            ├── StorageFull                 storage-full
            ├── SessionCorrupt              session-corrupt
            └── InternalError               internal-error

A code that this version does not know becomes the nearest class without a code (error_class.py). Values that can't be
sent (NaN, text, a ragged list) are ValueError and TypeError, raised before anything is sent.
"""

from __future__ import annotations

from typing import ClassVar

from stepd_client.problem import Problem


class StepdError(Exception):
    """The base of everything that the client raises about an exchange with the service.

    `maybe_applied` is true where the request may have been carried out although this error says otherwise: it was sent,
    an answer to that sending never came, and nothing since tells. For a request that changes nothing it means nothing.
    """

    maybe_applied: bool = False


class ConnectionFailed(StepdError):
    """No answer came, in as many attempts as the retry policy allows: refused, reset, or broken off."""


class RequestTimedOut(ConnectionFailed):
    """No answer came in time, in as many attempts as the retry policy allows."""


class UnexpectedAnswer(StepdError):
    """An answer that is not stepd's, such as a proxy's error page or another server's reply.

    `status` is its HTTP status, `content_type` its media type, `reason` what is wrong with it, `excerpt` how it begins.
    """

    def __init__(self, status: int, content_type: str, reason: str, excerpt: str = "") -> None:
        super().__init__(status, content_type, reason, excerpt)
        self.status = status
        self.content_type = content_type
        self.reason = reason
        self.excerpt = excerpt

    def __str__(self) -> str:
        begins = f"; it begins {self.excerpt!r}" if self.excerpt else ""
        return f"{self.reason} (status {self.status}, {self.content_type or 'no content type'}){begins}"


class ProblemError(StepdError):
    """The service refused. After any of these, unless `maybe_applied`, nothing has changed.

    `code` is the stable name of the reason, `detail` says it with the numbers, `errors` are places in the body,
    `request_id` finds the request in the service's log, `status` is the HTTP status. `etag` and `step` are the
    session's current ones where the service gives them; `retry_after_s` is how long it asks to wait.
    """

    known_code: ClassVar[str] = ""

    def __init_subclass__(cls, code: str = "") -> None:
        super().__init_subclass__()
        cls.known_code = code

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.code = problem.code
        self.status = problem.status
        self.title = problem.title
        self.detail = problem.detail
        self.request_id = problem.request_id
        self.errors = problem.errors
        self.etag = problem.etag
        self.step = problem.step
        self.retry_after_s = problem.retry_after_s

    def __str__(self) -> str:
        request = f", request {self.request_id}" if self.request_id else ""
        return f"{self.detail or self.title} ({self.code or 'no code'}, status {self.status}{request})"


class RequestRefused(ProblemError):
    """The request is at fault: sent again unchanged, it is refused again."""


class Malformed(RequestRefused):
    """Not a request that could be understood."""


class MalformedJson(Malformed, code="malformed-json"):
    """The body is not JSON."""


class MalformedSafetensors(Malformed, code="malformed-safetensors"):
    """The body is not safetensors."""


class InvalidHeader(Malformed, code="invalid-header"):
    """A header is malformed."""


class InvalidQuery(Malformed, code="invalid-query"):
    """The query is malformed."""


class InvalidSessionId(Malformed, code="invalid-session-id"):
    """Not a session id."""


class UnexpectedBody(Malformed, code="unexpected-body"):
    """The request takes no body."""


class KeyNotSupported(Malformed, code="key-not-supported"):
    """Idempotency-Key is for steps only."""


class CrossOrigin(RequestRefused, code="cross-origin"):
    """The request came through a browser, for a page of another origin; programs of their own never see it."""


class Missing(RequestRefused):
    """There is nothing at that address."""


class PageNotFound(Missing, code="not-found"):
    """There is nothing at this path: is the base URL right?"""


class SessionNotFound(Missing, code="session-not-found"):
    """There is no such session."""


class SessionExpired(Missing, code="session-expired"):
    """The session's `ttl_s` has passed since its last successful request; it is gone."""


class StepNotRetained(Missing, code="step-not-retained"):
    """The session's state at that step is not kept, or never was: its history says which are."""


class MethodNotAllowed(RequestRefused, code="method-not-allowed"):
    """This path does not take that method."""


class NotAcceptable(RequestRefused, code="not-acceptable"):
    """No format that Accept names can be given."""


class UnsupportedMediaType(RequestRefused, code="unsupported-media-type"):
    """The body's format is not read there."""


class UnsupportedEncoding(RequestRefused, code="unsupported-content-encoding"):
    """Compressed bodies are not read."""


class RequestTooLarge(RequestRefused, code="request-too-large"):
    """The request is larger than the service takes; `client.info()` tells the limits."""


class Impossible(RequestRefused):
    """Understood, and impossible."""


class UnknownField(Impossible, code="unknown-field"):
    """The body has a field that does not exist."""


class MissingField(Impossible, code="missing-field"):
    """The body lacks a field."""


class InvalidField(Impossible, code="invalid-field"):
    """A field has a value that it can't have."""


class OptimizerUnknown(Impossible, code="unknown-optimizer"):
    """There is no such optimizer; `client.optimizers()` lists them."""


class HyperParameterUnknown(Impossible, code="unknown-hyper-parameter"):
    """The optimizer has no such hyper-parameter; `detail` names the nearest."""


class HyperParameterInvalid(Impossible, code="invalid-hyper-parameter"):
    """A hyper-parameter is out of its range, after rounding to the session's dtype."""


class InvalidTensors(Impossible, code="invalid-tensors"):
    """Tensors of these names or shapes can't be held."""


class NotANumber(Impossible, code="not-a-number"):
    """A vector holds something that is not a number."""


class ValueNotFinite(Impossible, code="value-not-finite"):
    """A value is NaN or infinite."""


class ValueOutOfRange(Impossible, code="value-out-of-range"):
    """A value is too large for the dtype."""


class RaggedArray(Impossible, code="ragged-array"):
    """The rows of an array differ in shape."""


class ShapeMismatch(Impossible, code="shape-mismatch"):
    """A tensor has another shape than the session's."""


class DtypeMismatch(Impossible, code="dtype-mismatch"):
    """A tensor has another dtype than the session's."""


class NamesMismatch(Impossible, code="names-mismatch"):
    """The tensors have other names than the session's."""


class SessionHasNoShape(Impossible, code="session-has-no-shape"):
    """The session has no shape yet: give params with the first step, or put them."""


class StepNotFinite(Impossible, code="step-not-finite"):
    """The step's result would not be finite; `detail` names tensor and index. The session stays as it was."""


class KeyReused(Impossible, code="key-reused"):
    """The Idempotency-Key was used for another step. The client makes a key per step, so this is another's doing."""


class CheckpointMismatch(Impossible, code="checkpoint-mismatch"):
    """The checkpoint has another optimizer or dtype than the session, or lacks a slot."""


class NotDurable(Impossible, code="not-durable"):
    """The service has no store, or keeps less of the session than that takes: see `durability`."""


class DigestMismatch(Impossible, code="digest-mismatch"):
    """The checkpoint's digest is not that of its values: it was damaged, or changed without taking the digest away."""


class SessionExists(RequestRefused, code="session-exists"):
    """The id is taken by a different session; `fields` names what differs."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.fields = problem.fields


class Stale(RequestRefused):
    """The session is no longer what the request relies on; `etag` and `step` tell what it is now.

    `resent` is true where this answers a second or later sending of the request, and an earlier one may have been
    applied, its answer lost: the change seen may be one's own. Look before repeating: `fetch_params()` shows what the
    session holds now, and puts the session object in step with it.
    """

    @property
    def resent(self) -> bool:
        """Whether an earlier sending of the same request may have been applied."""
        return self.maybe_applied


class PreconditionFailed(Stale, code="precondition-failed"):
    """The session was changed since this object last heard of it: by another client, or by a sending of this request.

    Nothing was changed by the sending that was answered. `session.fetch_params()` puts the session object in step with
    the service; then compute from what it gives. If `resent` is true, the request may already have been applied by an
    earlier sending whose answer was lost: look at the params before repeating it.
    """


class SessionReplaced(Stale, code="session-replaced"):
    """The step's Idempotency-Key is of an earlier incarnation: the session was reset, restored or replaced since."""


class ServiceFailed(ProblemError):
    """The service is at fault, or busy."""


class Unavailable(ServiceFailed):
    """Not now; the same request may pass later. The client has already tried as often as its retry policy allows."""


class OverBudget(Unavailable, code="over-budget"):
    """Too many bytes are in flight."""


class NotReady(Unavailable, code="not-ready"):
    """The service is starting or stopping."""


class OutcomeUnknown(Unavailable, code="outcome-unknown"):
    """Whether the change was stored is not known: send it again, with the same key or tag, to find out."""


class StorageUnavailable(Unavailable, code="storage-unavailable"):
    """The service can't reach its store; nothing has changed."""


class CapacityExceeded(ServiceFailed, code="capacity-exceeded"):
    """Sessions may take no more memory: delete some, or ask for smaller ones."""


class StorageFull(ServiceFailed, code="storage-full"):
    """The service's store can take no more, or can only be read; nothing has changed."""


class SessionCorrupt(ServiceFailed, code="session-corrupt"):
    """What is stored of the session is damaged; the service does not load it."""


class InternalError(ServiceFailed, code="internal-error"):
    """The service failed; its log says why, under `request_id`. Whether it failed before or after, nobody knows."""
