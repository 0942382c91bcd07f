"""Any sequence of what an engine does with its table, against a plain model with a dictionary and a clock."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from stepd.errors import CapacityExceeded, SessionExpired, SessionNotFound
from stepd.sessions.session import SESSION_BYTES, Session
from stepd.sessions.table import Lease, SessionTable
from stepd.values import SessionKey
from tests.sessions.runs import SECOND, make_session, page, values

IDS = ["a", "b", "c", "d", "e"]
TENANTS = ["default", "other"]
KEYS = [SessionKey(tenant, name) for tenant in TENANTS for name in IDS]
CAPACITY = 5 * SESSION_BYTES


@dataclass
class Known:
    """What the model knows of a session that is there. `deadline` is None without a ttl."""

    session: Session
    deadline: float | None
    holds: int = 0
    was_held: bool = False


class Model(RuleBasedStateMachine):
    """The table is asked for everything that it promises after every rule."""

    def __init__(self) -> None:
        super().__init__()
        self.table = SessionTable(CAPACITY)
        self.now = 0.0
        self.known: dict[SessionKey, Known] = {}
        self.expired: set[SessionKey] = set()
        self.held: list[tuple[Known, Lease | None]] = []
        self.most_leases = 0

    def past(self, key: SessionKey) -> bool:
        known = self.known[key]
        return known.deadline is not None and known.deadline <= self.now and not known.holds

    def forget_past(self, *keys: SessionKey) -> list[SessionKey]:
        gone = [key for key in keys if key in self.known and self.past(key)]
        for key in gone:
            del self.known[key]
            self.expired.add(key)
        return gone

    def forget_swept(self) -> None:
        """The table may have deleted what is past its time, to make room or because somebody looked for it."""
        self.forget_past(*(key for key in KEYS if key not in self.table._sessions))

    def must_refuse(self, more_bytes: int) -> None:
        """A refusal was right: only what is not past its time, or was held at that time, takes the room."""
        self.forget_swept()
        assert self.table.used_bytes + more_bytes > CAPACITY
        assert all(known.was_held for key, known in self.known.items() if self.past(key))

    @rule(key=st.sampled_from(KEYS), ttl_s=st.one_of(st.none(), st.integers(1, 5)), size=st.integers(1, 200))
    def add(self, key: SessionKey, ttl_s: int | None, size: int) -> None:
        self.forget_past(key)
        if self.table.find(key, self.now) is not None:
            return
        session = make_session([0.0] * size, name=key.id, tenant=key.tenant, ttl_s=ttl_s)
        try:
            self.table.add(session, self.now)
        except CapacityExceeded:
            self.must_refuse(session.nbytes)
            return
        self.forget_swept()
        self.known[key] = Known(session, None if ttl_s is None else self.now + ttl_s)
        self.expired.discard(key)
        self.most_leases = max(self.most_leases, sum(known.deadline is not None for known in self.known.values()))

    @rule(key=st.sampled_from(KEYS))
    def get(self, key: SessionKey) -> None:
        self.forget_past(key)
        if key in self.known:
            assert self.table.get(key, self.now) is self.known[key].session
        else:
            with pytest.raises(SessionExpired if key in self.expired else SessionNotFound):
                self.table.get(key, self.now)

    @rule(key=st.sampled_from(KEYS))
    def remove(self, key: SessionKey) -> None:
        self.forget_past(key)
        session = self.table.find(key, self.now)
        assert (session is None) == (key not in self.known)
        if session is not None:
            self.table.remove(session)
            del self.known[key]

    @rule(key=st.sampled_from(KEYS))
    def hold(self, key: SessionKey) -> None:
        self.forget_past(key)
        if self.table.find(key, self.now) is not None:
            known = self.known[key]
            known.holds += 1
            known.was_held = True
            self.held.append((known, self.table.hold(key)))

    @precondition(lambda self: self.held)
    @rule(data=st.data(), succeeded=st.booleans())
    def release(self, data: st.DataObject, succeeded: bool) -> None:
        known, lease = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        self.table.release(known.session, lease, self.now, succeeded=succeeded)
        known.holds -= 1
        if succeeded and known.session.ttl_s is not None:
            known.deadline = self.now + known.session.ttl_s

    @rule(key=st.sampled_from(KEYS), size=st.integers(1, 200))
    def reshape(self, key: SessionKey, size: int) -> None:
        """A session gets another size, as an unshaped one does with its first params."""
        self.forget_past(key)
        session = self.table.find(key, self.now)
        if session is None:
            return
        bare = make_session(name=key.id, tenant=key.tenant, ttl_s=session.ttl_s)
        prepared = bare.prepare_params(values([0.0] * size), SECOND)
        growth = session.growth(prepared)
        try:
            self.table.resize(growth, self.now)
        except CapacityExceeded:
            self.must_refuse(growth)
            return
        self.forget_swept()
        session.commit(prepared, self.now)

    @rule(seconds=st.sampled_from([0.5, 1.0, 2.0, 6.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def sweep(self) -> None:
        """All that is past its time and not held goes; what was held then goes a second later."""
        swept = self.table.sweep(self.now)
        assert len(set(swept)) == len(swept)
        assert set(self.forget_past(*swept)) == set(swept)
        self.now += 1.0
        late = self.table.sweep(self.now)
        assert set(late) <= set(self.forget_past(*KEYS))
        assert set(self.table._sessions) == set(self.known)

    @rule(tenant=st.sampled_from(TENANTS), size=st.integers(1, 4))
    def read_pages(self, tenant: str, size: int) -> None:
        self.table.sweep(self.now)
        self.forget_swept()
        after: str | None = ""
        read: list[str] = []
        while after is not None:
            found, after = page(self.table, tenant, after, size, {})
            assert len(found) <= size
            read += [session.key.id for session in found]
        there = {key.id for key in self.known if key.tenant == tenant}
        assert read == sorted(read)
        assert len(set(read)) == len(read)
        assert set(read) <= there
        assert there - set(read) <= {key.id for key in self.known if self.past(key)}

    @invariant()
    def bytes_are_exact(self) -> None:
        """What is used is what the sessions in the table take, those not yet swept included; never too much."""
        assert self.table.used_bytes == sum(session.nbytes for session in self.table._sessions.values())
        assert self.table.used_bytes <= CAPACITY

    @invariant()
    def nothing_is_lost(self) -> None:
        """A session that is not past its time, or is held, is there; the times that are left agree."""
        for key, known in self.known.items():
            if not self.past(key):
                assert self.table._sessions[key] is known.session
                left = self.table.seconds_left(key, self.now)
                if known.deadline is None:
                    assert left is None
                elif known.holds:
                    assert left == known.session.ttl_s
                else:
                    assert left == max(known.deadline - self.now, 0.0)
        assert set(self.table._sessions) <= set(self.known)

    @invariant()
    def the_heap_is_bounded(self) -> None:
        """Deadlines of sessions that were deleted are thrown away before they outnumber the others by far."""
        assert len(self.table._deadlines) <= 2 * self.most_leases + 65
        assert set(self.table._leases) <= {key for _, key in self.table._deadlines}


TestTable = Model.TestCase
TestTable.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)


def test_deleting_and_creating_does_not_grow_the_heap() -> None:
    """A session that is deleted and made again ten thousand times leaves a handful of deadlines."""
    table = SessionTable(CAPACITY)
    for _ in range(10_000):
        session = make_session(name="a", ttl_s=1000.0)
        table.add(session, 0.0)
        table.remove(session)
    assert len(table._deadlines) <= 67
    assert (table.used_bytes, len(table), table._leases) == (0, 0, {})
