"""What was asked for when a session was created, so that asking again can be told from asking for something else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from stepd.optimizers import Optimizer
from stepd.values import Tensors


@dataclass(frozen=True, slots=True)
class Spec:
    """The resolved request: defaults filled in, params by digest. `tensors` is None for an unshaped session."""

    optimizer: Optimizer
    dtype: np.dtype[Any]
    tensors: Tensors | None
    params_digest: str | None

    def differences(self, other: Spec) -> list[str]:
        """The fields of the create request in which `other` asks for something else.

        Params are only compared where the shapes agree.
        """
        fields = []
        if self.optimizer.resolved() != other.optimizer.resolved():
            fields.append("optimizer")
        if self.dtype != other.dtype:
            fields.append("dtype")
        if _names_and_shapes(self.tensors) != _names_and_shapes(other.tensors):
            fields.append("shape")
        elif self.params_digest != other.params_digest and "dtype" not in fields:
            fields.append("params")
        return fields


def _names_and_shapes(tensors: Tensors | None) -> object:
    return None if tensors is None else (tensors.names, tensors.shapes)
