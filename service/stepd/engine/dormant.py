"""The sessions that a store has and nobody has used since the start: what they are, by tenant in the order of ids."""

from __future__ import annotations

import bisect
from collections.abc import Iterator

from stepd.storage.contract import Head
from stepd.values import SessionKey


class Dormant:
    """Heads by key. What another service does to them meanwhile is not seen."""

    def __init__(self) -> None:
        self._heads: dict[SessionKey, Head] = {}
        self._ids: dict[str, list[str]] = {}

    def put(self, head: Head) -> None:
        """A session that is not in memory from now on."""
        if head.key not in self._heads:
            bisect.insort(self._ids.setdefault(head.key.tenant, []), head.key.id)
        self._heads[head.key] = head

    def take(self, key: SessionKey) -> Head | None:
        """The session is loaded, or gone; its head, if it was here."""
        head = self._heads.pop(key, None)
        if head is not None:
            ids = self._ids[key.tenant]
            del ids[bisect.bisect_left(ids, key.id)]
        return head

    def behind(self, tenant: str, after: str) -> Iterator[Head]:
        """The tenant's sessions, ids in order, from behind `after`."""
        ids = self._ids.get(tenant, [])
        for position in range(bisect.bisect_right(ids, after), len(ids)):
            yield self._heads[SessionKey(tenant, ids[position])]
