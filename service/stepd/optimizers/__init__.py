"""The catalogue of rules. A new rule is one file and one row here; every test and page runs over this table."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from stepd.errors import FieldError, HyperParameterInvalid, MissingField, OptimizerUnknown
from stepd.optimizers.adadelta import ADADELTA
from stepd.optimizers.adagrad import ADAGRAD
from stepd.optimizers.contract import Optimizer, Rule
from stepd.optimizers.rmsprop import RMSPROP
from stepd.optimizers.sgd import SGD

CATALOGUE: Mapping[str, Rule] = {rule.name: rule for rule in (ADADELTA, ADAGRAD, RMSPROP, SGD)}


def resolve(given: Mapping[str, object], dtype: np.dtype[Any]) -> Optimizer:
    """From `{"name": "adadelta", "rho": 0.9}` to an optimizer with every hyper-parameter resolved and checked.

    Raises:
        MissingField: there is no name.
        OptimizerUnknown: no rule of that name.
        HyperParameterUnknown, HyperParameterInvalid: see `Rule.resolve`.

    >>> resolve({"name": "adadelta", "rho": 0.9}, np.dtype("float64")).hyper["eps"]
    1e-06
    """
    if "name" not in given:
        detail = f"optimizer has no name; it is one of {', '.join(CATALOGUE)}"
        raise MissingField(detail, errors=[FieldError("/optimizer/name", detail)])
    name = given["name"]
    if not isinstance(name, str) or name not in CATALOGUE:
        detail = f"optimizer.name is {str(name)[:40]!r}; it must be one of {', '.join(CATALOGUE)}"
        raise OptimizerUnknown(detail, errors=[FieldError("/optimizer/name", detail)])
    return _shared(CATALOGUE[name].resolve({key: value for key, value in given.items() if key != "name"}, dtype), dtype)


# By name, dtype and hyper-parameters, the latter as text: it tells -0.0 from 0.0.
_SHARED: dict[tuple[str, str, str], Optimizer] = {}
_MOST_SHARED = 64


def _shared(optimizer: Optimizer, dtype: np.dtype[Any]) -> Optimizer:
    """The optimizer that others were given who asked for the same, so that a thousand sessions hold one."""
    if len(_SHARED) >= _MOST_SHARED:
        _SHARED.clear()
    return _SHARED.setdefault((optimizer.rule.name, dtype.char, repr(optimizer.hyper)), optimizer)


__all__ = ["CATALOGUE", "HyperParameterInvalid", "Optimizer", "Rule", "resolve"]
