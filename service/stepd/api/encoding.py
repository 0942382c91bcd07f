"""From a session's values to the bytes of an answer, in each format; and what that takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepd.api.formats import RAW, SAFETENSORS
from stepd.engine.contract import EncodeCheckpoint, EncodeParams
from stepd.values import Checkpoint, Tensors, Values
from stepd.wire import raw, safetensors
from stepd.wire.json import ENCODE_BYTES_PER_VALUE, dumps, dumps_vectors, encoded
from stepd.wire.json import MEDIA_TYPE as JSON


def _params_json(incarnation: str, step: int, params: Values) -> bytes:  # noqa: ARG001 - JSON has it in ETag alone
    """See models.ParamsDocument."""
    return dumps_vectors({"step": step, "params": encoded(params)})


def _params_raw(incarnation: str, step: int, params: Values) -> bytes:  # noqa: ARG001 - there is no place for them
    return raw.encode(params)


def _params_safetensors(incarnation: str, step: int, params: Values) -> bytes:
    return safetensors.dumps({"params": params}, {"step": str(step), "incarnation": incarnation})


def _state_json(incarnation: str, checkpoint: Checkpoint) -> bytes:  # noqa: ARG001 - as above
    """See models.CheckpointDocument."""
    return dumps_vectors(
        {
            "optimizer": dict(checkpoint.optimizer),
            "dtype": checkpoint.tensors.dtype.name,
            "step": checkpoint.step,
            **_roles_json(checkpoint),
            "digest": checkpoint.digest,
        }
    )


def _state_safetensors(incarnation: str, checkpoint: Checkpoint) -> bytes:
    said = {
        "optimizer": dumps(dict(checkpoint.optimizer)).decode(),
        "step": str(checkpoint.step),
        "incarnation": incarnation,
        "digest": checkpoint.digest,
    }
    return safetensors.dumps(_roles(checkpoint), said)


def _once_json(incarnation: str, checkpoint: Checkpoint) -> bytes:  # noqa: ARG001 - there is none
    """See models.StepOnceDocument."""
    return dumps_vectors(_roles_json(checkpoint))


def _once_safetensors(incarnation: str, checkpoint: Checkpoint) -> bytes:  # noqa: ARG001 - there is none
    return safetensors.dumps(_roles(checkpoint), {})


ENCODE_PARAMS: Mapping[str, EncodeParams[bytes]] = {
    JSON: _params_json,
    RAW: _params_raw,
    SAFETENSORS: _params_safetensors,
}
ENCODE_STATE: Mapping[str, EncodeCheckpoint[bytes]] = {JSON: _state_json, SAFETENSORS: _state_safetensors}
ENCODE_ONCE: Mapping[str, EncodeCheckpoint[bytes]] = {JSON: _once_json, SAFETENSORS: _once_safetensors}


def nothing(incarnation: str, step: int, params: Values) -> bytes:  # noqa: ARG001 - see EncodeParams
    """For an answer without values."""
    return b""


def answer_bytes(media_type: str, tensors: Tensors | None, vectors: int = 1) -> int:
    """What writing so many vectors of these tensors may take, names included."""
    if tensors is None:
        return 0
    per_value = ENCODE_BYTES_PER_VALUE[tensors.dtype] if media_type == JSON else tensors.dtype.itemsize
    return vectors * (tensors.size * per_value + 2 * tensors.described_bytes)


def _roles(checkpoint: Checkpoint) -> dict[str, Values]:
    return {
        "params": Values(checkpoint.tensors, checkpoint.params),
        **{name: Values(checkpoint.tensors, slot) for name, slot in checkpoint.slots.items()},
    }


def _roles_json(checkpoint: Checkpoint) -> dict[str, Any]:
    params, *_ = roles = [encoded(values) for values in _roles(checkpoint).values()]
    return {"params": params, "state": dict(zip(checkpoint.slots, roles[1:], strict=True))}
