"""How `step` looks to type checkers: what comes out is of the kind of the gradients that went in."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Literal, Protocol, cast, overload

import numpy.typing as npt

from stepd_client.values import FloatArray
from stepd_client.verbs import Awaiting, Blocking, verb
from stepd_client.wire import Flow

Array = npt.NDArray[Any]
Values = Array | Sequence[Any] | Mapping[str, Any]
Yes = Literal[True]


class Step(Protocol):
    """`Session.step`."""

    @overload
    def __call__(
        self, grads: Array, params: Values | None = None, *, lr: float | None = None, return_params: Yes = True
    ) -> FloatArray: ...
    @overload
    def __call__(
        self,
        grads: Mapping[str, Any],
        params: Values | None = None,
        *,
        lr: float | None = None,
        return_params: Yes = True,
    ) -> dict[str, Any]: ...
    @overload
    def __call__(
        self, grads: Sequence[Any], params: Values | None = None, *, lr: float | None = None, return_params: Yes = True
    ) -> list[Any]: ...
    @overload
    def __call__(
        self, grads: Values, params: Values | None = None, *, lr: float | None = None, return_params: bool
    ) -> Any: ...


class AsyncStep(Protocol):
    """`AsyncSession.step`."""

    @overload
    def __call__(
        self, grads: Array, params: Values | None = None, *, lr: float | None = None, return_params: Yes = True
    ) -> Coroutine[Any, Any, FloatArray]: ...
    @overload
    def __call__(
        self,
        grads: Mapping[str, Any],
        params: Values | None = None,
        *,
        lr: float | None = None,
        return_params: Yes = True,
    ) -> Coroutine[Any, Any, dict[str, Any]]: ...
    @overload
    def __call__(
        self, grads: Sequence[Any], params: Values | None = None, *, lr: float | None = None, return_params: Yes = True
    ) -> Coroutine[Any, Any, list[Any]]: ...
    @overload
    def __call__(
        self, grads: Values, params: Values | None = None, *, lr: float | None = None, return_params: bool
    ) -> Coroutine[Any, Any, Any]: ...


class StepVerb:
    """What `step_verb` makes of a method, for type checkers; nothing at run time is one."""

    @overload
    def __get__(self, owner: None, kind: type[Any], /) -> Callable[..., Any]: ...
    @overload
    def __get__(self, owner: Blocking, kind: type[Any], /) -> Step: ...
    @overload
    def __get__(self, owner: Awaiting, kind: type[Any], /) -> AsyncStep: ...
    def __get__(self, owner: Any, kind: Any, /) -> Any:
        raise NotImplementedError


def step_verb(method: Callable[..., Flow[Any]]) -> StepVerb:
    """`verb`, for the one method whose result depends on the kind of its argument."""
    return cast("StepVerb", verb(method))
