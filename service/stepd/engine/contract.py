"""The verbs of an engine and the plain types that pass through its door. Nothing above may know which engine runs.

Values that go in belong to the engine from then on and may not be written to. Values that come out are seen only by
the `encode` function that the caller hands in; it runs before anyone else can change the session and may keep none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np

from stepd.errors import PreconditionFailed, StepdError
from stepd.optimizers import Optimizer
from stepd.records import Durability, Lineage
from stepd.storage.contract import Life, StepSummary
from stepd.values import Checkpoint, FloatArray, SessionKey, Tensors, Values

T = TypeVar("T")


class About(NamedTuple):
    """What a session is, at one moment. Times are seconds since 1970; `expires_at` holds if it is not used again."""

    key: SessionKey
    optimizer: Optimizer
    dtype: np.dtype[Any]
    tensors: Tensors | None
    step: int
    incarnation: str
    nbytes: int
    created_at: float
    updated_at: float
    ttl_s: float | None
    expires_at: float | None
    labels: Mapping[str, str]
    durability: Durability
    lineage: Lineage

    @property
    def tag(self) -> str:
        """What the entity tag holds."""
        return f"{self.incarnation}-{self.step}"


class Layout(NamedTuple):
    """What the values of a session are like, at one moment: what a request is decoded for."""

    optimizer: Optimizer
    dtype: np.dtype[Any]
    tensors: Tensors | None
    incarnation: str


@dataclass(frozen=True, slots=True)
class Preconditions:
    """If-Match and If-None-Match as sets of tags; `*` stands for any session. None: not sent."""

    if_match: frozenset[str] | None = None
    if_none_match: frozenset[str] | None = None

    def names(self, current: str) -> bool:
        """Whether If-None-Match names the current state: then a read need not give it again."""
        return self.if_none_match is not None and _matches(self.if_none_match, current)

    def are_of_another_life(self, incarnation: str) -> bool:
        """Whether If-None-Match names states and none of this incarnation: what the caller knows has been replaced."""
        tags = self.if_none_match or frozenset("*")
        return "*" not in tags and all(tag.rpartition("-")[0] != incarnation for tag in tags)

    def check(self, current: str | None, step: int = 0) -> None:
        """Raises PreconditionFailed where a change of the session (None: there is none) is ruled out."""
        if self.if_match is not None and not _matches(self.if_match, current):
            if current is None:
                raise PreconditionFailed("If-Match names a state and there is no such session")
            raise PreconditionFailed(
                f"the session is at {current}, If-Match names {', '.join(sorted(self.if_match))[:120]}; nothing has "
                "changed; read the session, then decide",
                extra={"etag": f'"{current}"', "step": step},
            )
        if current is not None and self.names(current):
            raise PreconditionFailed(
                f"the session exists, at {current}, and If-None-Match rules that out",
                extra={"etag": f'"{current}"', "step": step},
            )


def _matches(tags: frozenset[str], current: str | None) -> bool:
    return current is not None and ("*" in tags or current in tags)


ANY_STATE = Preconditions()


@dataclass(frozen=True, slots=True)
class Creation:
    """What create asks for. `tensors` without `params`: zeros. Neither: an unshaped session.

    `durability` is None where the service's own level is to hold.
    """

    optimizer: Optimizer
    dtype: np.dtype[Any]
    tensors: Tensors | None = None
    params: FloatArray | None = None
    ttl_s: float | None = None
    labels: Mapping[str, str] | None = None
    durability: Durability | None = None


@dataclass(frozen=True, slots=True)
class Restoration:
    """What PUT state asks for. `digest`, where given, must be the checkpoint's; the rest holds where it creates."""

    optimizer: Optimizer
    checkpoint: Checkpoint
    digest: str | None = None
    ttl_s: float | None = None
    labels: Mapping[str, str] | None = None
    durability: Durability | None = None


@dataclass(frozen=True, slots=True)
class Fork:
    """What fork asks for. `at` is a step of `incarnation`; None: the current ones.

    `hyper` are the hyper-parameters that are to be other than the session's.
    """

    at: int | None = None
    incarnation: str | None = None
    hyper: Mapping[str, Any] = field(default_factory=dict)
    ttl_s: float | None = None
    labels: Mapping[str, str] | None = None
    durability: Durability | None = None


class History(NamedTuple):
    """Some steps of one incarnation, in order, and the number behind which the next begin; all lives, newest first."""

    incarnation: str
    steps: Sequence[StepSummary]
    following: int | None
    lives: Sequence[Life]


class StepRequest(NamedTuple):
    """What a step says, decoded; without `params` those of the session are used."""

    grads: Values
    params: Values | None = None
    lr: float | None = None
    idempotency_key: str | None = None
    preconditions: Preconditions = ANY_STATE

    @property
    def step(self) -> tuple[Values, Values | None, float | None, str | None]:
        """What `Session.prepare_step` takes of it."""
        return self.grads, self.params, self.lr, self.idempotency_key


