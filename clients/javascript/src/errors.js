/**
 * Everything that can go wrong between a program and stepd, one class per problem code. No I/O lives here.
 *
 *     StepdError
 *     ├── ConnectionFailed                no answer came
 *     │   └── RequestTimedOut             no answer came in time
 *     ├── UnexpectedAnswer                an answer that is not stepd's: a proxy's page, another server
 *     └── ProblemError                    the service refused, and says why
 *         ├── RequestRefused              the request is at fault (4xx)
 *         │   ├── Malformed               not a request that could be understood
 *         │   │   ├── MalformedJson           malformed-json
 *         │   │   ├── MalformedSafetensors    malformed-safetensors
 *         │   │   ├── InvalidHeader           invalid-header
 *         │   │   ├── InvalidQuery            invalid-query
 *         │   │   ├── InvalidSessionId        invalid-session-id
 *         │   │   ├── UnexpectedBody          unexpected-body
 *         │   │   └── KeyNotSupported         key-not-supported
 *         │   ├── CrossOrigin                 cross-origin
 *         │   ├── Missing                 there is nothing at that address
 *         │   │   ├── PageNotFound            not-found
 *         │   │   ├── SessionNotFound         session-not-found
 *         │   │   ├── SessionExpired          session-expired
 *         │   │   └── StepNotRetained         step-not-retained
 *         │   ├── MethodNotAllowed            method-not-allowed
 *         │   ├── NotAcceptable               not-acceptable
 *         │   ├── UnsupportedMediaType        unsupported-media-type
 *         │   ├── UnsupportedEncoding         unsupported-content-encoding
 *         │   ├── RequestTooLarge             request-too-large
 *         │   ├── Impossible              understood, and impossible
 *         │   │   ├── UnknownField            unknown-field
 *         │   │   ├── MissingField            missing-field
 *         │   │   ├── InvalidField            invalid-field
 *         │   │   ├── OptimizerUnknown        unknown-optimizer
 *         │   │   ├── HyperParameterUnknown   unknown-hyper-parameter
 *         │   │   ├── HyperParameterInvalid   invalid-hyper-parameter
 *         │   │   ├── InvalidTensors          invalid-tensors
 *         │   │   ├── NotANumber              not-a-number
 *         │   │   ├── ValueNotFinite          value-not-finite
 *         │   │   ├── ValueOutOfRange         value-out-of-range
 *         │   │   ├── RaggedArray             ragged-array
 *         │   │   ├── ShapeMismatch           shape-mismatch
 *         │   │   ├── DtypeMismatch           dtype-mismatch
 *         │   │   ├── NamesMismatch           names-mismatch
 *         │   │   ├── SessionHasNoShape       session-has-no-shape
 *         │   │   ├── StepNotFinite           step-not-finite
 *         │   │   ├── KeyReused               key-reused
 *         │   │   ├── CheckpointMismatch      checkpoint-mismatch
 *         │   │   ├── NotDurable              not-durable
 *         │   │   └── DigestMismatch          digest-mismatch
 *         │   ├── SessionExists               session-exists
 *         │   └── Stale                   the session is no longer what the request relies on
 *         │       ├── PreconditionFailed      precondition-failed
 *         │       └── SessionReplaced         session-replaced
 *         └── ServiceFailed               the service is at fault, or busy (5xx)
 *             ├── Unavailable             not now; the same request may pass later
 *             │   ├── OverBudget              over-budget
 *             │   ├── NotReady                not-ready
 *             │   ├── OutcomeUnknown          outcome-unknown
 *             │   └── StorageUnavailable      storage-unavailable
 *             ├── CapacityExceeded            capacity-exceeded
 *             ├── StorageFull                 storage-full
 *             ├── SessionCorrupt              session-corrupt
 *             └── InternalError               internal-error
 *
 * A code that this version does not know becomes the nearest class without a code: see error-class.js. Values that can't
 * be sent (NaN, text, ragged arrays) are TypeError and RangeError, raised before anything is sent.
 */

