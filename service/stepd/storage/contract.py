"""What a store is to the engine: the writes that it takes, what it gives back, what it promises.

Functions block. One thread at a time may call `commit`; any number may read beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from stepd.records import Position, Profile, Snapshot, StepRecord
from stepd.values import SessionKey


@dataclass(frozen=True, slots=True)
class Write:
    """One change of one session: from exactly `expected` (None: there is none) to `to` (None: nothing of it is left).

    A new incarnation begins with a snapshot. `profile` is given where it has changed and no snapshot says so, such as
    with the step that gave the session its shape. `snapshot` is of `to`. A snapshot with `clears_older` takes with it
    all that the session had before. Raises ValueError where these don't fit together.

    `clean` says that the session was written at a clean shutdown: nothing happened to it after this.
    """

    key: SessionKey
    expected: Position | None
    to: Position | None
    profile: Profile | None = None
    snapshot: Snapshot | None = None
    step: StepRecord | None = None
    clean: bool = False
    clears_older: bool = False

    def __post_init__(self) -> None:
        wrong = self._wrong()
        if wrong:
            raise ValueError(f"a write of session {self.key.id!r} from {self.expected} to {self.to}: {wrong}")

    def _wrong(self) -> str | None:
        if self.to is None:
            if self.expected is None:
                return "nothing is to be changed"
            extra = self.profile or self.snapshot or self.step or self.clean or self.clears_older
            return "a deletion brings nothing with it" if extra else None
        if self.snapshot is not None and self.snapshot.position != self.to:
            return "the snapshot is of another position"
        if self.clears_older and self.snapshot is None:
            return "what is older can only go when there is a snapshot"
        if self.expected is None or self.is_new_life:
            return self._wrong_beginning()
        if self.step is not None and not self.step.step == self.to.step == self.expected.step + 1:
            return f"step {self.step.step} does not lead there"
        if self.step is None and self.to != self.expected and (self.snapshot is None or self.to < self.expected):
            return "neither a step nor a snapshot leads there"
        return None

    def _wrong_beginning(self) -> str | None:
        if self.snapshot is None:
            return "a new incarnation begins with a snapshot"
        return None if self.step is None else "a new incarnation does not begin with a step"

    @property
    def is_new_life(self) -> bool:
        """Whether it begins an incarnation."""
        return self.to is not None and (self.expected is None or self.expected.incarnation != self.to.incarnation)

    @property
    def new_profile(self) -> Profile | None:
        """What the session is from now on, where this says so."""
        return self.profile if self.profile is not None or self.snapshot is None else self.snapshot.profile

    @property
    def nbytes(self) -> int:
        """Bytes of the vectors that it brings."""
        snapshot = 0 if self.snapshot is None else self.snapshot.nbytes
        return snapshot + (0 if self.step is None else self.step.nbytes)


class Head(NamedTuple):
    """A session as a store lists it. `damage` says what is wrong where its rows don't verify: there is no `profile`."""

    key: SessionKey
    position: Position
    profile: Profile | None
    updated_at: float
    clean: bool
    damage: str | None = None


class Recovered(NamedTuple):
    """What a session's state is made of: a snapshot, and the steps after it, each verified when it is read.

    `profile` is the newest of that incarnation: an unshaped snapshot gets its shape by the first step after it.
    `position` is what the last step leads to.
    """

    position: Position
    profile: Profile
    snapshot: Snapshot
    steps: Iterator[StepRecord]


class StepSummary(NamedTuple):
    """A step without its vectors; `nbytes` is what they take."""

    step: int
    time: float
    grad_norm: float
    update_norm: float
    lr: float | None
    worker: str | None
    key: str | None
    nbytes: int


class Life(NamedTuple):
    """One incarnation of a session: of its states those from `first_step` to `last_step` can be had again."""

    incarnation: str
    profile: Profile
    began_at: float
    first_step: int
    last_step: int


class Forgotten(NamedTuple):
    """What retention has dropped."""

    steps: int
    snapshots: int


class Store(Protocol):
    """See the module's text.

    All may raise StorageUnavailable. After OutcomeUnknown the store settles what it can't know before its next answer:
    whatever it then gives stays so. The sessions of that commit have to be loaded anew.
    """

    def commit(self, writes: Sequence[Write]) -> list[bool]:
        """Makes all changes in one durable transaction; False for those refused since the session is elsewhere.

        Raises StorageFull (nothing has changed), OutcomeUnknown (all of it or nothing), StorageUnavailable (nothing).
        """
        ...

    def sessions(self) -> Iterator[Head]:
        """All sessions, by tenant and id."""
        ...

    def find(self, key: SessionKey) -> Head | None:
        """One session, if there is one."""
        ...

    def load(
        self, key: SessionKey, incarnation: str | None = None, at_step: int | None = None
    ) -> AbstractContextManager[Recovered]:
        """What makes the newest state, or that at a step, of the current incarnation or of another.

        Steps can be read inside the context, once. Raises SessionNotFound, StepNotRetained, SessionCorrupt (also while
        steps are read).
        """
        ...

    def steps(self, key: SessionKey, incarnation: str | None, after: int, limit: int) -> list[StepSummary]:
        """The retained steps with numbers beyond `after`, in order. Raises as `load`."""
        ...

    def incarnations(self, key: SessionKey) -> list[Life]:
        """The session's lives of which something is retained, newest first. Raises SessionNotFound, SessionCorrupt."""
        ...

    def forget(self, key: SessionKey, *, keep_steps: int | None, keep_bytes: int | None) -> Forgotten:
        """Drops the oldest history: beyond the newest so many steps, or so many bytes of them, of all lives in a row.

        Stays: the newest snapshot and what follows it, and what the states at the steps that stay are made of.
        """
        ...

    def problems(self) -> Iterator[str]:
        """What is wrong with the store beside the sessions' own rows: a line each."""
        ...

    def probe(self) -> None:
        """Makes a durable transaction of no content. Raises StorageFull, StorageUnavailable, OutcomeUnknown."""
        ...

    def backup(self, path: Path) -> None:
        """Writes all as it is at one moment to a new SQLite file, beside a running service; durable when it returns."""
        ...

    def reopen(self) -> None:
        """Closes and opens the store, and settles what is in doubt."""
        ...

    def close(self) -> None:
        """Lets go of files and connections."""
        ...
