"""What is sent: sessions to step, and the bodies of steps, the same bytes for every server in a row."""

from __future__ import annotations

from dataclasses import dataclass

import httpx
import numpy as np
import orjson

from benchmarks.servers import Server

JSON, RAW = "application/json", "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a step of so many values; random ones, so that JSON has 18 characters for each, not 3."""

    size: int
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Tag:
    """An entity tag taken apart: each step makes the next one of it."""

    incarnation: str
    step: int


# What servers get that have no entity tags: as many bytes as one has.
NO_TAG = Tag("aaaaaaaaaaaaa", 0)


def json_body(size: int, *, params: bool = False) -> Body:
    """Gradients in JSON, and params if they are sent along."""
    random = np.random.default_rng(size)
    document = {"grads": random.standard_normal(size)}
    if params:
        document["params"] = random.standard_normal(size)
    return Body(size, JSON, orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY))


def raw_body(size: int) -> Body:
    """Gradients as float64, little-endian."""
    return Body(size, RAW, np.random.default_rng(size).standard_normal(size).astype("<f8").tobytes())


def create(server: Server, names: list[str], size: int) -> None:
    """Makes sessions of zeros, where the server has sessions."""
    if server.name == "echo":
        return
    body = {"params": [0.0] * size} if server.name == "naive" else {"shape": [size]}
    with httpx.Client(base_url=server.url, trust_env=False, timeout=60) as http:
        for name in names:
            http.put(server.session_path.format(name), json=body).raise_for_status()


def tags(server: Server, names: list[str]) -> list[Tag]:
    """Where the sessions are now, for If-Match."""
    if server.name != "stepd":
        return [NO_TAG] * len(names)
    with httpx.Client(base_url=server.url, trust_env=False, timeout=60) as http:
        return [
            parse_tag(http.get(server.session_path.format(name)).raise_for_status().headers["etag"]) for name in names
        ]


def parse_tag(text: str) -> Tag:
    """From an ETag header.

    >>> parse_tag('"abcdefghijklm-42"')
    Tag(incarnation='abcdefghijklm', step=42)
    """
    incarnation, _, step = text.strip('"').rpartition("-")
    return Tag(incarnation, int(step))
