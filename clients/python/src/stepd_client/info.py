"""What the service tells about a session, as a plain frozen type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from stepd_client.values import DType, Shape, dtype_named

# What is kept of a session when the service's process ends: nothing, the last snapshot, every step.
Durability = Literal["memory", "snapshot", "journal"]


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A session as the service describes it, values apart.

    `optimizer` holds the name and every hyper-parameter, defaults filled in. `shape` is a tuple, or a dict of name to
    tuple, or None (then so is `size`) while the session has no shape; `bytes` is what it takes of the service's memory.
    Times are UTC, RFC 3339; `expires_at` is None where `ttl_s` is. `durability` says what outlives the service's
    process: `memory`, `snapshot` or `journal`. `restored_from` is digest, `@` and step of the checkpoint that was last
    restored, `forked_from` id, `@` and entity tag of the session that this one goes on from; None where there was none.
    """

    id: str
    optimizer: Mapping[str, Any]
    dtype: DType
    shape: Shape | Mapping[str, Shape] | None
    size: int | None
    step: int
    incarnation: str
    bytes: int
    created_at: str
    updated_at: str
    ttl_s: float | None
    expires_at: str | None
    labels: Mapping[str, str]
    durability: str
    restored_from: str | None
    forked_from: str | None
    steps_since_restore: int

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> SessionInfo:
        """From the decoded document; members that this version does not know are left out.

        Raises KeyError, TypeError or ValueError where the document is not what the contract says.
        """
        shape = document["shape"]
        return cls(
            id=document["id"],
            optimizer=dict(document["optimizer"]),
            dtype=dtype_named(document["dtype"]),
            shape=None if shape is None else read_shape(shape),
            size=document["size"],
            step=document["step"],
            incarnation=document["incarnation"],
            bytes=document["bytes"],
            created_at=document["created_at"],
            updated_at=document["updated_at"],
            ttl_s=document["ttl_s"],
            expires_at=document["expires_at"],
            labels=dict(document["labels"]),
            durability=document["durability"],
            restored_from=document["restored_from"],
            forked_from=document["forked_from"],
            steps_since_restore=document["steps_since_restore"],
        )


def read_shape(shape: Any) -> Shape | dict[str, Shape]:
    """A shape, or a shape per name: lists become tuples.

    >>> read_shape({"w": [2, 3]})
    {'w': (2, 3)}
    """
    if isinstance(shape, Mapping):
        return {name: tuple(int(length) for length in one) for name, one in shape.items()}
    return tuple(int(length) for length in shape)
