"""Judging a request against the session that it finds when its turn has come, before anything is computed."""

from __future__ import annotations

from stepd.engine.contract import ANY_STATE, Preconditions, StepRequest
from stepd.errors import SessionNotFound, SessionReplaced
from stepd.sessions.session import Session
from stepd.values import KeyRecord, Values, fingerprint


def check_preconditions(preconditions: Preconditions, session: Session | None) -> None:
    """Raises PreconditionFailed, see `Preconditions.check`."""
    if session is None:
        preconditions.check(None)
    else:
        preconditions.check(session.state.tag, session.state.step)


def require_dtype(session: Session, values: Values) -> None:
    """Raises SessionNotFound where values were decoded for another session, which had this id until it was deleted."""
    if values.tensors.dtype != session.dtype:
        raise SessionNotFound(
            f"session {session.key.id!r} was deleted while this request was read; the one that is there now holds "
            f"{session.dtype.name}"
        )


def content_of(request: StepRequest) -> bytes:
    """What tells a repeated step from another one under the same key; nothing where there is no key."""
    return b"" if request.idempotency_key is None else fingerprint(request.grads, request.params, request.lr)


def judge_step(session: Session, request: StepRequest, content: bytes) -> KeyRecord | None:
    """The record of the step that this request repeats; None where it is to be taken.

    Raises KeyReused, SessionReplaced, PreconditionFailed; see also `require_dtype`.
    """
    require_dtype(session, request.grads)
    record = None
    if request.idempotency_key is not None:
        record = _judge_key(session, request.idempotency_key, content)
    if record is None and request.preconditions is not ANY_STATE:
        check_preconditions(request.preconditions, session)
    return record


def _judge_key(session: Session, key: str, content: bytes) -> KeyRecord | None:
    """See `KeyMemory.judge`; a refusal tells the caller where the session is now."""
    try:
        return session.keys.judge(key, content, session.state.incarnation)
    except SessionReplaced as replaced:
        tag, step = session.state.tag, session.state.step
        raise SessionReplaced(replaced.detail, extra={"etag": f'"{tag}"', "step": step}) from None
