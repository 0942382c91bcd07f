"""Bodies in each format and answers read from each, by NumPy and safetensors' own library: none of our code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx
import numpy as np
import safetensors.numpy

from tests.server import Handle

JSON = "application/json"
RAW = "application/octet-stream"
SAFETENSORS = "application/vnd.safetensors"
FORMATS = (JSON, RAW, SAFETENSORS)

Vectors = Any  # an array, or arrays by name


def body(media_type: str, roles: Mapping[str, Vectors], metadata: dict[str, str] | None = None, **fields: Any) -> bytes:
    """The roles' values as a body. `fields` stand beside them in JSON, `metadata` in safetensors' header."""
    if media_type == RAW:
        (values,) = roles.values()
        return np.array(values, order="C").tobytes()
    if media_type == SAFETENSORS:
        return safetensors.numpy.save(flat(roles), metadata)
    return json.dumps({**{role: listed(values) for role, values in roles.items()}, **fields}).encode()


def flat(roles: Mapping[str, Vectors]) -> dict[str, np.ndarray[Any, Any]]:
    """Arrays by the names that they have in a file of tensors."""
    found: dict[str, np.ndarray[Any, Any]] = {}
    for role, values in roles.items():
        if isinstance(values, Mapping):
            found |= {f"{role}/{name}": np.array(array, order="C") for name, array in values.items()}
        else:
            found[role] = np.array(values, order="C")
    return found


def listed(values: Vectors) -> Any:
    """As JSON has them."""
    if isinstance(values, Mapping):
        return {name: np.asarray(array, np.float64).tolist() for name, array in values.items()}
    return np.asarray(values, np.float64).tolist()


def bits_of(answer: httpx.Response, dtype: str, role: str = "params") -> str:
    """The bytes of the role's values, in hex, tensors in the order of their names."""
    media_type = answer.headers["content-type"]
    if media_type == RAW:
        return answer.content.hex()
    if media_type == SAFETENSORS:
        tensors = safetensors.numpy.load(answer.content)
        mine = [tensors[name] for name in sorted(tensors) if name.partition("/")[0] == role]
        assert {array.dtype.name for array in mine} == {dtype}
        return b"".join(array.tobytes() for array in mine).hex()
    document = answer.json()
    values = document[role] if role == "params" else document["state"][role]
    parts = [values[name] for name in sorted(values)] if isinstance(values, dict) else [values]
    return b"".join(np.array(part, dtype).tobytes() for part in parts).hex()


def metadata_of(answer: httpx.Response) -> dict[str, str]:
    """What a file's header says beside its tensors."""
    length = int.from_bytes(answer.content[:8], "little")
    found: dict[str, str] = json.loads(answer.content[8 : 8 + length])["__metadata__"]
    return found


def send(
    handle: Handle, request: str, content: bytes, media_type: str, accept: str = "*/*", **headers: str
) -> httpx.Response:
    """`request` is the method and what of the path comes behind the session's."""
    method, _, place = request.partition(" ")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {"Content-Type": media_type, "Accept": accept, **named}
    return handle.http.request(method, handle.path + place, content=content, headers=sent)
