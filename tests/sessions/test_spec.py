"""Asking again is told from asking for something else, field by field."""

from typing import Any

import numpy as np
import pytest

from stepd.optimizers import resolve
from stepd.sessions.spec import Spec
from stepd.values import DTYPES, Tensors, digest


def spec(
    optimizer: dict[str, Any] | None = None, dtype: str = "float64", shape: Any = (2,), params: Any = (1.0, 2.0)
) -> Spec:
    kind = DTYPES[dtype]
    if shape is None:
        tensors = None
    elif isinstance(shape, dict):
        tensors = Tensors.named(shape, kind)
    else:
        tensors = Tensors.unnamed(shape, kind)
    made = digest(np.array(params, kind)) if tensors is not None else None
    return Spec(resolve(optimizer or {"name": "adadelta"}, kind), kind, tensors, made)


SAME = [
    (spec(), spec()),
    (spec({"name": "adadelta"}), spec({"name": "adadelta", "rho": 0.95, "eps": 1e-6, "lr": 1, "maximize": False})),
    (spec(shape=None), spec(shape=None)),
    (spec(shape={"w": (1,), "b": (1,)}), spec(shape={"b": (1,), "w": (1,)})),
]


@pytest.mark.parametrize(("one", "other"), SAME, ids=["same", "defaults", "unshaped", "order of names"])
def test_asking_for_the_same(one: Spec, other: Spec) -> None:
    """Defaults are filled in, and the order of names plays no part."""
    assert one.differences(other) == []


DIFFERENT = {
    "rho": (spec({"name": "adadelta", "rho": 0.9}), ["optimizer"]),
    "rule": (spec({"name": "sgd"}), ["optimizer"]),
    "dtype": (spec(dtype="float32"), ["dtype"]),
    "shape": (spec(shape=(1, 2)), ["shape"]),
    "size": (spec(shape=(3,), params=(1, 2, 3)), ["shape"]),
    "name": (spec(shape={"w": (2,)}), ["shape"]),
    "unshaped": (spec(shape=None), ["shape"]),
    "params": (spec(params=(1.0, -2.0)), ["params"]),
    "minus zero": (spec(params=(1.0, np.nextafter(2, 3))), ["params"]),
    "rule and params": (spec({"name": "sgd"}, params=(0, 0)), ["optimizer", "params"]),
    "everything": (spec({"name": "sgd"}, "float32", (3,), (0, 0, 0)), ["optimizer", "dtype", "shape"]),
}


@pytest.mark.parametrize(("other", "fields"), DIFFERENT.values(), ids=DIFFERENT)
def test_asking_for_something_else(other: Spec, fields: list[str]) -> None:
    """The fields of the request are named; params only where shape and dtype leave them comparable."""
    assert spec().differences(other) == fields
    assert other.differences(spec()) == fields
