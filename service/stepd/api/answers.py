"""Answers about sessions: the documents, and the headers that they share in every format."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from stepd.engine.contract import DURABILITY, About
from stepd.values import Checkpoint, Values
from stepd.wire.json import MEDIA_TYPE, dumps, dumps_vectors, encoded

PART_BYTES = 256 * 1024


def json_answer(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A document without vectors."""
    return Response(dumps(document), status, {"Vary": "Accept", **(headers or {})}, MEDIA_TYPE)


class VectorResponse(Response):
    """A body that may be large: sent in parts, each when the one before has left, so that slow readers are not buffered
    for beyond what their request has reserved."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's form
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for first in range(0, len(self.body), PART_BYTES):
            part = self.body[first : first + PART_BYTES]
            more = first + PART_BYTES < len(self.body)
            await send({"type": "http.response.body", "body": part, "more_body": more})


def vector_answer(body: bytes, headers: dict[str, str]) -> Response:
    """A document that is encoded already."""
    return VectorResponse(body, 200, headers, MEDIA_TYPE)


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