import { ProblemError } from "./error-bases.js";

export * from "./error-bases.js";

/** @import {Problem} from "./problem.js" */

/** The request is at fault: sent again unchanged, it is refused again. */
export class RequestRefused extends ProblemError {}

/** Not a request that could be understood. */
export class Malformed extends RequestRefused {}

/** The body is not JSON. */
export class MalformedJson extends Malformed {
  static code = "malformed-json";
}

/** The body is not safetensors. */
export class MalformedSafetensors extends Malformed {
  static code = "malformed-safetensors";
}

/** A header is malformed. */
export class InvalidHeader extends Malformed {
  static code = "invalid-header";
}

/** The query is malformed. */
export class InvalidQuery extends Malformed {
  static code = "invalid-query";
}

/** Not a session id. */
export class InvalidSessionId extends Malformed {
  static code = "invalid-session-id";
}

/** The request takes no body. */
export class UnexpectedBody extends Malformed {
  static code = "unexpected-body";
}

/** Idempotency-Key is for steps only. */
export class KeyNotSupported extends Malformed {
  static code = "key-not-supported";
}

/** The request came through a browser, for a page of another origin; programs of their own never see it. */
export class CrossOrigin extends RequestRefused {
  static code = "cross-origin";
}

/** There is nothing at that address. */
export class Missing extends RequestRefused {}

/** There is nothing at this path: is the base URL right? */
export class PageNotFound extends Missing {
  static code = "not-found";
}

/** There is no such session. */
export class SessionNotFound extends Missing {
  static code = "session-not-found";
}

/** The session's `ttlS` has passed since its last successful request; it is gone. */
export class SessionExpired extends Missing {
  static code = "session-expired";
}

/** The session's state at that step is not kept, or never was: its history says which are. */
export class StepNotRetained extends Missing {
  static code = "step-not-retained";
}

/** This path does not take that method. */
export class MethodNotAllowed extends RequestRefused {
  static code = "method-not-allowed";
}

/** No format that Accept names can be given. */
export class NotAcceptable extends RequestRefused {
  static code = "not-acceptable";
}

/** The body's format is not read there. */
export class UnsupportedMediaType extends RequestRefused {
  static code = "unsupported-media-type";
}

/** Compressed bodies are not read. */
export class UnsupportedEncoding extends RequestRefused {
  static code = "unsupported-content-encoding";
}

/** The request is larger than the service takes; `client.info()` tells the limits. */
export class RequestTooLarge extends RequestRefused {
  static code = "request-too-large";
}

/** Understood, and impossible. */
export class Impossible extends RequestRefused {}

/** The body has a field that does not exist. */
export class UnknownField extends Impossible {
  static code = "unknown-field";
}

/** The body lacks a field. */
export class MissingField extends Impossible {
  static code = "missing-field";
}

/** A field has a value that it can't have. */
export class InvalidField extends Impossible {
  static code = "invalid-field";
}

/** There is no such optimizer; `client.optimizers()` lists them. */
export class OptimizerUnknown extends Impossible {
  static code = "unknown-optimizer";
}

/** The optimizer has no such hyper-parameter; `detail` names the nearest. */
export class HyperParameterUnknown extends Impossible {
  static code = "unknown-hyper-parameter";
}

/** A hyper-parameter is out of its range, after rounding to the session's dtype. */
export class HyperParameterInvalid extends Impossible {
  static code = "invalid-hyper-parameter";
}

/** Tensors of these names or shapes can't be held. */
export class InvalidTensors extends Impossible {
  static code = "invalid-tensors";
}

/** A vector holds something that is not a number. */
export class NotANumber extends Impossible {
  static code = "not-a-number";
}

/** A value is NaN or infinite. */
export class ValueNotFinite extends Impossible {
  static code = "value-not-finite";
}

/** A value is too large for the dtype. */
export class ValueOutOfRange extends Impossible {
  static code = "value-out-of-range";
}

/** The rows of an array differ in shape. */
export class RaggedArray extends Impossible {
  static code = "ragged-array";
}

