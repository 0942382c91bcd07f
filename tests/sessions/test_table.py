"""The table's promises one by one: capacity refuses and never deletes, time deletes only what nobody holds."""

import re

import pytest

from stepd.errors import CapacityExceeded, SessionExpired, SessionNotFound
from stepd.sessions import table as module
from stepd.sessions.session import Session
from stepd.sessions.table import SessionTable
from stepd.values import SessionKey
from tests.sessions.runs import make_session, page


def filled(*sessions: Session, capacity: int = 10**9) -> SessionTable:
    table = SessionTable(capacity)
    for session in sessions:
        table.add(session, now=0.0)
    return table


def ids(sessions: list[Session]) -> list[str]:
    return [session.key.id for session in sessions]


def test_a_stranger_is_not_found() -> None:
    """Ids are apart from tenant to tenant."""
    table = filled(make_session(name="a"))
    with pytest.raises(SessionNotFound, match="no session 'a'"):
        table.get(SessionKey("other", "a"), 0.0)
    assert table.find(SessionKey("other", "a"), 0.0) is None


def test_capacity_refuses_with_its_numbers() -> None:
    """What does not fit is refused, naming need and room, and leaves the table as it was; what just fits is taken."""
    first, second = make_session([1.0], name="a"), make_session([1.0], name="b")
    table = filled(first, capacity=first.nbytes + second.nbytes - 1)
    words = re.escape(f"needs {second.nbytes} bytes and {second.nbytes - 1} of {table.capacity_bytes} are free")
    with pytest.raises(CapacityExceeded, match=words):
        table.add(second, 0.0)
    assert (len(table), table.used_bytes) == (1, first.nbytes)
    table.resize(-1, 0.0)
    table.add(second, 0.0)
    assert table.used_bytes == table.capacity_bytes


def test_what_shrinks_always_fits() -> None:
    """Even in a table that is over its capacity nothing stops a session from getting smaller."""
    table = filled(make_session([1.0]))
    table.capacity_bytes = 10
    table.resize(-50, 0.0)
    with pytest.raises(CapacityExceeded, match="0 of 10 are free"):
        table.resize(1, 0.0)


def test_expired_sessions_make_room() -> None:
    """Before anything is refused, sessions that are past their time are deleted."""
    old, new = make_session([1.0], name="a", ttl_s=5.0), make_session([1.0], name="b")
    table = filled(old, capacity=old.nbytes)
    with pytest.raises(CapacityExceeded):
        table.add(new, 4.9)
    table.add(new, 5.0)
    with pytest.raises(SessionExpired):
        table.get(old.key, 5.0)


def test_a_session_expires_to_the_moment() -> None:
    """It is found until its time is over, and told to be expired from then on; its id is free again."""
    session = make_session(name="a", ttl_s=5.0)
    table = filled(session)
    assert table.get(session.key, 4.999) is session
    assert table.seconds_left(session.key, 4.0) == 1.0
    with pytest.raises(SessionExpired, match="'a' was not used for its ttl_s"):
        table.get(session.key, 5.0)
    assert (len(table), table.used_bytes, table.seconds_left(session.key, 5.0)) == (0, 0, None)
    table.add(make_session(name="a"), 6.0)
    assert table.get(session.key, 1e9).ttl_s is None


def test_a_held_session_does_not_expire() -> None:
    """Two requests hold it; it goes when the last lets go of it without success."""
    session = make_session(name="a", ttl_s=5.0)
    table = filled(session)
    leases = [table.hold(session.key), table.hold(session.key)]
    assert table.get(session.key, 100.0) is session
    table.release(session, leases[0], 100.0, succeeded=False)
    assert table.sweep(100.0) == []
    table.release(session, leases[1], 100.0, succeeded=False)
    assert table.sweep(101.0) == [session.key]


def test_success_starts_the_time_anew() -> None:
    """Only a request that succeeded counts as use."""
    session = make_session(name="a", ttl_s=5.0)
    table = filled(session)
    table.release(session, table.hold(session.key), 3.0, succeeded=False)
    assert table.seconds_left(session.key, 3.0) == 2.0
    table.release(session, table.hold(session.key), 4.0, succeeded=True)
    assert table.seconds_left(session.key, 4.0) == 5.0


