"""What a step does to arrays, noted once as NumPy calls and then repeated over slices, in memory that is there.

A rule is a pure function, which makes an array for each value on its way. Here it is run once on stand-ins that note
the calls; each value is then given a place: the vector where it belongs in the end, or scratch that is free by then.
The calls are the rule's own, in its order, and so the bits are too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from stepd.optimizers.contract import Constants, FloatArray, RuleFunction

MAX_OPERANDS = 2


class PlacedCall(NamedTuple):
    """A NumPy function and the places of its operands, of which there may be one, and of its result."""

    function: np.ufunc
    first: int
    second: int | None
    result: int


class Program(NamedTuple):
    """The calls of a step, and how many vectors of scratch they need.

    The places are gradients, params, slots, new params, new slots, scratch, constants, in this order.
    """

    calls: tuple[PlacedCall, ...]
    scratch: int

    def run(self, vectors: Iterable[FloatArray], scratch: Iterable[FloatArray], constants: Iterable[Any]) -> None:
        """Takes a step of one slice. The new vectors may be the old ones."""
        places = [*vectors, *scratch, *constants]
        for function, first, second, result in self.calls:
            if second is None:
                function(places[first], places[result])
            else:
                function(places[first], places[second], places[result])


@lru_cache(maxsize=64)
def program_of(rule: RuleFunction, slots: int, constants: Constants) -> tuple[Program, list[Any]]:
    """The program of a step with these constants, and they as it takes them: arrays without dimensions.

    NumPy combines those with vectors sooner than scalars.

    Args:
        rule: the function of a rule.
        slots: how many of its arguments, behind the gradient, are slots.
        constants: what the step uses.
    """
    flags = tuple(number if isinstance(number, bool) else None for number in constants.rule)
    decays = constants.weight_decay is not None
    given = [constants.lr, *([constants.weight_decay] if decays else []), *constants.rule]
    program = _program(rule, slots, flags, maximize=constants.maximize, decays=decays)
    return program, [np.asarray(number) for number in given if not isinstance(number, bool)]


@lru_cache(maxsize=64)
def _program(
    rule: RuleFunction, slots: int, flags: tuple[bool | None, ...], *, maximize: bool, decays: bool
) -> Program:
    """`flags` has the rule's constants that are no numbers, and None for those that are."""
    recording = Recording()
    grads, params, *state = old = [recording.value() for _ in range(2 + slots)]
    lr, *decay = [recording.value() for _ in range(1 + decays)]
    constants = [recording.value() if flag is None else flag for flag in flags]
    g: Any = -grads if maximize else grads
    if decay:
        g = g + decay[0] * params
    delta, *results = rule(g, *state, *constants)
    new = recording.settled(old[1:], [params + lr * delta, *results])
    numbers = [lr, *decay, *(each for each in constants if isinstance(each, StandIn))]
    return recording.placed(old, new, numbers)


class StandIn(NDArrayOperatorsMixin):
    """Stands for an array or a constant while a rule runs, and notes what is done to it."""

    def __init__(self, recording: Recording, number: int) -> None:
        self.recording = recording
        self.number = number

    def __array_ufunc__(self, function: np.ufunc, method: str, *operands: object, **options: object) -> Any:
        known = [operand for operand in operands if isinstance(operand, StandIn)]
        if method != "__call__" or options or function.nout != 1 or not len(known) == len(operands) <= MAX_OPERANDS:
            return NotImplemented  # a TypeError, in which NumPy says what could not be noted
        return self.recording.call(function, known)


class Call(NamedTuple):
    """A NumPy function, the numbers of the values that it is given, and that of its result."""

    function: np.ufunc
    operands: tuple[int, ...]
    result: int


class Recording:
    """The calls of a step so far. Every value, given or made, has a number."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._count = 0

    def value(self) -> StandIn:
        """A value that is given, or that a call makes."""
        self._count += 1
        return StandIn(self, self._count)

    def call(self, function: np.ufunc, operands: Sequence[StandIn]) -> StandIn:
        """Notes a call; its result."""
        result = self.value()
        self.calls.append(Call(function, tuple(operand.number for operand in operands), result.number))
        return result

    def settled(self, old: Sequence[StandIn], new: Sequence[StandIn]) -> list[StandIn]:
        """The new values, each made by a call of its own after which nothing asks for the old value that it replaces.

        Where a rule does not give them so, they are copied.
        """
        found: list[StandIn] = []
        for value in new:
            made = any(call.result == value.number for call in self.calls)
            twice = any(value is other for other in found)
            found.append(value if made and not twice else self.call(np.positive, [value]))
        for index, (value, replaced) in enumerate(zip(found, old, strict=True)):
            following = iter(self.calls)
            any(call.result == value.number for call in following)  # goes on to the call that makes it
            if any(replaced.number in call.operands for call in following):
                found[index] = self.call(np.positive, [value])
        return found

    def placed(self, old: Sequence[StandIn], new: Sequence[StandIn], constants: Sequence[StandIn]) -> Program:
        """The program in which every value has its place: where the one before it is not needed any more."""
        places = {value.number: place for place, value in enumerate((*old, *new))}
        given = len(places)
        last_use = {operand: index for index, call in enumerate(self.calls) for operand in call.operands}
        makes = {call.result: index for index, call in enumerate(self.calls)}
        # Until which call a place is in use, and which call it has to be free for. The old values, whose memory may be
        # that of the new ones, are in use until they are needed no more.
        busy = {
            places[after.number]: last_use.get(before.number, -1) for before, after in zip(old[1:], new, strict=True)
        }
        claims = {places[value.number]: makes[value.number] for value in new}
        scratch = 0
        for index, call in enumerate(self.calls):
            until = last_use.get(call.result, index)
            if call.result in places:
                until = len(self.calls)
            else:
                fits = (place for place in busy if busy[place] <= index and until <= claims.get(place, until))
                places[call.result] = next(fits, given + scratch)
                scratch = max(scratch, places[call.result] - given + 1)
            busy[places[call.result]] = until
        places |= {value.number: given + scratch + index for index, value in enumerate(constants)}
        return Program(tuple(_placed(call, places) for call in self.calls), scratch)


def _placed(call: Call, places: Mapping[int, int]) -> PlacedCall:
    first, second = places[call.operands[0]], places[call.operands[1]] if len(call.operands) > 1 else None
    return PlacedCall(call.function, first, second, places[call.result])
