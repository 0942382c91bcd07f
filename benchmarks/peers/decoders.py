"""Ways to turn the JSON body of a step into an array, the fastest of which is what can be had, and one way back."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import orjson

from benchmarks.peers.textbook import Vector
from stepd.wire.json import parse

Decoder = Callable[[bytes], Vector]


def decoders() -> dict[str, Decoder]:
    """By name; those whose library is not installed are left out."""
    found: dict[str, Decoder] = {
        "orjson, numpy.array": _by_array,
        "orjson, numpy.fromiter": _by_iterator,
        "stepd's own": _ours,
    }
    if find_spec("msgspec"):
        found["msgspec, numpy.array"] = _msgspec()
    if find_spec("simdjson"):
        found["simdjson as_buffer"] = _simdjson()
    return found


def encode(params: Vector) -> bytes:
    """The answer to a step, by orjson straight from the array."""
    return orjson.dumps({"step": 1, "params": params}, option=orjson.OPT_SERIALIZE_NUMPY)


def _by_array(body: bytes) -> Vector:
    return np.array(orjson.loads(body)["grads"], np.float64)


def _by_iterator(body: bytes) -> Vector:
    grads = orjson.loads(body)["grads"]
    return np.fromiter(grads, np.float64, len(grads))


def _ours(body: bytes) -> Vector:
    return np.asarray(parse(body)["grads"], np.float64)


def _msgspec() -> Decoder:
    import msgspec  # noqa: PLC0415 - need not be there

    class Step(msgspec.Struct):
        grads: list[float]

    decoder = msgspec.json.Decoder(Step)
    return lambda body: np.array(decoder.decode(body).grads, np.float64)


def _simdjson() -> Decoder:
    import simdjson  # noqa: PLC0415 - need not be there

    parser = simdjson.Parser()

    def decode(body: bytes) -> Vector:
        document: Any = parser.parse(body)
        return np.frombuffer(document["grads"].as_buffer(of_type="d"), np.float64)

    return decode
