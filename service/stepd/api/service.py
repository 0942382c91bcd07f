"""What every route needs: the engine, the budget, the settings. And the ways of a request that several routes share."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from stepd.api.body import SMALL_BYTES, Body, read_body, read_short
from stepd.api.budget import Budget, Reservation
from stepd.api.call import Call
from stepd.api.formats import Agreed, Form
from stepd.engine.contract import About, Engine, Layout
from stepd.errors import CheckpointMismatch, FieldError
from stepd.optimizers import Optimizer
from stepd.optimizers.drivers import Drivers
from stepd.settings import Settings
from stepd.values import FloatArray, Tensors, Values
from stepd.wire import raw, safetensors
from stepd.wire.arrays import decode_values
from stepd.wire.json import DECODE_BYTES_PER_BYTE, DECODED_BYTES_PER_BYTE, parse
from stepd.wire.json import MEDIA_TYPE as JSON

T = TypeVar("T")

# Values of a binary body from this size on are looked at in a thread, so that they hold nobody up.
THREAD_BYTES = 1024 * 1024
# What reading takes for each byte of a body, itself counted: while it is parsed, and from then on.
_PARSING = {JSON: DECODE_BYTES_PER_BYTE, raw.MEDIA_TYPE: 1}
_PARSED = {JSON: DECODED_BYTES_PER_BYTE, raw.MEDIA_TYPE: 1, safetensors.MEDIA_TYPE: 2}


@dataclass
class Service:
    """One per application. `ready` is false before start-up has ended and from the beginning of the drain."""

    settings: Settings
    engine: Engine
    drivers: Drivers
    budget: Budget
    ready: bool = False

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
        agreed: Agreed,
        form: Form,
        decode: Callable[[Any], T],
        reservation: Reservation,
        layout: Layout | None = None,
    ) -> T:
        """What `decode` makes of the body's document: of what a parser gave, the same for every format.

        What parsing takes is reserved while it lasts, what the values take from then on. `decode` may run in a thread.
        `layout` says of which session the values are.
        """
        if agreed.length is not None and agreed.length <= SMALL_BYTES:
            least = _parsing_bytes(agreed, form, agreed.length)
            reservation.grow(least)  # until the answer has left: it is not worth more
            body = await read_short(call)
            if agreed.body == safetensors.MEDIA_TYPE:
                reservation.grow(_parsing_bytes(agreed, form, agreed.length, body) - least)
            began = time.perf_counter()
            decoded = self._decoded(body, agreed, form, decode, layout)
            call.parse_s = time.perf_counter() - began
            return decoded
        reservation.require_possible(_parsing_bytes(agreed, form, agreed.length or 0))
        body = await read_body(call, reservation, agreed.length, agreed.limit, text=agreed.body == JSON)
        size = len(body)
        parsing = _parsing_bytes(agreed, form, size, body)
        reservation.grow(parsing - size)
        began = time.perf_counter()
        try:
            if agreed.body == JSON or size < THREAD_BYTES:
                return self._decoded(body, agreed, form, decode, layout)
            return await asyncio.to_thread(self._decoded, body, agreed, form, decode, layout)
        finally:
            reservation.shrink(parsing - size * _PARSED[agreed.body])
            call.parse_s = time.perf_counter() - began

    @staticmethod
    def _decoded(body: Body, agreed: Agreed, form: Form, decode: Callable[[Any], T], layout: Layout | None) -> T:
        if agreed.body == JSON:
            if len(body) < SMALL_BYTES:
                return decode(parse(body))  # type: ignore[arg-type] # text comes as bytes
            with _no_collection():
                return decode(parse(body))  # type: ignore[arg-type] # as above
        if agreed.body == raw.MEDIA_TYPE and layout is not None and layout.tensors is not None:
            return decode({form.roles[0]: raw.decode(body, layout.tensors)})
        document = safetensors.parse(
            body,
            vectors=form.roles,
            state=form.state,
            dtype=None if layout is None else layout.dtype,
            expected=agreed.tensors,
            labels=form.labels,
        )
        for name in form.told:
            document.pop(name, None)
        return decode(document)

    def decode(self, given: object, role: str, dtype: np.dtype[Any], expected: Tensors | None = None) -> Values:
        """One role's vectors."""
        return self.decode_at(given, (role,), dtype, expected)

    def decode_at(
        self, given: object, place: tuple[str, ...], dtype: np.dtype[Any], expected: Tensors | None
    ) -> Values:
        """One role's vectors that stood at `place` in the body."""
        if isinstance(given, Values):  # the whole of a body without names
            return given
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


def _parsing_bytes(agreed: Agreed, form: Form, length: int, body: Body = b"") -> int:
    """What a body of that length takes while it is parsed; as long as it has not been read, at least."""
    if agreed.body == safetensors.MEDIA_TYPE:
        longest = safetensors.max_header_bytes(agreed.tensors, labels=form.labels)
        return safetensors.decode_bytes(length, safetensors.header_bytes(body, longest))
    return length * _PARSING[agreed.body]


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


def document_bytes(about: About) -> int:
    """What the document of a session, with all its tensors' names, takes while it is made."""
    return 4096 + (0 if about.tensors is None else 2 * about.tensors.described_bytes)
