"""The idempotency keys that a session remembers, and how a key is judged."""

from __future__ import annotations

from collections.abc import Mapping

from stepd.errors import KeyReused, SessionReplaced
from stepd.values import KeyRecord

# What one record takes in memory beside the key's characters: string, record, dictionary entry (measured by a test).
KEY_RECORD_BYTES = 384


class KeyMemory:
    """The newest `limit` keys of applied steps, oldest first."""

    __slots__ = ("_records", "limit", "nbytes")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.nbytes = 0
        self._records: dict[str, KeyRecord] | None = None  # until there is one: most sessions need no dictionary

    @property
    def records(self) -> Mapping[str, KeyRecord]:
        return self._records or {}

    def judge(self, key: str, fingerprint: bytes, incarnation: str) -> KeyRecord | None:
        """The record of the applied step that this request repeats; None where the key is new.

        Raises:
            SessionReplaced: the key is of an earlier incarnation.
            KeyReused: the key is of a step with other content.
        """
        record = self.records.get(key)
        if record is None:
            return None
        if record.incarnation != incarnation:
            raise SessionReplaced(
                f"this Idempotency-Key took step {record.step} of incarnation {record.incarnation}; since then the "
                f"session was reset, restored or given other params (now {incarnation}): read it before you go on"
            )
        if record.fingerprint != fingerprint:
            raise KeyReused(
                f"this Idempotency-Key took step {record.step} with other content; a new step needs a new key"
            )
        return record

    def growth(self, key: str) -> int:
        """By how many bytes remembering this new key would make the memory grow (negative where it shrinks)."""
        records = self.records
        return key_bytes(key) - (key_bytes(next(iter(records))) if len(records) >= self.limit else 0)

    def remember(self, key: str, record: KeyRecord) -> None:
        """Adds a new key and forgets the oldest beyond the limit."""
        self.nbytes += self.growth(key)
        if self._records is None:
            self._records = {}
        if len(self._records) >= self.limit:
            del self._records[next(iter(self._records))]
        self._records[key] = record


def key_bytes(key: str) -> int:
    """What remembering this key takes."""
    return KEY_RECORD_BYTES + len(key)
