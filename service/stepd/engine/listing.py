"""Pages of sessions: those in memory and those that a store has and nobody has used since the start, in one order."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

from stepd.engine.contract import About
from stepd.engine.stored import tensors_of
from stepd.optimizers import resolve
from stepd.records import Profile
from stepd.sessions.session import SESSION_BYTES, array_bytes
from stepd.storage.contract import Head
from stepd.values import DTYPES, SessionKey


class Listed(Protocol):
    """What has a place in a list of sessions."""

    @property
    def key(self) -> SessionKey: ...

    @property
    def labels(self) -> Mapping[str, str]: ...


Entry = TypeVar("Entry", bound=Listed)


def page_of(
    awake: Iterable[Entry], asleep: Iterable[Entry], size: int, labels: Mapping[str, str]
) -> tuple[Sequence[Entry], str | None]:
    """Up to `size` of both with all these labels, each in the order of ids; and where the next page begins."""
    found: list[Entry] = []
    for about in heapq.merge(awake, asleep, key=_id_of):
        if all(about.labels.get(name) == value for name, value in labels.items()):
            if len(found) == size:
                return found, found[-1].key.id
            found.append(about)
    return found, None


def abouts(heads: Iterable[Head]) -> Iterator[About]:
    """What the sessions are that only the store has, but for those whose rows are damaged.

    Their bytes are what they will take once they are loaded, without their keys.
    """
    return (_about(head, head.profile) for head in heads if head.profile is not None)


def _about(head: Head, profile: Profile) -> About:
    optimizer, tensors = resolve(dict(profile.optimizer), DTYPES[profile.dtype]), tensors_of(profile)
    return About(
        key=head.key,
        optimizer=optimizer,
        dtype=DTYPES[profile.dtype],
        tensors=tensors,
        step=head.position.step,
        incarnation=head.position.incarnation,
        nbytes=SESSION_BYTES + (0 if tensors is None else array_bytes(optimizer, tensors)),
        created_at=profile.created_at,
        updated_at=head.updated_at,
        ttl_s=profile.ttl_s,
        expires_at=None,
        labels=profile.labels,
        durability=profile.durability,
        lineage=profile.lineage,
    )


def _id_of(entry: Listed) -> str:
    return entry.key.id
