"""What the tests of the numerics share: a step over vectors that can't be written to, and the catalogue's variants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import settings
from hypothesis import strategies as st

from stepd.optimizers import CATALOGUE, resolve
from stepd.optimizers.blocked import BlockedDriver
from stepd.optimizers.contract import Constants, Driver, FloatArray, Optimizer, Rule
from stepd.values import DTYPES

# A shared machine makes single examples slow, so none has a deadline. Every variant and driver searches anew, which is
# why each tries few examples.
SEARCH = settings(deadline=None, max_examples=20)
DEEP = settings(deadline=None, max_examples=150)

each_dtype = pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)


class Step(NamedTuple):
    """What a driver made of a step."""

    finite: bool
    params: FloatArray
    slots: tuple[FloatArray, ...]

    @property
    def bits(self) -> tuple[bytes, ...]:
        return tuple(vector.tobytes() for vector in (self.params, *self.slots))


def read_only(vector: npt.ArrayLike, dtype: npt.DTypeLike) -> FloatArray:
    copy = np.array(vector, dtype)
    copy.flags.writeable = False
    return copy


def take_step(
    driver: Driver, optimizer: Optimizer, grads: FloatArray, params: FloatArray, slots: Sequence[FloatArray]
) -> Step:
    """One step. The inputs are copied into read-only vectors, so that writing to one raises."""
    dtype = params.dtype
    new_params, *new_slots = (np.full(params.size, np.nan, dtype) for _ in (params, *slots))
    with np.errstate(all="ignore"):  # the interpreted loops compute with scalars, which warn
        finite = driver.step(
            optimizer.rule,
            optimizer.constants(dtype),
            read_only(grads, dtype),
            read_only(params, dtype),
            tuple(read_only(slot, dtype) for slot in slots),
            new_params,
            tuple(new_slots),
        )
    return Step(finite, new_params, tuple(new_slots))


def zeros_for(optimizer: Optimizer, params: FloatArray) -> tuple[FloatArray, ...]:
    return tuple(np.zeros_like(params) for _ in optimizer.rule.slots)


class InPlaceDriver:
    """Steps in place, over copies: a driver whose `step` is another's `advance`, so that tests of one judge both."""

    def __init__(self, driver: Driver) -> None:
        self.name = driver.name
        self.advance = driver.advance

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
        new_params[:] = params
        for new_slot, slot in zip(new_slots, slots, strict=True):
            new_slot[:] = slot
        with np.errstate(all="ignore"):
            self.advance(rule, constants, grads, new_params, new_slots)
        return all(bool(np.isfinite(vector).all()) for vector in (new_params, *new_slots))


class CarelessDriver(BlockedDriver):
    """Answers what it is told about finiteness, whatever it computed: what fast-math makes of the check."""

    name = "careless"

    def __init__(self, answer: bool) -> None:
        self.answer = answer

    def step(self, *arguments: Any) -> bool:
        super().step(*arguments)
        return self.answer


class Variant(NamedTuple):
    """A rule with hyper-parameters in a dtype: what property tests run over."""

    name: str
    hyper: dict[str, Any]
    dtype: np.dtype[Any]

    @property
    def optimizer(self) -> Optimizer:
        return resolve({"name": self.name, **self.hyper}, self.dtype)

    def __str__(self) -> str:
        given = [f"{key}={value}" for key, value in self.hyper.items()]
        return "-".join([self.name, self.dtype.name, *given])


OTHER_HYPER: dict[str, list[dict[str, Any]]] = {
    "adadelta": [{"rho": 0.0, "eps": 1e-2}, {"rho": 0.9, "lr": 0.3, "weight_decay": 0.01, "maximize": True}],
    "adagrad": [{"lr": 1.0, "eps": 1e-3, "weight_decay": 0.01, "maximize": True}],
    "rmsprop": [{"lr": 0.1, "alpha": 0.0}, {"alpha": 0.9, "eps": 1e-3, "weight_decay": 0.01, "maximize": True}],
    "sgd": [{"momentum": 0.9}, {"momentum": 0.5, "nesterov": True, "lr": 0.1, "weight_decay": 0.01, "maximize": True}],
}
VARIANTS = [
    Variant(name, hyper, dtype)
    for name in CATALOGUE
    for hyper in ({}, *OTHER_HYPER[name])  # a new rule brings its variants: without them this line fails
    for dtype in DTYPES.values()
]


def floats(dtype: np.dtype[Any], low: float | None = None, high: float | None = None) -> st.SearchStrategy[float]:
    """Finite values of the dtype, subnormals and signed zeros included."""
    return st.floats(low, high, allow_nan=False, allow_infinity=False, width=32 if dtype.itemsize == 4 else 64)


@st.composite
def states(
    draw: st.DrawFn, variant: Variant, high: float | None = None, size: int = 12
) -> tuple[FloatArray, FloatArray, tuple[FloatArray, ...]]:
    """Gradients, params and slots of one size, no value above `high`; averages of squares are not negative."""
    low = None if high is None else -high
    slots = variant.optimizer.rule.slots
    bounds = [(low, high), (low, high), *((0.0 if slot.average_of_squares else low, high) for slot in slots)]
    row = st.tuples(*(floats(variant.dtype, *bound) for bound in bounds))
    table = np.array(draw(st.lists(row, min_size=1, max_size=size)), variant.dtype)
    grads, params, *rest = (np.ascontiguousarray(column) for column in table.T)
    return grads, params, tuple(rest)


def random_state(variant: Variant, size: int, seed: int) -> tuple[FloatArray, FloatArray, tuple[FloatArray, ...]]:
    """As `states`, for long vectors: everyday sizes over some orders of magnitude."""
    source = np.random.default_rng(seed)

    def vector() -> FloatArray:
        return (source.normal(size=size) * 10.0 ** source.uniform(-4, 2, size)).astype(variant.dtype)

    slots = variant.optimizer.rule.slots
    return vector(), vector(), tuple(np.abs(vector()) if slot.average_of_squares else vector() for slot in slots)