/** A tensor has another shape than the session's. */
export class ShapeMismatch extends Impossible {
  static code = "shape-mismatch";
}

/** A tensor has another dtype than the session's. */
export class DtypeMismatch extends Impossible {
  static code = "dtype-mismatch";
}

/** The tensors have other names than the session's. */
export class NamesMismatch extends Impossible {
  static code = "names-mismatch";
}

/** The session has no shape yet: give params with the first step, or put them. */
export class SessionHasNoShape extends Impossible {
  static code = "session-has-no-shape";
}

/** The step's result would not be finite; `detail` names tensor and index. The session stays as it was. */
export class StepNotFinite extends Impossible {
  static code = "step-not-finite";
}

/** The Idempotency-Key was used for another step. The client makes a key per step, so this is another's doing. */
export class KeyReused extends Impossible {
  static code = "key-reused";
}

/** The checkpoint has another optimizer or dtype than the session, or lacks a slot. */
export class CheckpointMismatch extends Impossible {
  static code = "checkpoint-mismatch";
}

/** The service has no store, or keeps less of the session than that takes: see `durability`. */
export class NotDurable extends Impossible {
  static code = "not-durable";
}

/** The checkpoint's digest is not that of its values: it was damaged, or changed without taking the digest away. */
export class DigestMismatch extends Impossible {
  static code = "digest-mismatch";
}

/** The id is taken by a different session; `fields` names what differs. */
export class SessionExists extends RequestRefused {
  static code = "session-exists";

  /** @param {Problem} problem */
  constructor(problem) {
    super(problem);
    this.fields = problem.fields;
  }
}

/**
 * The session is no longer what the request relies on; `etag` and `step` tell what it is now.
 *
 * `resent` is true where this answers a second or later sending of the request, and an earlier one may have been
 * applied, its answer lost: the change seen may be one's own. Look before repeating: `fetchParams()` shows what the
 * session holds now, and puts the session object in step with it.
 */
export class Stale extends RequestRefused {
  get resent() {
    return this.maybeApplied;
  }
}

/**
 * The session was changed since this object last heard of it: by another client, or by a sending of this request.
 *
 * Nothing was changed by the sending that was answered. `session.fetchParams()` puts the session object in step with
 * the service; then compute from what it gives. If `resent` is true, the request may already have been applied by an
 * earlier sending whose answer was lost: look at the params before repeating it.
 */
export class PreconditionFailed extends Stale {
  static code = "precondition-failed";
}

/** The step's Idempotency-Key is of an earlier incarnation: the session was reset, restored or replaced since. */
export class SessionReplaced extends Stale {
  static code = "session-replaced";
}

/** The service is at fault, or busy. */
export class ServiceFailed extends ProblemError {}

/** Not now; the same request may pass later. The client has already tried as often as its retry policy allows. */
export class Unavailable extends ServiceFailed {}

/** Too many bytes are in flight. */
export class OverBudget extends Unavailable {
  static code = "over-budget";
}

/** The service is starting or stopping. */
export class NotReady extends Unavailable {
  static code = "not-ready";
}

/** Whether the change was stored is not known: send it again, with the same key or tag, to find out. */
export class OutcomeUnknown extends Unavailable {
  static code = "outcome-unknown";
}

/** The service can't reach its store; nothing has changed. */
export class StorageUnavailable extends Unavailable {
  static code = "storage-unavailable";
}

/** Sessions may take no more memory: delete some, or ask for smaller ones. */
export class CapacityExceeded extends ServiceFailed {
  static code = "capacity-exceeded";
}

/** The service's store can take no more, or can only be read; nothing has changed. */
export class StorageFull extends ServiceFailed {
  static code = "storage-full";
}

/** What is stored of the session is damaged; the service does not load it. */
export class SessionCorrupt extends ServiceFailed {
  static code = "session-corrupt";
}

/** The service failed; its log says why, under `requestId`. Whether it failed before or after, nobody knows. */
export class InternalError extends ServiceFailed {
  static code = "internal-error";
}
