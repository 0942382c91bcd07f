"""The clients: what can be asked of a service. What to send and what answers mean is in flows.py and its like."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Generic, Self

import httpx
import numpy.typing as npt

from stepd_client import flows, opening, service
from stepd_client.checkpoint import Checkpoint
from stepd_client.connecting import http_options, transport_to
from stepd_client.formats import Format, checked_format
from stepd_client.held import Held
from stepd_client.info import Durability, SessionInfo
from stepd_client.local import LOCAL_URL, AsyncLocalTransport, LocalTransport, make_app
from stepd_client.opening import ShapeLike
from stepd_client.optimizers import Optimizer
from stepd_client.retry import RetryPolicy
from stepd_client.sending import AsyncSender, Sender
from stepd_client.session import AsyncSession, Session, SessionT
from stepd_client.stepping import Values
from stepd_client.verbs import Awaiting, Blocking, Pages, paged, verb
from stepd_client.wire import Flow


class ClientVerbs(Generic[SessionT]):
    """What Client and AsyncClient share: all but that the verbs of one are called, those of the other awaited."""

    _format: Format

    def _session_of(self, held: Held) -> SessionT:
        raise NotImplementedError

    @verb
    def session(
        self,
        session_id: str | None = None,
        *,
        optimizer: Optimizer | Mapping[str, Any] | None = None,
        params: Values | None = None,
        shape: ShapeLike | None = None,
        dtype: npt.DTypeLike | None = None,
        ttl_s: float | None = None,
        labels: Mapping[str, str] | None = None,
        durability: Durability | None = None,
    ) -> Flow[SessionT]:
        """Create a session, or attach to the one that was created like this; with an id alone, attach to what is there.

        Attaching resets nothing: the session goes on at its step, with its params and labels. The request may be lost
        and repeated without harm; without an id, where the service makes one, it is sent only once.

        Args:
            session_id: 1 to 64 letters, digits, `.`, `_` and `-`; None has the service make one.
            optimizer: Adadelta(), Adagrad(), RMSprop(), SGD(), or a mapping with a `name`; default Adadelta().
            params: the initial values, any shape; or
            shape: the shape (or a shape per name), values zero. With neither, the first step that carries params
                gives the session its shape.
            dtype: float64 or float32; default float32 if every array in `params` is, else float64.
            ttl_s: has the service delete the session so long after its last successful request, in seconds.
            labels: names and values to find it by.
            durability: what outlives the service's process: `memory`, `snapshot` or `journal`; None leaves it to the
                service.

        Returns:
            A Session; its `params` are those sent, or zeros, or, when attached, the current ones.

        Raises:
            ValueError, TypeError: params can't be sent, or the arguments exclude one another; nothing was sent.
            SessionExists: the id belongs to a session created otherwise; `fields` names what differs.
            SessionNotFound, SessionExpired: an id alone, and there is no such session.
            HyperParameterInvalid, HyperParameterUnknown, OptimizerUnknown, InvalidTensors: it can't be had like this.
            NotDurable: the service has no store to keep it in.
            CapacityExceeded: the service has no room for it.

        >>> session = client.session("docs-session", optimizer=Adadelta(rho=0.9), params={"w": [[1.0, 2.0]], "b": 0.0})
        >>> session.shape
        {'w': (1, 2), 'b': ()}
        """
        held = yield from opening.open_session(
            session_id,
            optimizer=optimizer,
            params=params,
            shape=shape,
            dtype=dtype,
            ttl_s=ttl_s,
            labels=labels,
            durability=durability,
            chosen_format=self._format,
        )
        return self._session_of(held)

    @verb
    def restore(
        self,
        session_id: str,
        checkpoint: Checkpoint,
        *,
        ttl_s: float | None = None,
        labels: Mapping[str, str] | None = None,
        durability: Durability | None = None,
    ) -> Flow[SessionT]:
        """Restore a checkpoint under an id, which may be free or that of a session of the same kind.

        Args:
            session_id: as for `session`.
            checkpoint: from `state()` or `Checkpoint.from_json()`.
            ttl_s, labels, durability: as for `session`; they count where the id was free.

        Returns:
            A Session at the checkpoint's step, values in the kind of the checkpoint's.

        Raises:
            ValueError, TypeError: the checkpoint's values can't be sent; nothing was sent.
            CheckpointMismatch, ShapeMismatch, NamesMismatch: the id is that of a session which it does not fit.
            DigestMismatch: the checkpoint was damaged.
            PreconditionFailed: a session under that id was made, or changed, at this moment; see its `resent`.

        >>> checkpoint = client.session("docs-original", params=[1.0]).state()
        >>> client.restore("docs-copy", checkpoint).params
        [1.0]
        """
        held = yield from opening.restore_as(session_id, checkpoint, ttl_s, labels, durability, self._format)
        return self._session_of(held)

    @paged
    def sessions(self, *, label: Mapping[str, str] | None = None, page_size: int | None = None) -> Pages[SessionInfo]:
        """Iterate over the sessions, page by page.

        Args:
            label: only those with these names and values.
            page_size: how many to ask for at once.

        Returns:
            An iterator of SessionInfo. What is made or deleted meanwhile may or may not be among them.

        Raises:
            InvalidQuery: the service takes no such page size or label.

        >>> _ = client.session("docs-listed", params=[1.0], labels={"run": "docs"})
        >>> [info.id for info in client.sessions(label={"run": "docs"})]
        ['docs-listed']
        """
        return lambda page_token: service.page(label or {}, page_size, page_token)

    @verb
    def delete(self, session_id: str) -> Flow[None]:
        """Delete the session under an id, whatever its state.

        Raises:
            SessionNotFound, SessionExpired: there is none.

        >>> _ = client.session("docs-gone", params=[1.0])
        >>> client.delete("docs-gone")
        """
        return flows.delete(session_id, None)

    @verb
    def step_once(
        self,
        optimizer: Optimizer | Mapping[str, Any],
        params: Values,
        grads: Values,
        state: Mapping[str, Any] | None = None,
        dtype: npt.DTypeLike | None = None,
    ) -> Flow[tuple[Any, dict[str, Any]]]:
        """Take one step without a session: params, gradients and optimizer state in, params and state out.

        Args:
            optimizer: as for `session`.
            params, grads: of one shape.
            state: values like `params` for every slot (Adadelta: `square_avg`, `acc_delta`); None is zeros.
            dtype: as for `session`.

        Returns:
            The new params and the new state, both in the kind of `params`.

        Raises:
            ValueError, TypeError: the values can't be sent; nothing was sent.
            ShapeMismatch, NamesMismatch, StepNotFinite: as for `Session.step`.
            HyperParameterInvalid, HyperParameterUnknown, OptimizerUnknown: there is no such optimizer.

        >>> params, state = client.step_once(Adadelta(), params=[1.0], grads=[0.5])
        >>> params, state["square_avg"]
        ([0.9955280429197062], [0.012500000000000011])
        """
        return service.step_once(optimizer, params, grads, state, dtype, self._format)

    @verb
    def optimizers(self) -> Flow[dict[str, Any]]:
        """Get the service's catalogue of optimizers: hyper-parameters with ranges and defaults, formulas."""
        return service.optimizers()

    @verb
    def info(self) -> Flow[dict[str, Any]]:
        """Get what the service tells about itself: version, formats, limits, durability."""
        return service.info()


