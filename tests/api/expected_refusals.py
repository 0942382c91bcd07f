"""The one table of refusals that a request may meet although the OpenAPI document allows it, each with the reason.

A schema sees one request. It does not see which sessions there are, what state they are in, or how two places of a
request go together. What stands here is named by operation and code: any other refusal of an allowed request is an
error in the document or in the service.
"""

from __future__ import annotations

from stepd import errors
from stepd.api.problems import STATUS
from stepd.errors import StepdError

CREATING = ("create_session", "create_session_under_id")
WITH_PRECONDITION = ("create_session_under_id", "step", "put_params", "put_state", "reset", "delete_session")
WITH_VECTORS = (*CREATING, "step", "put_params", "put_state", "step_once")
FITTED = ("step", "put_params", "put_state", "step_once")
WITH_OPTIMIZER = (*CREATING, "put_state", "step_once")
OF_PAST = ("get_state", "steps", "fork")
KEPT = (*CREATING, "put_state", "snapshot", *OF_PAST)
OF_SESSION = (
    "get_session", "get_params", "step", "put_params", "reset", "delete_session", "snapshot", *OF_PAST,
)  # fmt: skip

TABLE: tuple[tuple[type[StepdError], tuple[str, ...], str], ...] = (
    (errors.SessionNotFound, OF_SESSION, "the id is made up, or its session has been deleted"),
    (errors.SessionExpired, OF_SESSION, "the session was created with a ttl_s that has passed"),
    (errors.PreconditionFailed, WITH_PRECONDITION, "the entity tag is made up, or the session has gone on since"),
    (errors.SessionExists, ("create_session_under_id", "fork"), "the id has a session already"),
    (errors.SessionHasNoShape, ("get_params", "get_state", "step", "put_params", "fork"), "it has no shape yet"),
    (errors.NotDurable, KEPT, "the service has no store, or the session is kept in memory alone"),
    (errors.NamesMismatch, FITTED, "tensors must have the session's names, and grads those of params"),
    (errors.ShapeMismatch, FITTED, "tensors must have the session's shapes, and grads those of params"),
    (errors.CheckpointMismatch, ("put_state", "step_once"), "state must have the optimizer's slots"),
    (errors.CheckpointMismatch, ("fork",), "a fork's optimizer is the session's"),
    (errors.HyperParameterUnknown, ("fork",), "hyper-parameters are those of the session's rule"),
    (errors.DigestMismatch, ("put_state",), "the digest must be that of the values"),
    (errors.KeyReused, ("step",), "the key has been used for another step of the session"),
    (errors.SessionReplaced, ("step",), "the key has been used in an earlier incarnation of the session"),
    (errors.RaggedArray, WITH_VECTORS, "a schema can't say that all rows of an array have one length"),
    (errors.InvalidTensors, WITH_VECTORS, "the pattern of tensor names lets rare unprintable characters pass"),
    (errors.ValueOutOfRange, WITH_VECTORS, "the value is within float64, the session is of float32"),
    (errors.HyperParameterInvalid, (*WITH_OPTIMIZER, "step", "fork"), "ranges hold after rounding"),
    (errors.StepNotFinite, ("step", "step_once"), "the arithmetic overflows with values that are each allowed"),
    (errors.InvalidField, (*CREATING, "put_state", "fork"), "1.0 is an integer for JSON Schema, and not here"),
    (errors.InvalidQuery, ("get_params",), "timeout_s goes with wait_for_step only"),
    (errors.InvalidQuery, ("steps",), "the page token is made up"),
    (errors.InvalidQuery, ("list_sessions",), "the page token is made up, or one label is asked for with two values"),
    (errors.MalformedSafetensors, WITH_VECTORS, "no schema says what is in a binary body"),
    (errors.DtypeMismatch, ("step", "put_params"), "no schema says of which dtype a binary body is"),
    (errors.ValueNotFinite, ("step", "put_params"), "no schema says which bytes are finite numbers"),
    (errors.UnsupportedMediaType, ("step", "put_params"), "octet-stream holds one tensor, the session has several"),
    (errors.CapacityExceeded, (*CREATING, "put_params", "put_state", "step", "fork"), "it takes too much memory"),
)  # fmt: skip


def codes(operation_id: str) -> set[str]:
    """The codes that an allowed request of this operation may meet."""
    return {error.code for error, operations, _ in TABLE if operation_id in operations}


def statuses(operation_id: str) -> set[int]:
    """The statuses of these codes."""
    return {STATUS[error] for error, operations, _ in TABLE if operation_id in operations}
