"""The Client: it sends requests, waits, and sends again. What to send and what answers mean is in flows.py."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from importlib.metadata import version
from types import TracebackType
from typing import Any, Self

import httpx
import numpy.typing as npt

from stepd_client import flows
from stepd_client.checkpoint import Checkpoint
from stepd_client.errors import ConnectionFailed, RequestTimedOut
from stepd_client.flows import ShapeLike
from stepd_client.info import SessionInfo
from stepd_client.optimizers import Optimizer
from stepd_client.retry import RetryPolicy, Sendings
from stepd_client.session import Session, Values
from stepd_client.wire import Answer, Flow, Request, Result

DEFAULT_URL = "http://127.0.0.1:8000"

# What httpx raises before anything of the request has gone out.
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)

_log = logging.getLogger("stepd_client")


class Client:
    """A connection to a stepd service. Safe to use from several threads; the sessions that it makes are not.

    Args:
        base_url: where the service is; default the environment's STEPD_URL, else http://127.0.0.1:8000. A path in it
            is kept, for a service behind a proxy.
        timeout_s: the longest silence of the service within one attempt, in seconds.
        connect_timeout_s: the longest time to connect, in seconds.
        retry: how often and when a request that is safe to repeat is repeated.
        transport: an httpx transport to send through, for tests.
        sleep: waits between attempts, for tests.

    Raises:
        ValueError: `base_url` is not an http or https URL.

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
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._retry = RetryPolicy() if retry is None else retry
        self._sleep = sleep
        url = _checked_url(base_url or os.environ.get("STEPD_URL") or DEFAULT_URL)
        self._http = httpx.Client(
            # Credentials in the URL go into a header: httpx logs URLs.
            base_url=url.copy_with(userinfo=b""),
            auth=(url.username, url.password) if url.userinfo else None,
            headers={"accept": "application/json", "user-agent": f"stepd-client/{version('stepd-client')}"},
            timeout=httpx.Timeout(timeout_s, connect=connect_timeout_s),
            transport=transport,
        )

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
    ) -> Session:
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

        Returns:
            A Session; its `params` are those sent, or zeros, or, when attached, the current ones.

        Raises:
            ValueError, TypeError: params can't be sent, or the arguments exclude one another; nothing was sent.
            SessionExists: the id belongs to a session created otherwise; `fields` names what differs.
            SessionNotFound, SessionExpired: an id alone, and there is no such session.
            HyperParameterInvalid, HyperParameterUnknown, OptimizerUnknown, InvalidTensors: it can't be had like this.
            CapacityExceeded: the service has no room for it.

        >>> session = client.session("docs-session", optimizer=Adadelta(rho=0.9), params={"w": [[1.0, 2.0]], "b": 0.0})
        >>> session.shape
        {'w': (1, 2), 'b': ()}
        """
        held = self._run(
            flows.open_session(
                session_id,
                optimizer=optimizer,
                params=params,
                shape=shape,
                dtype=dtype,
                ttl_s=ttl_s,
                labels=labels,
            )
        )
        return Session(self._run, held)

    def restore(
        self,
        session_id: str,
        checkpoint: Checkpoint,
        *,
        ttl_s: float | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> Session:
        """Restore a checkpoint under an id, which may be free or that of a session of the same kind.

        Args:
            session_id: as for `session`.
            checkpoint: from `state()` or `Checkpoint.from_json()`.
            ttl_s, labels: as for `session`; they count where the id was free.

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
        return Session(self._run, self._run(flows.restore_as(session_id, checkpoint, ttl_s, labels)))

    def sessions(
        self, *, label: Mapping[str, str] | None = None, page_size: int | None = None
    ) -> Iterator[SessionInfo]:
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
        page_token: str | None = None
        while True:
            found, page_token = self._run(flows.page(label or {}, page_size, page_token))
            yield from found
            if page_token is None:
                return

    def delete(self, session_id: str) -> None:
        """Delete the session under an id, whatever its state.

        Raises:
            SessionNotFound, SessionExpired: there is none.

        >>> _ = client.session("docs-gone", params=[1.0])
        >>> client.delete("docs-gone")
        """
        self._run(flows.delete(session_id, None))

    def step_once(
        self,
        optimizer: Optimizer | Mapping[str, Any],
        params: Values,
        grads: Values,
        state: Mapping[str, Any] | None = None,
        dtype: npt.DTypeLike | None = None,
    ) -> tuple[Any, dict[str, Any]]:
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
        return self._run(flows.step_once(optimizer, params, grads, state, dtype))

    def optimizers(self) -> dict[str, Any]:
        """Get the service's catalogue of optimizers: hyper-parameters with ranges and defaults, formulas."""
        return self._run(flows.optimizers())

    def info(self) -> dict[str, Any]:
        """Get what the service tells about itself: version, formats, limits, durability."""
        return self._run(flows.info())

    def _run(self, flow: Flow[Result], /) -> Result:
        try:
            request = next(flow)
            while True:
                request = flow.send(self._send(request))
        except StopIteration as finished:
            result: Result = finished.value
            return result

    def _send(self, request: Request) -> Answer:
        sendings = Sendings(request, self._retry)
        began = time.monotonic()
        while True:
            outcome = self._send_once(request)
            pause_s = sendings.pause_after(outcome)
            if pause_s is None:
                break
            reason = f"status {outcome.status}" if isinstance(outcome, Answer) else type(outcome).__name__
            _log.info(
                "%s %s: %s; attempt %d follows in %.2f s",
                request.method,
                request.path,
                reason,
                sendings.count + 1,
                pause_s,
            )
            self._sleep(pause_s)
        if isinstance(outcome, Answer):
            took_s = time.monotonic() - began
            return replace(outcome, maybe_applied=sendings.maybe_applied, took_s=took_s)
        outcome.maybe_applied = outcome.maybe_applied or sendings.maybe_applied
        raise outcome

    def _send_once(self, request: Request) -> Answer | ConnectionFailed:
        # Where the service was asked to hold its answer back, its silence begins only then.
        limits = self._http.timeout.as_dict()
        read_s = limits["read"] if limits["read"] is None else limits["read"] + request.wait_s
        try:
            response = self._http.request(
                request.method,
                request.path,
                params=list(request.query) or None,
                headers=dict(request.headers),
                content=request.body,
                timeout=httpx.Timeout(**{**limits, "read": read_s}),
            )
        except httpx.RequestError as error:
            return _failure(request, error)
        return Answer(response.status_code, dict(response.headers), response.content)


def _checked_url(base_url: str) -> httpx.URL:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as error:
        raise ValueError(f"the base URL can't be read: {error}") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError(
            f"the base URL has scheme {url.scheme!r} and host {url.host!r}; it should be like {DEFAULT_URL}"
        )
    return url


def _failure(request: Request, error: httpx.RequestError) -> ConnectionFailed:
    timed_out = isinstance(error, httpx.TimeoutException)
    reason = str(error) or type(error).__name__
    failure = (RequestTimedOut if timed_out else ConnectionFailed)(f"{request.method} {request.path}: {reason}")
    failure.maybe_applied = not isinstance(error, _NEVER_SENT)
    failure.__cause__ = error
    return failure
