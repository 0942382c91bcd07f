"""Answers about sessions: the documents, and the headers that they share in every format."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from stepd.engine.contract import About, History
from stepd.wire.json import MEDIA_TYPE, dumps

HeaderLines = Sequence[tuple[bytes, bytes]]
VARY = (b"vary", b"Accept")


class Answer(NamedTuple):
    """What is sent back, but for what every answer has in common. Header names in lower case.

    `body` is None where there is none, not even an empty one.
    """

    status: int
    headers: HeaderLines
    body: bytes | None = None
    media_type: str = MEDIA_TYPE


def json_answer(document: Any, status: int = 200, headers: HeaderLines = ()) -> Answer:
    """A document without vectors."""
    return Answer(status, (VARY, *headers), dumps(document))


def about_answer(about: About, status: int = 200, headers: HeaderLines = ()) -> Answer:
    """What a session is, with its entity tag."""
    return json_answer(session_document(about), status, (etag(about.tag), *headers))


def session_headers(tag: str) -> list[tuple[bytes, bytes]]:
    """What every answer with a session's values carries."""
    return [etag(tag), VARY]


def etag(tag: str) -> tuple[bytes, bytes]:
    """The entity tag of a session's state."""
    return b"etag", b'"%b"' % tag.encode()


def session_document(about: About) -> dict[str, Any]:
    """See models.SessionDocument."""
    return {
        "id": about.key.id,
        "optimizer": about.optimizer.resolved(),
        "dtype": about.dtype.name,
        "shape": None if about.tensors is None else about.tensors.shape_document(),
        "size": None if about.tensors is None else about.tensors.size,
        "step": about.step,
        "incarnation": about.incarnation,
        "bytes": about.nbytes,
        "created_at": _time(about.created_at),
        "updated_at": _time(about.updated_at),
        "ttl_s": about.ttl_s,
        "expires_at": None if about.expires_at is None else _time(about.expires_at),
        "labels": dict(about.labels),
        "durability": about.durability,
        "restored_from": about.lineage.restored_from,
        "forked_from": about.lineage.forked_from,
        "steps_since_restore": about.step - about.lineage.born_step,
    }


def history_document(history: History) -> dict[str, Any]:
    """See models.HistoryDocument."""
    return {
        "incarnation": history.incarnation,
        "steps": [
            {
                "step": step.step,
                "time": _time(step.time),
                "grad_norm": step.grad_norm,
                "update_norm": step.update_norm,
                "lr": step.lr,
                "worker": step.worker,
                "key": step.key,
            }
            for step in history.steps
        ],
        "next_page_token": None if history.following is None else str(history.following),
        "incarnations": [
            {
                "incarnation": life.incarnation,
                "first_step": life.first_step,
                "last_step": life.last_step,
                "began_at": _time(life.began_at),
            }
            for life in history.lives
        ],
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