class StepAnswer(NamedTuple, Generic[T]):
    """What came of a step: where the session is, which step took the gradients, what `encode` made of the params."""

    tag: str
    step: int
    applied_step: int
    replayed: bool
    encoded: T
    step_s: float
    encode_s: float


class OnceAnswer(NamedTuple, Generic[T]):
    """What `encode` made of the state after a step without a session."""

    encoded: T
    step_s: float
    encode_s: float


class Read(NamedTuple, Generic[T]):
    """What `encode` made of a session, and its tag. `encoded` is None where the caller has that state already."""

    tag: str
    step: int
    encoded: T | None


# Of the incarnation, the step and the params; of the incarnation and the checkpoint. Either may run in a thread.
EncodeParams = Callable[[str, int, Values], T]
EncodeCheckpoint = Callable[[str, Checkpoint], T]


class Engine(Protocol):
    """The verbs. Each that names a session raises SessionNotFound or SessionExpired.

    A verb that changes a session does so whole or not at all, one at a time per session, and goes on to its end when
    its caller is cancelled. With a store all may raise StorageUnavailable, and where a session has to be loaded first
    SessionCorrupt and CapacityExceeded; what changes a session StorageFull and OutcomeUnknown as well.
    """

    def using(self, key: SessionKey) -> AbstractAsyncContextManager[Layout]:
        """Keeps a session from expiring for the length of a request; success renews its time."""
        ...

    async def describe(self, key: SessionKey) -> About:
        """What the session is."""
        ...

    async def create(
        self, key: SessionKey, creation: Creation, preconditions: Preconditions = ANY_STATE
    ) -> tuple[About, bool]:
        """A new session, or the one that was created from the same spec; the bool tells whether it is new.

        Raises SessionExists, PreconditionFailed, CapacityExceeded.
        """
        ...

    async def list(
        self, tenant: str, after: str, size: int, labels: Mapping[str, str]
    ) -> tuple[Sequence[About], str | None]:
        """A page of sessions, ids in order from behind `after`, and the id where the next page begins."""
        ...

    async def step(self, key: SessionKey, request: StepRequest, encode: EncodeParams[T]) -> StepAnswer[T]:
        """Takes one step, or finds that its key took it already. Judges key, precondition, numbers, capacity."""
        ...

    async def step_once(
        self, optimizer: Optimizer, start: Checkpoint, grads: Values, encode: EncodeCheckpoint[T]
    ) -> OnceAnswer[T]:
        """One step of a session that is made for it and forgotten: the same checks, no table, no key."""
        ...

    async def params(self, key: SessionKey, encode: EncodeParams[T], unless: Preconditions = ANY_STATE) -> Read[T]:
        """The params, unless `unless.if_none_match` names the current state."""
        ...

    async def wait(self, key: SessionKey, step: int, timeout_s: float) -> None:
        """Returns when the session is at `step` or beyond, is in another incarnation, the time is over or the service
        drains; raises SessionNotFound when it is deleted."""
        ...

    async def put_params(self, key: SessionKey, params: Values, preconditions: Preconditions) -> About:
        """Replaces the params; slots and step stay."""
        ...

    async def checkpoint(
        self, key: SessionKey, encode: EncodeCheckpoint[T], unless: Preconditions = ANY_STATE
    ) -> Read[T]:
        """The whole session, unless `unless.if_none_match` names the current state."""
        ...

    async def restore(
        self, key: SessionKey, restoration: Restoration, preconditions: Preconditions
    ) -> tuple[About, bool]:
        """Puts a checkpoint in place of a session, or makes one of it; the bool tells whether it is new."""
        ...

    async def reset(self, key: SessionKey, preconditions: Preconditions) -> About:
        """Slots to zero, step 0."""
        ...

    async def delete(self, key: SessionKey, preconditions: Preconditions) -> None:
        """Deletes the session; its id is free again."""
        ...

    async def history(self, key: SessionKey, incarnation: str | None, after: int, size: int) -> History:
        """Up to `size` steps with numbers beyond `after`. Raises NotDurable, StepNotRetained."""
        ...

    async def checkpoint_at(
        self, key: SessionKey, step: int | None, incarnation: str | None, encode: EncodeCheckpoint[T]
    ) -> Read[T]:
        """The whole session as it was at that step. Raises NotDurable, StepNotRetained."""
        ...

    async def fork(self, key: SessionKey, new: SessionKey, fork: Fork) -> About:
        """A new session from a state of this one. Raises SessionExists, NotDurable, StepNotRetained, SessionHasNoShape,
        HyperParameterUnknown, HyperParameterInvalid, CapacityExceeded."""
        ...

    async def trouble(self) -> StepdError | None:
        """Why sessions that are kept can't be changed now, if they can't."""
        ...

    async def snapshot(self, key: SessionKey) -> About:
        """Returns when the session as it is now is in the store. Raises NotDurable where none has it."""
        ...