def test_a_hold_on_a_deleted_session_leaves_its_successor_alone() -> None:
    """A request that outlives its session neither frees nor renews the session that took the id since."""
    old, new = make_session(name="a", ttl_s=1.0), make_session(name="a", ttl_s=1000.0)
    table = filled(old)
    lease = table.hold(old.key)
    table.remove(old)
    table.add(new, 0.5)
    inner = table.hold(new.key)
    table.release(old, lease, 0.6, succeeded=True)
    assert table.seconds_left(new.key, 0.6) == 1000.0, "its whole time while a request holds it"
    assert table.get(new.key, 5000.0) is new
    table.release(new, inner, 5000.0, succeeded=False)
    assert table.find(new.key, 5000.0) is None


def test_sessions_without_ttl_never_expire() -> None:
    """There is nothing to hold and nothing to renew."""
    session = make_session(name="a")
    table = filled(session)
    assert table.hold(session.key) is None
    table.release(session, None, 1.0, succeeded=True)
    assert table.sweep(1e12) == []
    assert table.get(session.key, 1e12) is session


def test_the_sweep_looks_again_at_what_is_held() -> None:
    """A session that was held at its time goes with a sweep about a second after it was let go."""
    session = make_session(name="a", ttl_s=5.0)
    table = filled(session)
    lease = table.hold(session.key)
    assert table.sweep(5.0) == []
    table.release(session, lease, 5.1, succeeded=False)
    assert table.sweep(6.0) == [session.key]


def test_only_so_many_expired_ids_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of those that expired the newest are told so; the others were never there."""
    monkeypatch.setattr(module, "EXPIRED_REMEMBERED", 2)
    table = filled(*(make_session(name=name, ttl_s=number) for number, name in enumerate("abc", 1)))
    assert [key.id for key in table.sweep(10.0)] == ["a", "b", "c"]
    with pytest.raises(SessionNotFound):
        table.get(SessionKey("default", "a"), 10.0)
    for name in "bc":
        with pytest.raises(SessionExpired):
            table.get(SessionKey("default", name), 10.0)


def test_a_deleted_session_is_not_expired() -> None:
    """Deleted by request, it was never there."""
    session = make_session(name="a", ttl_s=5.0)
    table = filled(session)
    table.remove(session)
    assert table.sweep(10.0) == []
    with pytest.raises(SessionNotFound):
        table.get(session.key, 10.0)


def test_pages() -> None:
    """Ids in order from behind the last, by tenant and labels; the token is there only while something follows."""
    colours = {"b": "red", "a": "red", "c": "blue", "d": "red", "B": "red"}
    table = filled(
        *(make_session(name=name, labels={"colour": colour, "x": name}) for name, colour in colours.items()),
        make_session(name="aa", tenant="other"),
    )
    found, following = page(table, "default", "", 3, {})
    assert (ids(found), following) == (["B", "a", "b"], "b")
    found, following = page(table, "default", "b", 3, {})
    assert (ids(found), following) == (["c", "d"], None)
    found, following = page(table, "default", "", 2, {"colour": "red"})
    assert (ids(found), following) == (["B", "a"], "a")
    found, following = page(table, "default", "a", 2, {"colour": "red"})
    assert (ids(found), following) == (["b", "d"], None)
    assert ids(page(table, "default", "", 9, {"colour": "red", "x": "d"})[0]) == ["d"]
    assert page(table, "default", "", 9, {"colour": ""}) == ([], None)
    assert page(table, "nobody", "", 9, {}) == ([], None)
    assert ids(page(table, "other", "", 9, {})[0]) == ["aa"]


def test_a_page_begins_behind_an_id_that_is_gone() -> None:
    """A session that was deleted between two pages does not upset their order."""
    sessions = {name: make_session(name=name) for name in "abcd"}
    table = filled(*sessions.values())
    _, following = page(table, "default", "", 2, {})
    table.remove(sessions["b"])
    assert following == "b"
    assert ids(page(table, "default", following, 2, {})[0]) == ["c", "d"]
