"""How a verb is written once and called in two ways: at once from a Blocking object, awaited from an Awaiting one.

A verb is a method that makes a flow (wire.py). A class that inherits it together with Blocking has it as a plain method
of the same name, parameters, defaults and text, one that inherits it together with Awaiting as a coroutine method. So
no verb is written twice, and type checkers see of each what its callers see. What the verbs are is in client.py and
session.py; how a flow is run is in sending.py.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from typing import Any, ClassVar, Concatenate, Generic, ParamSpec, Protocol, TypeVar, cast, overload

from stepd_client.wire import Flow, Result

Parameters = ParamSpec("Parameters")
Owner = TypeVar("Owner")
Item = TypeVar("Item")
BlockingOwner = TypeVar("BlockingOwner", bound="Blocking")
AwaitingOwner = TypeVar("AwaitingOwner", bound="Awaiting")

# From the token of a page, None for the first, to the flow that gets its items and the token of the next.
Pages = Callable[[str | None], Flow[tuple[list[Item], str | None]]]

_METHODS: dict[Callable[..., Any], str] = {}


class Runner(Protocol):
    """Whoever does a flow's requests, one after another, and gives its result."""

    def __call__(self, flow: Flow[Result], /) -> Result: ...


class AsyncRunner(Protocol):
    """The same, to be awaited."""

    def __call__(self, flow: Flow[Result], /) -> Coroutine[Any, Any, Result]: ...


class Verb(Generic[Parameters, Result]):
    """What `verb` makes of a method, for type checkers; nothing at run time is one."""

    @overload
    def __get__(
        self, owner: None, kind: type[BlockingOwner], /
    ) -> Callable[Concatenate[BlockingOwner, Parameters], Result]: ...
    @overload
    def __get__(
        self, owner: None, kind: type[AwaitingOwner], /
    ) -> Callable[Concatenate[AwaitingOwner, Parameters], Coroutine[Any, Any, Result]]: ...
    @overload
    def __get__(self, owner: Blocking, kind: type[Any], /) -> Callable[Parameters, Result]: ...
    @overload
    def __get__(self, owner: Awaiting, kind: type[Any], /) -> Callable[Parameters, Coroutine[Any, Any, Result]]: ...
    def __get__(self, owner: Any, kind: Any, /) -> Any:
        raise NotImplementedError


class Paged(Generic[Parameters, Item]):
    """What `paged` makes of a method, for type checkers; nothing at run time is one."""

    @overload
    def __get__(
        self, owner: None, kind: type[BlockingOwner], /
    ) -> Callable[Concatenate[BlockingOwner, Parameters], Iterator[Item]]: ...
    @overload
    def __get__(
        self, owner: None, kind: type[AwaitingOwner], /
    ) -> Callable[Concatenate[AwaitingOwner, Parameters], AsyncIterator[Item]]: ...
    @overload
    def __get__(self, owner: Blocking, kind: type[Any], /) -> Callable[Parameters, Iterator[Item]]: ...
    @overload
    def __get__(self, owner: Awaiting, kind: type[Any], /) -> Callable[Parameters, AsyncIterator[Item]]: ...
    def __get__(self, owner: Any, kind: Any, /) -> Any:
        raise NotImplementedError


def verb(method: Callable[Concatenate[Owner, Parameters], Flow[Result]]) -> Verb[Parameters, Result]:
    """Marks a method that makes a flow: called on a client or session, it gives the flow's result."""
    _METHODS[method] = "verb"
    return cast("Verb[Parameters, Result]", method)


def paged(method: Callable[Concatenate[Owner, Parameters], Pages[Item]]) -> Paged[Parameters, Item]:
    """Marks a method that makes pages: called on a client, it iterates over the items of all pages."""
    _METHODS[method] = "paged"
    return cast("Paged[Parameters, Item]", method)


class _Called:
    """A class whose verbs can be called: each gets a method made by the class's `_ways`."""

    _ways: ClassVar[Mapping[str, Callable[[Any], Any]]] = {}
    _iterator: ClassVar[str]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name in dir(cls):
            method = inspect.getattr_static(cls, name)
            if inspect.isfunction(method) and method in _METHODS:
                called = cls._ways[_METHODS[method]](method)
                called.__name__, called.__qualname__ = name, f"{cls.__qualname__}.{name}"
                called.__doc__ = method.__doc__
                called.__signature__ = _as_called(inspect.signature(method), cls._iterator)
                setattr(cls, name, called)


def _as_called(signature: inspect.Signature, iterator: str) -> inspect.Signature:
    """What callers get, in place of what makes it."""
    returned = str(signature.return_annotation)
    returned = re.sub(r"^Pages\[(.*)\]$", rf"{iterator}[\1]", re.sub(r"^Flow\[(.*)\]$", r"\1", returned))
    return signature.replace(return_annotation=returned)


def _run_at_once(method: Callable[..., Flow[Any]]) -> Callable[..., Any]:
    def called(self: Blocking, *arguments: Any, **options: Any) -> Any:
        return self._run(method(self, *arguments, **options))

    return called


def _iterate_at_once(method: Callable[..., Pages[Any]]) -> Callable[..., Iterator[Any]]:
    def called(self: Blocking, *arguments: Any, **options: Any) -> Iterator[Any]:
        page = method(self, *arguments, **options)
        token: str | None = None
        while True:
            items, token = self._run(page(token))
            yield from items
            if token is None:
                return

    return called


def _run_awaited(method: Callable[..., Flow[Any]]) -> Callable[..., Coroutine[Any, Any, Any]]:
    async def called(self: Awaiting, *arguments: Any, **options: Any) -> Any:
        return await self._run(method(self, *arguments, **options))

    return called


def _iterate_awaited(method: Callable[..., Pages[Any]]) -> Callable[..., AsyncIterator[Any]]:
    async def called(self: Awaiting, *arguments: Any, **options: Any) -> AsyncIterator[Any]:
        page = method(self, *arguments, **options)
        token: str | None = None
        while True:
            items, token = await self._run(page(token))
            for item in items:
                yield item
            if token is None:
                return

    return called


class Blocking(_Called):
    """An object whose verbs give their results at once."""

    _run: Runner
    _ways: ClassVar[Mapping[str, Callable[[Any], Any]]] = {"verb": _run_at_once, "paged": _iterate_at_once}
    _iterator = "Iterator"


class Awaiting(_Called):
    """An object whose verbs are awaited; the examples in their texts are those of the blocking ones."""

    _run: AsyncRunner
    _ways: ClassVar[Mapping[str, Callable[[Any], Any]]] = {"verb": _run_awaited, "paged": _iterate_awaited}
    _iterator = "AsyncIterator"
