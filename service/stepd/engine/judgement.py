"""Judging a request against the session that it finds when its turn has come, before anything is computed."""

from __future__ import annotations

from stepd.engine.contract import Preconditions
from stepd.errors import SessionNotFound, SessionReplaced
from stepd.sessions.session import Session
from stepd.values import KeyRecord, Values


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


def judge_key(session: Session, key: str, content: bytes) -> KeyRecord | None:
    """See `KeyMemory.judge`; a refusal tells the caller where the session is now."""
    try:
        return session.keys.judge(key, content, session.state.incarnation)
    except SessionReplaced as replaced:
        tag, step = session.state.tag, session.state.step
        raise SessionReplaced(replaced.detail, extra={"etag": f'"{tag}"', "step": step}) from None
