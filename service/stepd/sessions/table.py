"""All sessions of a service: who may be found, when one expires, how much memory all may take.

Capacity never deletes a session: what does not fit is refused. Only a session's own `ttl_s` deletes it, that long
after its last successful request, and never while a request holds it. `now` is seconds of a clock that never goes
back, handed in by the caller.
"""

from __future__ import annotations

import bisect
import heapq
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from stepd.errors import CapacityExceeded, SessionExpired, SessionNotFound
from stepd.sessions.session import Session
from stepd.values import SessionKey

# How many requests for expired ids are told "expired" and not "not found".
EXPIRED_REMEMBERED = 10_000


@dataclass(slots=True)
class Lease:
    """When a session with a `ttl_s` ends, and how many requests hold it until then."""

    deadline: float
    holds: int = 0


class SessionTable:
    """Sessions by (tenant, id). Not thread-safe: the engine calls it from one thread."""

    def __init__(self, capacity_bytes: int) -> None:
        self.capacity_bytes = capacity_bytes
        self.used_bytes = 0
        self._sessions: dict[SessionKey, Session] = {}
        self._ids: dict[str, list[str]] = {}  # of each tenant, sorted, for pages
        self._leases: dict[SessionKey, Lease] = {}
        self._deadlines: list[tuple[float, SessionKey]] = []  # a heap; entries may be earlier than the lease's deadline
        self._expired: OrderedDict[SessionKey, None] = OrderedDict()
        self._newly_expired: list[SessionKey] = []

    def __len__(self) -> int:
        return len(self._sessions)

    def get(self, key: SessionKey, now: float) -> Session:
        """Raises SessionNotFound, or SessionExpired while that is remembered."""
        session = self.find(key, now)
        if session is not None:
            return session
        if key in self._expired:
            raise SessionExpired(f"session {key.id!r} was not used for its ttl_s and is deleted; its id is free again")
        raise SessionNotFound(f"there is no session {key.id!r}")

    def find(self, key: SessionKey, now: float) -> Session | None:
        """The session, or None; one that is past its time is deleted here."""
        lease = self._leases.get(key)
        if lease is not None and not lease.holds and lease.deadline <= now:
            self._expire(key)
        return self._sessions.get(key)

    def expect(self, key: SessionKey, ttl_s: float, now: float) -> None:
        """A session that is not here, and may be taken in later, expires as if it had been used now."""
        self._lease(key, now + ttl_s)

    def take_expired(self) -> list[SessionKey]:
        """The sessions that have expired since this was last asked."""
        expired, self._newly_expired = self._newly_expired, []
        return expired

    def require_capacity(self, more_bytes: int, now: float) -> None:
        """Raises CapacityExceeded where so many more bytes do not fit, expired sessions not counted."""
        if more_bytes > 0 and self.used_bytes + more_bytes > self.capacity_bytes:
            self.sweep(now)
            free = self.capacity_bytes - self.used_bytes
            if more_bytes > free:
                raise CapacityExceeded(
                    f"this needs {more_bytes} bytes and {max(free, 0)} of {self.capacity_bytes} are free; "
                    "delete sessions or raise STEPD_MAX_SESSION_BYTES; no session was touched"
                )

    def add(self, session: Session, now: float) -> None:
        """Takes a new session in, whose key is free. Raises CapacityExceeded."""
        self.require_capacity(session.nbytes, now)
        self.used_bytes += session.nbytes
        self._sessions[session.key] = session
        bisect.insort(self._ids.setdefault(session.key.tenant, []), session.key.id)
        self._expired.pop(session.key, None)
        if session.ttl_s is not None:
            self._lease(session.key, now + session.ttl_s)

    def _lease(self, key: SessionKey, deadline: float) -> None:
        self._leases[key] = Lease(deadline)
        if len(self._deadlines) > 2 * len(self._leases) + 64:  # mostly of sessions deleted by request
            self._deadlines = [(lease.deadline, leased) for leased, lease in self._leases.items()]
            heapq.heapify(self._deadlines)
        else:
            heapq.heappush(self._deadlines, (deadline, key))

    def resize(self, growth: int, now: float) -> None:
        """Accounts for a session that is about to grow by so many bytes, or to shrink. Raises CapacityExceeded."""
        self.require_capacity(growth, now)
        self.used_bytes += growth

    def remove(self, session: Session) -> None:
        """Deletes a session; its id is free again."""
        key = session.key
        del self._sessions[key]
        self.used_bytes -= session.nbytes
        ids = self._ids[key.tenant]
        del ids[bisect.bisect_left(ids, key.id)]
        self._leases.pop(key, None)

    def hold(self, key: SessionKey) -> Lease | None:
        """Keeps a session from expiring until `release`. None for one that never expires."""
        lease = self._leases.get(key)
        if lease is not None:
            lease.holds += 1
        return lease

    def release(self, session: Session, lease: Lease | None, now: float, *, succeeded: bool) -> None:
        """Ends a hold; a successful request starts the session's time anew."""
        if lease is None:
            return
        lease.holds -= 1
        if succeeded and session.ttl_s is not None:
            lease.deadline = now + session.ttl_s

    def seconds_left(self, key: SessionKey, now: float) -> float | None:
        """How long until the session expires, were it not used again. None: never.

        While a request holds it that is its whole time, which starts anew when the request succeeds.
        """
        lease = self._leases.get(key)
        if lease is None:
            return None
        return self._sessions[key].ttl_s if lease.holds else max(lease.deadline - now, 0.0)

    def sweep(self, now: float) -> list[SessionKey]:
        """Deletes every session that is past its time and not held; returns their keys."""
        expired = []
        while self._deadlines and self._deadlines[0][0] <= now:
            _, key = heapq.heappop(self._deadlines)
            lease = self._leases.get(key)
            if lease is None:
                continue  # deleted meanwhile
            if not lease.holds and lease.deadline <= now:
                self._expire(key)
                expired.append(key)
            else:
                # Used since, or held now: look again then, and for a held one soon.
                heapq.heappush(self._deadlines, (max(lease.deadline, now + 1.0), key))
        return expired

    def behind(self, tenant: str, after: str) -> Iterator[Session]:
        """The tenant's sessions, ids in order, from behind `after`."""
        ids = self._ids.get(tenant, [])
        for position in range(bisect.bisect_right(ids, after), len(ids)):
            yield self._sessions[SessionKey(tenant, ids[position])]

    def __iter__(self) -> Iterator[Session]:
        return iter(self._sessions.values())

    def _expire(self, key: SessionKey) -> None:
        session = self._sessions.get(key)
        if session is None:
            del self._leases[key]
        else:
            self.remove(session)
        self._newly_expired.append(key)
        self._expired[key] = None
        while len(self._expired) > EXPIRED_REMEMBERED:
            self._expired.popitem(last=False)
