"""Binary bodies: what a request must have carried (`sends`), and answers that a case puts in a service's place.

Bodies of safetensors are read with the format's own library and written by hand, never by a client's code. What the
members of a case mean is in docs/writing-a-client.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import safetensors

from tests.conformance import values
from tests.conformance.proxy import Exchange

_CODES = {"F64": "float64", "F32": "float32"}
_JSON_METADATA = frozenset({"optimizer", "labels", "step", "ttl_s"})


def not_as_sent(expected: Sequence[dict[str, Any]], seen: Sequence[Exchange]) -> Iterator[str]:
    """What is wrong with the requests of one command, for each of which `expected` has an entry."""
    if len(expected) != len(seen):
        yield f"should have sent {len(expected)} requests, sent {[exchange.line for exchange in seen]}"
        return
    for entry, exchange in zip(expected, seen, strict=True):
        yield from (f"{exchange.line}: {complaint}" for complaint in _of_one(entry, exchange))


def _of_one(entry: dict[str, Any], exchange: Exchange) -> Iterator[str]:
    sent = _media_type(exchange.content_type)
    if "content_type" in entry and sent != entry["content_type"]:
        yield f"should have Content-Type {entry['content_type']}, has {sent!r}"
        return
    if "body" in entry and exchange.body != (body := values.little_endian(entry["body"])):
        yield f"should have the body {body.hex()}, has {exchange.body[:80].hex()} ({len(exchange.body)} bytes)"
    if "tensors" in entry:
        yield from _tensors(entry["tensors"], entry.get("metadata", {}), exchange.body)
    if "answer_types" in entry and exchange.given is not None:
        given = _media_type(exchange.given.headers.get("content-type", ""))
        if given not in entry["answer_types"]:
            yield f"should have asked for an answer in {' or '.join(entry['answer_types'])}, it came in {given!r}"


def _media_type(header: str) -> str:
    return header.partition(";")[0].strip().lower()


def _tensors(expected: dict[str, Any], metadata: dict[str, Any], body: bytes) -> Iterator[str]:
    """By name: order, offsets and spaces of the header are the client's own affair."""
    try:
        found = dict(safetensors.deserialize(body))  # type: ignore[no-untyped-call] # its stub has no types
    except safetensors.SafetensorError as error:
        yield f"is not safetensors ({error}); it begins with {body[:40].hex()}"
        return
    if set(found) != set(expected):
        yield f"should have the tensors {sorted(expected)}, has {sorted(found)}"
        return
    for name, written in expected.items():
        tensor = found[name]
        want = values.dtype_of(written), values.shape_of(written["hex"])
        if (_CODES.get(tensor["dtype"]), tensor["shape"]) != want:
            yield f"{name} should be {want[0]} {want[1]}, is {tensor['dtype']} {tensor['shape']}"
        elif bytes(tensor["data"]) != values.little_endian(written):
            yield f"{name} should be {values.little_endian(written).hex()}, is {bytes(tensor['data']).hex()}"
    header = json.loads(body[8 : 8 + int.from_bytes(body[:8], "little")])
    said = {
        name: json.loads(text) if name in _JSON_METADATA else text
        for name, text in header.get("__metadata__", {}).items()
    }
    for name, value in metadata.items():
        if said.get(name) != value:
            yield f"metadata {name!r} should be {value!r}, is {said.get(name)!r}"


def made(given: bytes, body: dict[str, Any]) -> bytes:
    """The body that a case gives in place of the service's.

    >>> made(bytes(8), {"cut": 3}).hex(), made(b"", {"bytes": "00ff"}).hex()
    ('0000000000', '00ff')
    """
    if "cut" in body:
        return given[: -body["cut"]]
    if "bytes" in body:
        return bytes.fromhex(body["bytes"])
    header = (body["header"] if isinstance(body["header"], str) else json.dumps(body["header"])).encode()
    length = int(body.get("header_bytes", len(header)))
    return length.to_bytes(8, "little") + header + bytes.fromhex(body.get("data", ""))
