"""What an optimizer is: a rule in the paper's notation, its hyper-parameters with their bounds, its slots.

Here belong the types that every rule and both drivers share. No rule, no loop over arrays and no I/O lives here.
The vocabulary: a `Rule` is a catalogue entry; an `Optimizer` is a rule with every hyper-parameter resolved; its
`Constants` are what a driver hands to the rule, each derived once in float64 and rounded to the session's dtype.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, NamedTuple, Protocol, cast

import numpy as np
import numpy.typing as npt

from stepd.errors import FieldError, HyperParameterInvalid, HyperParameterUnknown

FloatArray = npt.NDArray[np.floating[Any]]
Number = float | bool


@dataclass(frozen=True, slots=True)
class HyperParameter:
    """One hyper-parameter: its default, its range and what it means. A bool default makes it a switch.

    `minimum` is included unless `above_minimum`; `below` is never included. Bounds hold after rounding to the dtype.
    """

    name: str
    default: Number
    meaning: str
    minimum: float = 0.0
    above_minimum: bool = False
    below: float | None = None

    @property
    def is_switch(self) -> bool:
        return isinstance(self.default, bool)

    @property
    def range(self) -> str:
        """The range as people write it: `0 <= rho < 1`."""
        if self.is_switch:
            return f"{self.name} is true or false"
        lower = f"{self.minimum:g} {'<' if self.above_minimum else '<='} {self.name}"
        return f"{lower} < {'infinity' if self.below is None else format(self.below, 'g')}"

    def check(self, value: object, dtype: np.dtype[Any]) -> Number:
        """Returns the value as float or bool; raises HyperParameterInvalid naming field, value and bound."""
        if self.is_switch:
            if not isinstance(value, bool):
                raise self._invalid(f"must be true or false, not {_shown(value)}")
            return value
        if isinstance(value, bool) or not isinstance(value, Real):
            raise self._invalid(f"must be a number, not {_shown(value)}")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        with np.errstate(over="ignore", under="ignore"):
            rounded = float(dtype.type(number))
        above = rounded > self.minimum if self.above_minimum else rounded >= self.minimum
        if not (above and math.isfinite(rounded) and (self.below is None or rounded < self.below)):
            as_rounded = "" if rounded == number or math.isnan(number) else f", which is {rounded:g} in {dtype.name}"
            raise self._invalid(f"is {_shown(value)}{as_rounded}; it must hold that {self.range}")
        return number

    def _invalid(self, reason: str) -> HyperParameterInvalid:
        detail = f"{self.name} {reason}"
        return HyperParameterInvalid(detail, errors=[FieldError(f"/optimizer/{self.name}", detail)])


def _shown(value: object) -> str:
    """A value for an error message: never longer than a line."""
    if value is None or isinstance(value, (bool, dict, list)):
        names: dict[object, str] = {None: "null", True: "true", False: "false"}
        return names[value] if not isinstance(value, (dict, list)) else f"{type(value).__name__}"
    try:
        text = repr(value)
    except ValueError:  # Python prints no integer of more than 4,300 digits
        return f"an {type(value).__name__} too long to show"
    return text if len(text) <= 40 else text[:37] + "..."


@dataclass(frozen=True, slots=True)
class Slot:
    """One array of optimizer state beside the params. `average_of_squares`: no value of it may be negative."""

    name: str
    average_of_squares: bool
    meaning: str


class RuleFunction(Protocol):
    """The rule itself: `(g, *slots, *constants) -> (delta, *slots)`, pure, for scalars and arrays alike.

    It may not write to its arguments, holds no number literal and derives no constant: a literal or `1 - rho` would
    be computed in another precision by one driver than by the other. `lr` is no argument: it scales the delta.
    """

    def __call__(self, *arguments: Any) -> tuple[Any, ...]: ...

    def __hash__(self) -> int: ...


class Reach(NamedTuple):
    """How far the values of one step of a rule can go, none of them negative.

    `delta` and `slots` bound the rule's results, `within` every value that it computes on the way to them.
    """

    within: float
    delta: float
    slots: tuple[float, ...]


class BoundFunction(Protocol):
    """The rule's reach: `(tiny, g, *slots, *constants) -> Reach`, from upper bounds of |g| and of each |slot|.

    It is computed in Python floats as if no operation of the rule rounded: the relative error of fewer than thirty
    roundings is added to its results, and `tiny` to each, by `bounds.prove`. `tiny`, the smallest normal value of the
    session's dtype, is more than the absolute error of many roundings among subnormals: the function adds it
    where such an error would be multiplied. Infinities and NaN may come out; they prove nothing.
    """

    def __call__(self, tiny: float, /, *arguments: Any) -> Reach: ...


@dataclass(frozen=True, slots=True)
class Rule:
    """A catalogue entry.

    `derive` gives the rule's constants in float64, in the order in which `function` takes them after the slots; floats
    are then rounded to the dtype. `consistent` raises HyperParameterInvalid where values exclude one another.
    """

    name: str
    function: RuleFunction
    bound: BoundFunction
    slots: tuple[Slot, ...]
    hyper_parameters: tuple[HyperParameter, ...]
    derive: Callable[[Mapping[str, Number]], tuple[Number, ...]]
    formula: tuple[str, ...]
    reference: str
    consistent: Callable[[Mapping[str, Number]], None] = lambda _: None

    @property
    def slot_names(self) -> tuple[str, ...]:
        return tuple(slot.name for slot in self.slots)

    def resolve(self, given: Mapping[str, object], dtype: np.dtype[Any]) -> Optimizer:
        """Fills in the defaults and checks every value in `dtype`.

        Raises:
            HyperParameterUnknown: a name that this rule does not have; the detail suggests the nearest.
            HyperParameterInvalid: a value out of its range after rounding to `dtype`.
        """
        known = {parameter.name: parameter for parameter in self.hyper_parameters}
        for name in given:
            if name not in known:
                near = difflib.get_close_matches(name[:32], known, n=1, cutoff=0.4)
                hint = f": did you mean {near[0]}?" if near else f"; it has {', '.join(known)}"
                detail = f"{self.name} has no hyper-parameter {_shown(name)}{hint}"
                raise HyperParameterUnknown(detail, errors=[FieldError.at("optimizer", name, detail=detail)])
        hyper = {name: parameter.check(given.get(name, parameter.default), dtype) for name, parameter in known.items()}
        self.consistent(hyper)
        return Optimizer(self, hyper)


@dataclass(frozen=True, slots=True, eq=False)
class Constants:
    """What a step uses, every float a NumPy scalar of the session's dtype. One equals itself alone.

    `weight_decay` is None where it is 0: then nothing is added to the gradient, which would turn -0.0 into 0.0.
    """

    lr: Any
    weight_decay: Any
    maximize: bool
    rule: tuple[Any, ...]

    def each(self, form: Callable[[Any], Any]) -> Constants:
        """The same constants with every float in another form."""
        decay = None if self.weight_decay is None else form(self.weight_decay)
        rule = tuple(number if isinstance(number, bool) else form(number) for number in self.rule)
        return Constants(form(self.lr), decay, self.maximize, rule)


@dataclass(frozen=True, slots=True)
class Optimizer:
    """A rule with every hyper-parameter resolved. Immutable; hyper-parameters are kept in float64 as given."""

    rule: Rule
    hyper: Mapping[str, Number]
    _derived: Constants | None = field(default=None, init=False, repr=False, compare=False)

    def constants(self, dtype: np.dtype[Any], lr: float | None = None) -> Constants:
        """Derives each constant in float64 and rounds it to `dtype`. `lr`, if given, replaces the session's."""
        if lr is not None:
            return self._derive(dtype, lr)
        if self._derived is None or self._derived.lr.dtype != dtype:
            object.__setattr__(self, "_derived", self._derive(dtype, self.hyper["lr"]))
        return cast(Constants, self._derived)

    def _derive(self, dtype: np.dtype[Any], lr: float) -> Constants:
        scalar = dtype.type
        with np.errstate(under="ignore"):
            decay = scalar(self.hyper["weight_decay"])
            return Constants(
                lr=scalar(lr),
                weight_decay=decay if decay != 0 else None,
                maximize=bool(self.hyper["maximize"]),
                rule=tuple(
                    value if isinstance(value, bool) else scalar(value) for value in self.rule.derive(self.hyper)
                ),
            )

    def check_lr(self, lr: object, dtype: np.dtype[Any]) -> float:
        """Checks one step's own lr as the session's lr is checked."""
        parameter = next(p for p in self.rule.hyper_parameters if p.name == "lr")
        return float(parameter.check(lr, dtype))

    def resolved(self) -> dict[str, str | Number]:
        """As the wire shows it: the name, then every hyper-parameter."""
        return {"name": self.rule.name, **self.hyper}


