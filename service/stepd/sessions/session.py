"""One optimization run: every change is prepared first, then committed; `state` is replaced by one assignment.

A prepare method changes nothing and raises what is refused. It computes the next state, or proves that computing it
over the old one can't go wrong; `commit` then does that. Both may run in a thread. Whoever calls them sees to it that
nothing else changes the session in between, and reads its vectors only while nothing changes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from stepd.errors import (
    CheckpointMismatch,
    FieldError,
    InvalidTensors,
    SessionHasNoShape,
    StepNotFinite,
)
from stepd.optimizers import Optimizer
from stepd.optimizers.bounds import Bounds, prove
from stepd.optimizers.contract import Constants, Driver, FloatArray
from stepd.records import Durability, Lineage
from stepd.sessions.keys import KeyMemory
from stepd.sessions.owned import lent, owned, readable
from stepd.sessions.spec import Spec
from stepd.values import Checkpoint, KeyRecord, SessionKey, Tensors, Values, largest, text_bytes

# What a session takes beside its arrays, names, labels and keys, and a label beside its text (measured by a test).
SESSION_BYTES = 2688
LABEL_BYTES = 192
NO_LABELS: Mapping[str, str] = MappingProxyType({})
NO_LINEAGE = Lineage()


# Up to so many values a step is computed beside the state: the check costs less than a proof, and new memory nothing.
BESIDE_SIZE = 4096


class State(NamedTuple):
    """What a step changes, replaced as a whole. The vectors are flat, see `values`, and the session's own.

    A commit may write to the vectors: they hold these values only while nothing changes the session. `bounds` are
    upper bounds of their absolute values, see `optimizers.bounds`, or None where they are not known.
    """

    incarnation: str
    step: int
    tensors: Tensors | None
    params: FloatArray | None
    slots: tuple[FloatArray, ...]
    bounds: Bounds | None = None

    @property
    def tag(self) -> str:
        """What the entity tag holds: which life and which step of it."""
        return f"{self.incarnation}-{self.step}"


class InPlace(NamedTuple):
    """A step that was proven and is still to be taken, over the vectors of the state that it leads to."""

    driver: Driver
    constants: Constants
    grads: FloatArray


class Prepared(NamedTuple):
    """A change that was validated and is computed or, `in_place`, proven; to be committed."""

    state: State
    key: str | None = None
    record: KeyRecord | None = None
    forgets_spec: bool = False
    in_place: InPlace | None = None
    lineage: Lineage | None = None


class Session:
    """One run. See the module's text for how it is changed.

    `spec` is what was asked for at create, None for a session that was restored or forked; `lineage` where its state
    comes from; `durability` what is kept of it when the process ends, which is for others to see to.
    """

    __slots__ = (
        "_constants",
        "created_at",
        "dtype",
        "durability",
        "key",
        "keys",
        "labels",
        "lineage",
        "optimizer",
        "spec",
        "state",
        "ttl_s",
        "updated_at",
    )

    def __init__(
        self,
        key: SessionKey,
        optimizer: Optimizer,
        dtype: np.dtype[Any],
        state: State,
        *,
        spec: Spec | None = None,
        labels: Mapping[str, str] | None = None,
        ttl_s: float | None = None,
        key_limit: int = 0,
        now: float = 0.0,
        durability: Durability = "memory",
        lineage: Lineage = NO_LINEAGE,
    ) -> None:
        self.key = key
        self.optimizer = optimizer
        self.dtype = dtype
        self.state = state
        self.spec = spec
        self.labels: Mapping[str, str] = dict(labels) if labels else NO_LABELS
        self.ttl_s = ttl_s
        self.durability: Durability = durability
        self.lineage = lineage
        self.keys = KeyMemory(key_limit)
        self.created_at = self.updated_at = now
        self._constants: Constants = optimizer.constants(dtype)

    @property
    def size(self) -> int:
        """Values per role; 0 while unshaped."""
        return 0 if self.state.tensors is None else self.state.tensors.size

    @property
    def nbytes(self) -> int:
        """Bytes that the session takes: arrays in full even before they are touched, names, labels, keys, the rest."""
        labels = sum(LABEL_BYTES + text_bytes(name) + text_bytes(value) for name, value in self.labels.items())
        return SESSION_BYTES + labels + self.array_bytes(self.state.tensors) + self.keys.nbytes

    def growth(self, prepared: Prepared) -> int:
        """By how much `nbytes` will be more once the change is committed."""
        arrays = 0
        if prepared.state.tensors is not self.state.tensors:
            arrays = self.array_bytes(prepared.state.tensors) - self.array_bytes(self.state.tensors)
        return arrays + (0 if prepared.key is None else self.keys.growth(prepared.key))

    def array_bytes(self, tensors: Tensors | None) -> int:
        """Bytes of params and slots of these tensors, and of their names."""
        return 0 if tensors is None else array_bytes(self.optimizer, tensors)

    def shaped(self) -> tuple[Tensors, FloatArray]:
        """The tensors and params; raises SessionHasNoShape while there are none."""
        if self.state.tensors is None or self.state.params is None:
            raise SessionHasNoShape(
                f"session {self.key.id!r} has no shape yet; it gets one from its first step that carries params, "
                "from PUT params or from PUT state"
            )
        return self.state.tensors, self.state.params

    def values(self) -> Values:
        """The params; raises SessionHasNoShape while there are none."""
        return Values(*self.shaped())

    def prepare_step(
        self,
        driver: Driver,
        grads: Values,
        params: Values | None = None,
        lr: float | None = None,
        key: str | None = None,
        fingerprint: bytes = b"",
        worker: str | None = None,
        *,
        beside: bool = False,
    ) -> Prepared:
        """The next state, by the rule. `params` replace the session's before the rule; `lr` holds for this step.

        The params are the session's from then on, and the gradients are not written to. `beside`: the next state is
        computed at once, in vectors of its own, and the present one can still be read until the commit.

        Raises SessionHasNoShape, NamesMismatch, ShapeMismatch, HyperParameterInvalid (lr), StepNotFinite.
        """
        if self.state.tensors is None and params is not None:
            tensors, before = params.tensors, params.flat
        else:
            tensors, before = self.shaped()
            if params is not None:
                _require_same("params", params, tensors)
                before = params.flat
        _require_same("grads", grads, tensors)
        constants = self._constants if lr is None else self.optimizer.constants(self.dtype, lr)
        in_place = None
        small = tensors.size <= BESIDE_SIZE
        state = None if beside or small else self._proven(constants, tensors, grads, before, params)
        if state is None:
            state = self._beside(driver, constants, tensors, readable(grads.flat), readable(before))
        else:
            in_place = InPlace(driver, constants, readable(grads.flat))
        record = None if key is None else KeyRecord(state.incarnation, state.step, fingerprint, worker)
        return Prepared(state, key, record, in_place=in_place)

    def prepare_params(self, params: Values, incarnation: str) -> Prepared:
        """Other params, the same slots and step. Raises NamesMismatch, ShapeMismatch."""
        if self.state.tensors is not None:
            self.state.tensors.require("params", params.tensors.names, params.tensors.shapes)
        slots = self.state.slots or self._zero_slots(params.tensors)
        return Prepared(State(incarnation, self.state.step, params.tensors, owned(params.flat), slots))

    def prepare_reset(self, incarnation: str) -> Prepared:
        """Slots to zero, step 0; params and shape stay."""
        tensors = self.state.tensors
        slots = () if tensors is None else self._zero_slots(tensors)
        return Prepared(State(incarnation, 0, tensors, self.state.params, slots), lineage=self.lineage.began_at(0))

    def prepare_restore(self, checkpoint: Checkpoint, incarnation: str) -> Prepared:
        """The checkpoint's values and step.

        Raises CheckpointMismatch where optimizer or dtype differ, NamesMismatch or ShapeMismatch where tensors do.
        """
        have = {"optimizer": self.optimizer.resolved(), "dtype": self.dtype.name}
        given = {"optimizer": dict(checkpoint.optimizer), "dtype": checkpoint.tensors.dtype.name}
        for name, value in have.items():
            if value != given[name]:
                detail = f"the checkpoint's {name} is {given[name]}, the session's is {value}"
                raise CheckpointMismatch(detail, errors=[FieldError.at(name, detail=detail)])
        if self.state.tensors is not None:
            self.state.tensors.require("params", checkpoint.tensors.names, checkpoint.tensors.shapes)
        state = restored_state(self.optimizer, checkpoint, incarnation)
        return Prepared(state, forgets_spec=True, lineage=Lineage(checkpoint.named, born_step=checkpoint.step))

    def commit(self, prepared: Prepared, now: float) -> None:
        """Makes the change. Takes as long as a step where one was proven, else no time.

        Only a machine without memory for another slice can make it fail: then the state is as it was where its vectors
        are, and what they hold is unknown.
        """
        if prepared.in_place is not None and prepared.state.params is not None:
            driver, constants, grads = prepared.in_place
            driver.advance(self.optimizer.rule, constants, grads, prepared.state.params, prepared.state.slots)
        if prepared.key is not None and prepared.record is not None:
            self.keys.remember(prepared.key, prepared.record)
        if prepared.forgets_spec:
            self.spec = None
        if prepared.lineage is not None:
            self.lineage = prepared.lineage
        self.updated_at = now
        self.state = prepared.state

    def checkpoint(self) -> Checkpoint:
        """The whole session as values, to be read and only until the session's next change."""
        tensors, params = self.shaped()
        slots = dict(zip(self.optimizer.rule.slot_names, map(lent, self.state.slots), strict=True))
        return Checkpoint(self.optimizer.resolved(), tensors, self.state.step, lent(params), slots)

    def _proven(
        self, constants: Constants, tensors: Tensors, grads: Values, params: FloatArray, given: Values | None
    ) -> State | None:
        """The next state, whose vectors are yet to be stepped in place; None where that is not proven to go well."""
        state, rule = self.state, self.optimizer.rule
        slots, bounds = state.slots or self._zero_slots(tensors), state.bounds
        if given is not None and bounds is not None:
            bounds = (largest(params) if given.largest is None else given.largest, *bounds[1:])
        steepest = largest(grads.flat) if grads.largest is None else grads.largest
        reached = None if bounds is None else prove(rule, constants, self.dtype, steepest, bounds)
        if reached is None:  # bounds that were carried from step to step have drifted upwards
            bounds = tuple(largest(vector) for vector in (params, *slots))
            reached = prove(rule, constants, self.dtype, steepest, bounds)
        if reached is None:
            return None
        kept = params if given is None else owned(params, grads.flat)
        return State(state.incarnation, state.step + 1, tensors, kept, slots, reached)

    def _beside(
        self, driver: Driver, constants: Constants, tensors: Tensors, grads: FloatArray, params: FloatArray
    ) -> State:
        """The next state, in vectors of its own. Raises StepNotFinite."""
        slots = self.state.slots or self._zero_slots(tensors)
        size, dtype = tensors.size, self.dtype
        new_params, new_slots = np.empty(size, dtype), tuple([np.empty(size, dtype) for _ in slots])
        if not driver.step(self.optimizer.rule, constants, grads, params, slots, new_params, new_slots):
            raise self._not_finite(tensors, grads, new_params, new_slots)
        return State(self.state.incarnation, self.state.step + 1, tensors, new_params, new_slots)

    def _zero_slots(self, tensors: Tensors) -> tuple[FloatArray, ...]:
        return tuple(tensors.zeros() for _ in self.optimizer.rule.slots)

    def _not_finite(
        self, tensors: Tensors, grads: FloatArray, params: FloatArray, slots: tuple[FloatArray, ...]
    ) -> StepNotFinite:
        for name, result in zip(("params", *self.optimizer.rule.slot_names), (params, *slots), strict=True):
            bad = np.flatnonzero(~np.isfinite(result))
            if bad.size:
                flat_index = int(bad[0])
                tensor, index = tensors.locate(flat_index)
                of = "" if tensor is None else f" of tensor {tensor!r}"
                detail = (
                    f"{name}{of} would be {result[flat_index]} at index {list(index)}, where the gradient is "
                    f"{float(grads[flat_index]):.6g} ({bad.size} such value{'s' if bad.size > 1 else ''} in {name}); "
                    "nothing has changed"
                )
                place = tensors.place("grads", flat_index=flat_index)
                return StepNotFinite(detail, errors=[FieldError.at(*place, detail=detail)])
        raise AssertionError("the driver called a finite result not finite")


