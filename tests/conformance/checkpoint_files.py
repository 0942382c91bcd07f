"""Files of checkpoints, written and read without any client: JSON as the service has it, and safetensors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from tests.conformance import values

SAFETENSORS = ".safetensors"


def write_file(path: Path, checkpoint: dict[str, Any]) -> None:
    """Writes a checkpoint of a case file; its name says in which format."""
    document = checkpoint_document(checkpoint)
    if path.suffix != SAFETENSORS:
        path.write_text(json.dumps(document), "utf-8")
        return
    metadata = {"optimizer": json.dumps(document["optimizer"]), "step": str(document["step"])}
    if "digest" in document:
        metadata["digest"] = document["digest"]
    tensors: dict[str, Any] = {}
    for role, held in {"params": document["params"], **document["state"]}.items():
        named = {f"{role}/{name}": tensor for name, tensor in held.items()} if isinstance(held, dict) else {role: held}
        tensors |= {name: np.array(tensor, document["dtype"]) for name, tensor in named.items()}
    save_file(tensors, path, metadata)


def read_file(path: Path) -> dict[str, Any]:
    """What is in a file, as a document like that of GET state."""
    if path.suffix != SAFETENSORS:
        document: dict[str, Any] = json.loads(path.read_bytes())
        return document
    with safe_open(path, "numpy") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
    roles: dict[str, Any] = {}
    for full_name, tensor in tensors.items():
        role, slash, name = full_name.partition("/")
        if slash:
            roles.setdefault(role, {})[name] = tensor.tolist()
        else:
            roles[role] = tensor.tolist()
    return {
        "optimizer": json.loads(metadata["optimizer"]),
        "dtype": next(iter(tensors.values())).dtype.name,
        "step": json.loads(metadata["step"]),
        "params": roles.pop("params"),
        "state": roles,
        **({"digest": metadata["digest"]} if "digest" in metadata else {}),
    }


def checkpoint_document(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """A checkpoint of a case file as the service takes it."""
    return {
        **checkpoint,
        "params": values.document(checkpoint["params"]),
        "state": {slot: values.document(held) for slot, held in checkpoint["state"].items()},
    }
