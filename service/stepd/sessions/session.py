"""One optimization run: every change is prepared first (validated and computed), then committed by one assignment.

A prepare method changes nothing, raises what is refused, and may run in a thread. `commit` can't fail. Whoever calls
them sees to it that nothing else changes the session in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
from stepd.optimizers.contract import Constants, Driver, FloatArray
from stepd.sessions.keys import KeyMemory
from stepd.sessions.spec import Spec
from stepd.values import Checkpoint, KeyRecord, SessionKey, Tensors, Values, text_bytes

# What a session takes beside its arrays, names, labels and keys, and a label beside its text (measured by a test).
SESSION_BYTES = 3072
LABEL_BYTES = 192


class State(NamedTuple):
    """What a step changes, replaced as a whole and never written to. The vectors are flat, see `values`."""

    incarnation: str
    step: int
    tensors: Tensors | None
    params: FloatArray | None
    slots: tuple[FloatArray, ...]

    @property
    def tag(self) -> str:
        """What the entity tag holds: which life and which step of it."""
        return f"{self.incarnation}-{self.step}"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A change that was validated and computed, to be committed."""

    state: State
    key: str | None = None
    record: KeyRecord | None = None
    forgets_spec: bool = False


class Session:
    """One run. See the module's text for how it is changed.

    `spec` is what was asked for at create, None for a session that was restored.
    """

    __slots__ = (
        "_constants",
        "created_at",
        "dtype",
        "key",
        "keys",
        "labels",
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
    ) -> None:
        self.key = key
        self.optimizer = optimizer
        self.dtype = dtype
        self.state = state
        self.spec = spec
        self.labels = dict(labels or {})
        self.ttl_s = ttl_s
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
    ) -> Prepared:
        """The next state, by the rule. `params` replace the session's before the rule; `lr` holds for this step.

        Raises SessionHasNoShape, NamesMismatch, ShapeMismatch, HyperParameterInvalid (lr), StepNotFinite.
        """
        if self.state.tensors is None and params is not None:
            tensors, before = params
        else:
            tensors, before = self.shaped()
            if params is not None:
                tensors.require("params", params.tensors.names, params.tensors.shapes)
                before = params.flat
        tensors.require("grads", grads.tensors.names, grads.tensors.shapes)
        constants = self._constants if lr is None else self.optimizer.constants(self.dtype, lr)
        slots = self.state.slots or self._zero_slots(tensors)
        new_params, new_slots = np.empty_like(before), tuple(np.empty_like(slot) for slot in slots)
        if not driver.step(self.optimizer.rule, constants, grads.flat, before, slots, new_params, new_slots):
            raise self._not_finite(tensors, grads.flat, new_params, new_slots)
        state = State(self.state.incarnation, self.state.step + 1, tensors, new_params, new_slots)
        record = None if key is None else KeyRecord(state.incarnation, state.step, fingerprint)
        return Prepared(state, key, record)

    def prepare_params(self, params: Values, incarnation: str) -> Prepared:
        """Other params, the same slots and step. Raises NamesMismatch, ShapeMismatch."""
        if self.state.tensors is not None:
            self.state.tensors.require("params", params.tensors.names, params.tensors.shapes)
        slots = self.state.slots or self._zero_slots(params.tensors)
        return Prepared(State(incarnation, self.state.step, params.tensors, params.flat, slots))

    def prepare_reset(self, incarnation: str) -> Prepared:
        """Slots to zero, step 0; params and shape stay."""
        tensors = self.state.tensors
        slots = () if tensors is None else self._zero_slots(tensors)
        return Prepared(State(incarnation, 0, tensors, self.state.params, slots))

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
        return Prepared(restored_state(self.optimizer, checkpoint, incarnation), forgets_spec=True)

    def commit(self, prepared: Prepared, now: float) -> None:
        """Makes the change. The one assignment of `state` is what other readers see."""
        if prepared.key is not None and prepared.record is not None:
            self.keys.remember(prepared.key, prepared.record)
        if prepared.forgets_spec:
            self.spec = None
        self.updated_at = now
        self.state = prepared.state

    def checkpoint(self) -> Checkpoint:
        """The whole session as values; the arrays are shared and never written to."""
        tensors, params = self.shaped()
        slots = dict(zip(self.optimizer.rule.slot_names, self.state.slots, strict=True))
        return Checkpoint(self.optimizer.resolved(), tensors, self.state.step, params, slots)

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


def vector_bytes(optimizer: Optimizer, tensors: Tensors) -> int:
    """Bytes of params and slots of such a session."""
    return tensors.nbytes * (1 + len(optimizer.rule.slots))


def array_bytes(optimizer: Optimizer, tensors: Tensors) -> int:
    """Bytes of params and slots of such a session, and of its tensors' names and shapes."""
    return vector_bytes(optimizer, tensors) + tensors.described_bytes


def new_state(optimizer: Optimizer, tensors: Tensors | None, params: FloatArray | None, incarnation: str) -> State:
    """The state at step 0: params as given (None: zeros), slots zero."""
    if tensors is None:
        return State(incarnation, 0, None, None, ())
    slots = tuple(tensors.zeros() for _ in optimizer.rule.slots)
    return State(incarnation, 0, tensors, tensors.zeros() if params is None else params, slots)


def restored_state(optimizer: Optimizer, checkpoint: Checkpoint, incarnation: str) -> State:
    """The checkpoint's state; raises InvalidTensors where an average of squares is negative."""
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
    slots = tuple(checkpoint.slots[name] for name in optimizer.rule.slot_names)
    return State(incarnation, checkpoint.step, checkpoint.tensors, checkpoint.params, slots)
