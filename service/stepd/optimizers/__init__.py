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
    return CATALOGUE[name].resolve({key: value for key, value in given.items() if key != "name"}, dtype)


__all__ = ["CATALOGUE", "HyperParameterInvalid", "Optimizer", "Rule", "resolve"]