def _require_same(role: str, values: Values, tensors: Tensors) -> None:
    """Raises NamesMismatch or ShapeMismatch where values are not of these tensors; what was decoded for them is."""
    if values.tensors is not tensors:
        tensors.require(role, values.tensors.names, values.tensors.shapes)


def vector_bytes(optimizer: Optimizer, tensors: Tensors) -> int:
    """Bytes of params and slots of such a session."""
    return tensors.nbytes * (1 + len(optimizer.rule.slots))


def array_bytes(optimizer: Optimizer, tensors: Tensors) -> int:
    """Bytes of params and slots of such a session, and of its tensors' names and shapes."""
    return vector_bytes(optimizer, tensors) + tensors.described_bytes


def new_state(optimizer: Optimizer, tensors: Tensors | None, params: FloatArray | None, incarnation: str) -> State:
    """The state at step 0: params as given, which are the session's from then on (None: zeros), slots zero."""
    if tensors is None:
        return State(incarnation, 0, None, None, ())
    slots = tuple(tensors.zeros() for _ in optimizer.rule.slots)
    return State(incarnation, 0, tensors, tensors.zeros() if params is None else owned(params), slots)


def copied(session: Session) -> State:
    """The session's state, in vectors of its own. Raises SessionHasNoShape."""
    session.shaped()
    state = session.state
    params = None if state.params is None else state.params.copy()
    return state._replace(params=params, slots=tuple(slot.copy() for slot in state.slots))


def restored_state(optimizer: Optimizer, checkpoint: Checkpoint, incarnation: str) -> State:
    """The checkpoint's state, in its vectors; raises InvalidTensors where an average of squares is negative."""
    for slot in optimizer.rule.slots:
        values = checkpoint.slots[slot.name]
        if slot.average_of_squares and (values < 0).any():
            flat_index = int(np.flatnonzero(values < 0)[0])
            _, index = checkpoint.tensors.locate(flat_index)
            detail = (
                f"{slot.name} is {values[flat_index]} at index {list(index)}; an average of squares is not negative"
            )
            place = checkpoint.tensors.place("state", slot.name, flat_index=flat_index)
            raise InvalidTensors(detail, errors=[FieldError.at(*place, detail=detail)])
    vectors: list[FloatArray] = []
    for given in (checkpoint.params, *(checkpoint.slots[name] for name in optimizer.rule.slot_names)):
        vectors.append(owned(given, *vectors))
    return State(incarnation, checkpoint.step, checkpoint.tensors, vectors[0], tuple(vectors[1:]))
