"""What every route needs: the engine, the budget, the settings. And the ways of a request that several routes share."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from stepd.api.body import content_length, read_body
from stepd.api.budget import Budget, Reservation
from stepd.api.call import Call
from stepd.api.headers import refuse_key
from stepd.api.models import ControlModel, validated
from stepd.engine.contract import About, Engine
from stepd.errors import CheckpointMismatch, FieldError
from stepd.optimizers import Optimizer
from stepd.optimizers.drivers import Drivers
from stepd.settings import Settings
from stepd.values import FloatArray, Tensors, Values
from stepd.wire.arrays import decode_values
from stepd.wire.json import DECODE_BYTES_PER_BYTE, DECODED_BYTES_PER_BYTE, ENCODE_BYTES_PER_VALUE, parse
from stepd.wire.negotiate import require_acceptable, require_readable

T = TypeVar("T")


@dataclass
class Service:
    """One per application. `ready` is false before start-up has ended and from the beginning of the drain."""

    settings: Settings
    engine: Engine
    drivers: Drivers
    budget: Budget
    ready: bool = False

    def judge_format(self, call: Call, *, body: bool, key: bool = False) -> None:
        """415, 406, 413, and 400 for a key where none is taken: all before a body is read."""
        headers = call.headers
        if body:
            require_readable(headers.get(b"content-type"), headers.joined(b"content-encoding"))
        require_acceptable(headers.joined(b"accept"))
        if body:
            content_length(call, self.settings.max_json_bytes)
        if not key:
            refuse_key(headers)

    def reserve(self, call: Call, nbytes: int) -> Reservation:
        """Reserves for as long as the request lasts: the middleware gives it back once the answer has left.

        Raises RequestTooLarge, OverBudget.
        """
        reservation = call.reservation = Reservation(self.budget)
        reservation.grow(nbytes)
        return reservation

    async def read(
        self,
        call: Call,
        model: type[ControlModel],
        reservation: Reservation,
        decode: Callable[[ControlModel], T],
    ) -> T:
        """What `decode` makes of the body, once its control part is checked.

        What parsing takes is reserved while it lasts, what the values take from then on.
        """
        declared = content_length(call, self.settings.max_json_bytes)
        reservation.require_possible((declared or 0) * DECODE_BYTES_PER_BYTE)
        body = await read_body(call, reservation, self.settings.max_json_bytes)
        began = time.perf_counter()
        parsing = len(body) * (DECODE_BYTES_PER_BYTE - DECODED_BYTES_PER_BYTE)
        reservation.grow(len(body) * (DECODED_BYTES_PER_BYTE - 1) + parsing)
        try:
            with _no_collection():
                return decode(validated(model, parse(body)))
        finally:
            reservation.shrink(parsing)
            call.parse_s = time.perf_counter() - began

    def decode(self, given: object, role: str, dtype: np.dtype[Any], expected: Tensors | None = None) -> Values:
        """One role's vectors."""
        return self.decode_at(given, (role,), dtype, expected)

    def decode_at(
        self, given: object, place: tuple[str, ...], dtype: np.dtype[Any], expected: Tensors | None
    ) -> Values:
        """One role's vectors that stood at `place` in the body."""
        return decode_values(given, place, dtype, expected=expected, max_tensors=self.settings.max_tensors)

    def decode_state(self, given: dict[str, Any], optimizer: Optimizer, tensors: Tensors) -> dict[str, FloatArray]:
        """The slots of a checkpoint, each shaped as params. Raises CheckpointMismatch for one too many or missing."""
        names = optimizer.rule.slot_names
        for name in (*given, *names):
            if name not in names or name not in given:
                wrong = "is missing" if name in names else "is no slot"
                detail = f"state: {name[:40]!r} {wrong}; {optimizer.rule.name} has {', '.join(names)}"
                raise CheckpointMismatch(detail, errors=[FieldError.at("state", name, detail=detail)])
        return {name: self.decode_at(given[name], ("state", name), tensors.dtype, tensors).flat for name in names}


@contextmanager
def _no_collection() -> Iterator[None]:
    """Without garbage collection, which would look through a million new lists again and again and free nothing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def timed_encode(call: Call) -> Iterator[None]:
    """Counts the time spent inside as the answer's `encode`."""
    began = time.perf_counter()
    try:
        yield
    finally:
        call.encode_s = time.perf_counter() - began


def answer_bytes(tensors: Tensors | None, vectors: int = 1) -> int:
    """What writing so many vectors of these tensors may take, names included."""
    if tensors is None:
        return 0
    return vectors * (tensors.size * ENCODE_BYTES_PER_VALUE[tensors.dtype] + 2 * tensors.described_bytes)


def document_bytes(about: About) -> int:
    """What the document of a session, with all its tensors' names, takes while it is made."""
    return 4096 + (0 if about.tensors is None else 2 * about.tensors.described_bytes)
