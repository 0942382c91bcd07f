"""The keys that a session remembers: how one is judged, which are forgotten, and that every byte is counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepd.errors import KeyReused, SessionReplaced
from stepd.sessions.keys import KEY_RECORD_BYTES, KeyMemory
from stepd.values import KeyRecord
from tests.sessions.runs import FIRST, SECOND


def memory(limit: int, *keys: str) -> KeyMemory:
    made = KeyMemory(limit)
    for number, key in enumerate(keys, 1):
        made.remember(key, KeyRecord(FIRST, number, key.encode()))
    return made


def test_a_new_key_is_new() -> None:
    """A key that took no step is judged to be none."""
    assert memory(2, "a").judge("b", b"b", FIRST) is None


def test_the_same_step_again() -> None:
    """The record of the applied step is found, and finding it changes nothing."""
    keys = memory(2, "a", "b")
    assert keys.judge("a", b"a", FIRST) == KeyRecord(FIRST, 1, b"a")
    assert list(keys.records) == ["a", "b"]


def test_other_content_under_a_key() -> None:
    """The refusal names the step that the key took."""
    with pytest.raises(KeyReused, match="took step 2 with other content"):
        memory(3, "a", "b").judge("b", b"x", FIRST)


@pytest.mark.parametrize("content", [b"a", b"x"])
def test_a_key_of_an_earlier_incarnation(content: bytes) -> None:
    """An earlier incarnation is told before other content: that step is gone, whatever it held."""
    with pytest.raises(SessionReplaced, match=rf"step 1 of incarnation {FIRST}; .*\(now {SECOND}\)"):
        memory(2, "a").judge("a", content, SECOND)


def test_the_oldest_is_forgotten() -> None:
    """Of more keys than the limit the newest are kept, whether or not older ones were asked for."""
    keys = memory(3, "a", "b", "c")
    keys.judge("a", b"a", FIRST)
    keys.remember("d", KeyRecord(FIRST, 4, b"d"))
    assert list(keys.records) == ["b", "c", "d"]
    assert keys.judge("a", b"a", FIRST) is None


@given(st.integers(1, 4), st.lists(st.text("ab", min_size=1, max_size=9), unique=True, max_size=12))
def test_growth_is_what_it_grows_by(limit: int, names: list[str]) -> None:
    """`growth` foretells the change of `nbytes` exactly, and `nbytes` is what the kept keys take."""
    keys = memory(limit)
    for name in names:
        before, promised = keys.nbytes, keys.growth(name)
        keys.remember(name, KeyRecord(FIRST, 1, b""))
        assert keys.nbytes == before + promised
    assert list(keys.records) == names[-limit:]
    assert keys.nbytes == sum(KEY_RECORD_BYTES + len(name) for name in names[-limit:])


def test_a_shorter_key_can_shrink_it() -> None:
    """Where a long key makes way for a short one the growth is negative."""
    assert memory(1, "long" * 10).growth("a") == 1 - 40
