"""What an engine should hold, in plain dictionaries: the textbook's arithmetic, the contract's order of judgement."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stepd.errors import (
    CheckpointMismatch,
    KeyReused,
    NamesMismatch,
    PreconditionFailed,
    SessionExists,
    SessionHasNoShape,
    SessionNotFound,
    SessionReplaced,
    ShapeMismatch,
)
from stepd.optimizers import CATALOGUE
from stepd.optimizers.contract import FloatArray
from stepd.optimizers.textbook import update
from stepd.values import DTYPES

KEYS_PER_SESSION = 3
Given = dict[str, Any] | list[Any]


def arrays(given: Given, dtype: str) -> dict[str, FloatArray]:
    """By name, the unnamed one under the empty name."""
    named = given if isinstance(given, dict) else {"": given}
    return {name: np.array(named[name], DTYPES[dtype]) for name in sorted(named)}


@dataclass
class Life:
    """One session as the model has it. `params` and `state` are by tensor; None while there is no shape."""

    optimizer: dict[str, Any]
    dtype: str
    params: dict[str, FloatArray] | None
    asked: Given | None
    restored: bool = False
    step: int = 0
    incarnation: int = 0
    state: dict[str, dict[str, FloatArray]] = field(default_factory=dict)
    keys: OrderedDict[str, tuple[int, int, object]] = field(default_factory=OrderedDict)

    @property
    def tag(self) -> tuple[int, int]:
        """A number for each incarnation; the real one is found when the session is looked at."""
        return self.incarnation, self.step

    def vectors(self) -> tuple[bytes, ...]:
        """The bytes of params and slots, as a checkpoint has them."""
        assert self.params is not None
        zeros = {name: bytes(array.nbytes) for name, array in self.params.items()}
        slots = [
            b"".join(self.state[name][slot].tobytes() if name in self.state else zeros[name] for name in self.params)
            for slot in CATALOGUE[self.optimizer["name"]].slot_names
        ]
        return b"".join(array.tobytes() for array in self.params.values()), *slots

    def copy(self) -> Life:
        """As a checkpoint: values only."""
        params = None if self.params is None else dict(self.params)
        return Life(self.optimizer, self.dtype, params, None, True, self.step, 0, dict(self.state))


@dataclass
class Model:
    """All sessions, and how many incarnations there have been."""

    lives: dict[str, Life] = field(default_factory=dict)
    born: int = 0

    def new_life(self, life: Life) -> None:
        self.born += 1
        life.incarnation = self.born

    def get(self, name: str) -> Life:
        if name not in self.lives:
            raise SessionNotFound(name)
        return self.lives[name]

    def create(self, name: str, optimizer: dict[str, Any], dtype: str, params: Given | None) -> bool:
        """Whether it is new."""
        life = self.lives.get(name)
        if life is None:
            made = None if params is None else arrays(params, dtype)
            self.lives[name] = life = Life(optimizer, dtype, made, params)
            self.new_life(life)
            return True
        asked = (life.optimizer, life.dtype, repr(life.asked))  # as text, in which -0.0 is not 0.0
        if life.restored or asked != (optimizer, dtype, repr(params)):
            raise SessionExists(name)
        return False

    def step(
        self, name: str, grads: Given, params: Given | None, lr: float | None, key: str | None, current: bool | None
    ) -> tuple[int, bool]:
        """The step that took the gradients, and whether that was before. `current` is whether If-Match fits."""
        life = self.get(name)
        content = (repr(grads), repr(params), lr)
        if key in life.keys:
            incarnation, step, seen = life.keys[key]
            if incarnation != life.incarnation:
                raise SessionReplaced(name)
            if seen != content:
                raise KeyReused(name)
            return step, True
        if current is False:
            raise PreconditionFailed(name)
        before = life.params if params is None else arrays(params, life.dtype)
        if before is None:
            raise SessionHasNoShape(name)
        given = arrays(grads, life.dtype)
        for sent in (before, given):
            self._require(life.params if life.params is not None else before, sent)
        hyper = {field: value for field, value in life.optimizer.items() if field != "name"}
        if lr is not None:
            hyper["lr"] = lr
        rule = CATALOGUE[life.optimizer["name"]]
        results = {
            tensor: update(rule, hyper, before[tensor], given[tensor], life.state.get(tensor)) for tensor in before
        }
        life.params = {tensor: result[0] for tensor, result in results.items()}
        life.state = {tensor: result[1] for tensor, result in results.items()}
        life.step += 1
        if key is not None:
            life.keys[key] = (life.incarnation, life.step, content)
            if len(life.keys) > KEYS_PER_SESSION:
                life.keys.popitem(last=False)
        return life.step, False

    def put_params(self, name: str, params: Given, current: bool | None) -> None:
        life = self._changing(name, current)
        made = arrays(params, life.dtype)
        if life.params is not None:
            self._require(life.params, made)
        life.params = made
        self.new_life(life)

    def reset(self, name: str, current: bool | None) -> None:
        life = self._changing(name, current)
        life.state, life.step = {}, 0
        self.new_life(life)

    def delete(self, name: str, current: bool | None) -> None:
        self._changing(name, current)
        del self.lives[name]

    def restore(self, name: str, saved: Life, current: bool | None) -> bool:
        """Whether it is new."""
        life = self.lives.get(name)
        if current is False:
            raise PreconditionFailed(name)
        if life is None:
            self.lives[name] = life = saved.copy()
            self.new_life(life)
            return True
        if (life.optimizer, life.dtype) != (saved.optimizer, saved.dtype):
            raise CheckpointMismatch(name)
        assert saved.params is not None
        if life.params is not None:
            self._require(life.params, saved.params)
        life.params, life.state, life.step = dict(saved.params), dict(saved.state), saved.step
        life.restored = True
        self.new_life(life)
        return False

    def _changing(self, name: str, current: bool | None) -> Life:
        life = self.get(name)
        if current is False:
            raise PreconditionFailed(name)
        return life

    @staticmethod
    def _require(want: dict[str, FloatArray], have: dict[str, FloatArray]) -> None:
        if list(want) != list(have):
            raise NamesMismatch("")
        if [array.shape for array in want.values()] != [array.shape for array in have.values()]:
            raise ShapeMismatch("")
