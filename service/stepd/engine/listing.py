"""Pages of sessions: those in memory and those that a store has and nobody has used since the start, in one order."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from stepd.engine.contract import About
from stepd.engine.stored import tensors_of
from stepd.optimizers import resolve
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
    awake: Iterable[Entry], asleep: Iterable[Entry], after: str, size: int, labels: Mapping[str, str]
) -> tuple[Sequence[Entry], str | None]:
    """Up to `size` sessions with all these labels, ids in order from behind `after`; and where the next page begins.

    `awake` are in order and behind `after` already.
    """
    sleeping = sorted((about for about in asleep if about.key.id > after), key=_id_of)
    found: list[Entry] = []
    for about in heapq.merge(awake, sleeping, key=_id_of):
        if all(about.labels.get(name) == value for name, value in labels.items()):
            if len(found) == size:
                return found, found[-1].key.id
            found.append(about)
    return found, None


def about_head(head: Head) -> About | None:
    """What a session is that only the store has; None where its rows are damaged.

    Its bytes are what it will take once it is loaded, without its keys.
    """
    profile = head.profile
    if profile is None:
        return None
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