class Client(ClientVerbs[Session], Blocking):
    """A connection to a stepd service. Safe to use from several threads; the sessions that it makes are not.

    Args:
        base_url: where the service is; default the environment's STEPD_URL, else http://127.0.0.1:8000. A path in it
            is kept, for a service behind a proxy.
        timeout_s: the longest silence of the service within one attempt, in seconds.
        connect_timeout_s: the longest time to connect, in seconds.
        retry: how often and when a request that is safe to repeat is repeated.
        format: how values travel: `json`; `binary` (octet-stream or safetensors, exact copies without text, and without
            the service's limit for JSON); or `auto`, which is JSON for a few values, so that they can be read on their
            way, and binary for more. The results are the same, bit for bit.
        transport: an httpx transport to send through, for tests.
        sleep: waits between attempts, for tests.

    Raises:
        ValueError: `base_url` is not an http or https URL, or there is no such format.

    Every method may raise ConnectionFailed or RequestTimedOut (no answer came), UnexpectedAnswer (one that is not
    stepd's) and ProblemError (the service refused): all of them StepdError.

    >>> with Client(url) as client:
    ...     client.session("docs-client", params=[1.0]).step([0.5])
    [0.9955280429197062]
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        timeout_s: float = 60.0,
        connect_timeout_s: float = 5.0,
        retry: RetryPolicy | None = None,
        format: Format = "auto",  # noqa: A002 - the word that the documentation has for it
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._format = checked_format(format)
        options = http_options(base_url, timeout_s, connect_timeout_s)
        self._http = httpx.Client(**options, transport=transport_to(options, transport, httpx.HTTPTransport))
        self._run = Sender(self._http, RetryPolicy() if retry is None else retry, sleep).run

    @classmethod
    def local(
        cls,
        *,
        retry: RetryPolicy | None = None,
        format: Format = "auto",  # noqa: A002 - as for Client
        **settings: Any,
    ) -> Self:
        """Make a client of a service of its own, in this process, without a socket: for tests and for learning.

        The service runs in a thread, says what it would say over a socket, and ends with all its sessions when the
        client is closed. Two local clients are two services. It needs the package stepd beside this one.

        Args:
            retry, format: as for Client.
            settings: of the service, by the names that its documentation gives, such as `max_session_bytes=2**20`. The
                driver is `blocked` unless given; what says how a server listens is refused.

        Raises:
            ModuleNotFoundError: the package stepd is not installed.
            ValueError: there is no such setting, or its value can't be.

        >>> with Client.local(keys_per_session=1) as local:
        ...     local.session("run-7", params=[1.0]).step([0.5])
        [0.9955280429197062]
        """
        return cls(LOCAL_URL, retry=retry, format=format, transport=LocalTransport(make_app(settings)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Client of {self._http.base_url}>"

    def close(self) -> None:
        """Close the connections. Sessions that the client made can't be used any longer."""
        self._http.close()

    def _session_of(self, held: Held) -> Session:
        return Session(self._run, held)