class Driver(Protocol):
    """Runs a rule over arrays, all one-dimensional, contiguous, aligned, of one dtype and size.

    Both verbs give the same bits. A driver writes to no gradient and keeps no reference to any array.
    """

    @property
    def name(self) -> str: ...

    def step(
        self,
        rule: Rule,
        constants: Constants,
        grads: FloatArray,
        params: FloatArray,
        slots: tuple[FloatArray, ...],
        new_params: FloatArray,
        new_slots: tuple[FloatArray, ...],
    ) -> bool:
        """Computes beside the state: writes `new_params` and `new_slots`; returns whether every value is finite."""
        ...

    def advance(
        self,
        rule: Rule,
        constants: Constants,
        grads: FloatArray,
        params: FloatArray,
        slots: tuple[FloatArray, ...],
    ) -> None:
        """Steps in place: writes the new params and slots over the old ones, which must be writeable.

        Nothing is checked: the caller has proven that every value computed on the way is finite, see `bounds`. Where
        it raises, what was written is unknown.
        """
        ...


# Every rule has these three; they are applied by the drivers, around the rule.
def learning_rate(default: float, meaning: str = "scales the step; never part of the state") -> HyperParameter:
    """The `lr` of a rule, which every rule has."""
    return HyperParameter("lr", default, meaning)


WEIGHT_DECAY = HyperParameter("weight_decay", 0.0, "L2 penalty: weight_decay * params is added to the gradient")
MAXIMIZE = HyperParameter("maximize", False, "turns the gradient around before anything else, to climb")
