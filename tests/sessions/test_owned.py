"""Which vectors a session keeps as they are, and which it copies because it may not or should not write to them."""

import mmap
from typing import Any

import numpy as np
import pytest

from stepd.sessions.owned import lent, owned, readable
from stepd.values import FloatArray


def in_a_body(length: int, offset: int = 0) -> FloatArray:
    """Three values in the bytes of a request of that length."""
    return np.frombuffer(bytearray(length), np.float64, count=3, offset=offset)


KEPT = {
    "an array": np.zeros(3),
    "a matrix laid flat": np.zeros((3, 1)).reshape(-1),
    "the whole of a buffer": in_a_body(24),
}


@pytest.mark.parametrize("given", KEPT.values(), ids=KEPT)
def test_what_is_given_whole_is_kept(given: FloatArray) -> None:
    """Nothing is copied that may be written to and holds no other memory."""
    assert owned(given) is given


def read_only() -> FloatArray:
    vector = np.zeros(3)
    vector.flags.writeable = False
    return vector


COPIED = {
    "read-only": read_only(),
    "bytes": np.frombuffer(bytes(24), np.float64),
    "lent": lent(np.zeros(3)),
    "a part of a vector": np.zeros(6)[:3],
    "every other value": np.zeros(6)[::2],
    "a part of a buffer": in_a_body(48),
    "not aligned": in_a_body(28, offset=4),
    "a part of a file": np.frombuffer(mmap.mmap(-1, 4096), np.float64, count=3),
}


@pytest.mark.parametrize("given", COPIED.values(), ids=COPIED)
def test_what_is_not_its_own_is_copied(given: FloatArray) -> None:
    """A copy holds the same values, can be written to and shares no memory with what was given."""
    kept = owned(given)
    assert kept.tolist() == given.tolist()
    assert kept.flags.carray
    assert kept.base is None
    assert not np.shares_memory(kept, given)


def test_what_shares_memory_with_another_is_copied() -> None:
    """One vector in two roles becomes two."""
    given = np.zeros(3)
    assert owned(given, np.ones(3)) is given
    assert not np.shares_memory(owned(given, np.ones(3), given), given)


@pytest.mark.parametrize("given", [np.arange(6.0)[::2], in_a_body(28, offset=4)], ids=["strided", "not aligned"])
def test_drivers_are_handed_what_they_can_read(given: FloatArray) -> None:
    """Values that do not lie one after another, or astride, are copied to where they do; others are left alone."""
    assert readable(given).flags.carray
    assert readable(given).tolist() == given.tolist()
    for fine in (np.zeros(3), read_only(), np.zeros(6)[3:]):
        assert readable(fine) is fine


def test_what_is_lent_can_not_be_written_to() -> None:
    """It is the same memory, but whoever holds it can't change it; the owner can."""
    vector = np.zeros(3)
    loan: Any = lent(vector)
    with pytest.raises(ValueError, match="read-only"):
        loan[0] = 1.0
    vector[0] = 1.0
    assert loan[0] == 1.0