class AsyncClient(ClientVerbs[AsyncSession], Awaiting):
    """A connection to a stepd service whose verbs are awaited. For the tasks of one event loop (asyncio).

    It has the verbs of Client with the same arguments, results, errors and repetitions: `await client.session(...)`
    gives an AsyncSession, and `async for info in client.sessions()` goes through all pages. However many tasks use it,
    it sends a few requests at once, in turn; those that wait for a step count apart.

    Args:
        base_url, timeout_s, connect_timeout_s, retry, format: as for Client.
        transport: an asynchronous httpx transport to send through, for tests.
        sleep: waits between attempts, to be awaited; for tests.

    Raises:
        ValueError: `base_url` is not an http or https URL, or there is no such format.

    >>> async def run():
    ...     async with AsyncClient(url) as client:
    ...         session = await client.session("docs-async-client", params=[1.0], labels={"run": "async"})
    ...         params = await session.step([0.5])
    ...         return params, [info.step async for info in client.sessions(label={"run": "async"})]
    >>> asyncio.run(run())
    ([0.9955280429197062], [1])
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        timeout_s: float = 60.0,
        connect_timeout_s: float = 5.0,
        retry: RetryPolicy | None = None,
        format: Format = "auto",  # noqa: A002 - the word that the documentation has for it
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._format = checked_format(format)
        options = http_options(base_url, timeout_s, connect_timeout_s)
        self._http = httpx.AsyncClient(**options, transport=transport_to(options, transport, httpx.AsyncHTTPTransport))
        self._run = AsyncSender(self._http, RetryPolicy() if retry is None else retry, sleep).run

    @classmethod
    def local(
        cls,
        *,
        retry: RetryPolicy | None = None,
        format: Format = "auto",  # noqa: A002 - as for Client
        **settings: Any,
    ) -> Self:
        """Make a client of a service of its own, in this process, without a socket: see `Client.local`.

        The service runs on the caller's event loop, from the first request until the client is closed.

        >>> async def run():
        ...     async with AsyncClient.local() as local:
        ...         session = await local.session("run-7", params=[1.0])
        ...         return await session.step([0.5])
        >>> asyncio.run(run())
        [0.9955280429197062]
        """
        return cls(LOCAL_URL, retry=retry, format=format, transport=AsyncLocalTransport(make_app(settings)))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<AsyncClient of {self._http.base_url}>"

    async def close(self) -> None:
        """Close the connections. Sessions that the client made can't be used any longer."""
        await self._http.aclose()

    def _session_of(self, held: Held) -> AsyncSession:
        return AsyncSession(self._run, held)
