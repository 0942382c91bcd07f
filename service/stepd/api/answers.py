"""Answers about sessions: the documents, and the headers that they share in every format."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from stepd.engine.contract import DURABILITY, About
from stepd.values import Checkpoint, Values
from stepd.wire.json import MEDIA_TYPE, dumps, dumps_vectors, encoded


def json_answer(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A document without vectors."""
    return Response(dumps(document), status, {"Vary": "Accept", **(headers or {})}, MEDIA_TYPE)


def vector_answer(body: bytes, headers: dict[str, str]) -> Response:
    """A document that is encoded already."""
    return Response(body, 200, headers, MEDIA_TYPE)


def about_answer(about: About, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """What a session is, with its entity tag."""
    return json_answer(session_document(about), status, {"ETag": f'"{about.tag}"', **(headers or {})})


def session_headers(tag: str) -> dict[str, str]:
    """What every answer with a session's values carries."""
    return {"ETag": f'"{tag}"', "Vary": "Accept"}


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
        "durability": DURABILITY,
    }


def encode_params(step: int, params: Values) -> bytes:
    """See models.ParamsDocument."""
    return dumps_vectors({"step": step, "params": encoded(params)})


def encode_checkpoint(checkpoint: Checkpoint) -> bytes:
    """See models.CheckpointDocument."""
    return dumps_vectors(
        {
            "optimizer": dict(checkpoint.optimizer),
            "dtype": checkpoint.tensors.dtype.name,
            "step": checkpoint.step,
            "params": encoded(Values(checkpoint.tensors, checkpoint.params)),
            "state": _state(checkpoint),
            "digest": checkpoint.digest,
        }
    )


def encode_once(checkpoint: Checkpoint) -> bytes:
    """See models.StepOnceDocument."""
    params = encoded(Values(checkpoint.tensors, checkpoint.params))
    return dumps_vectors({"params": params, "state": _state(checkpoint)})


def _state(checkpoint: Checkpoint) -> dict[str, Any]:
    return {name: encoded(Values(checkpoint.tensors, slot)) for name, slot in checkpoint.slots.items()}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
