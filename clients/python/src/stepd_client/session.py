"""The session objects: one optimization run as its caller sees it. The logic of the verbs is in flows.py."""

from __future__ import annotations

from typing import Any, TypeVar

from stepd_client import flows
from stepd_client.checkpoint import Checkpoint
from stepd_client.held import Held
from stepd_client.info import SessionInfo
from stepd_client.past import PastVerbs
from stepd_client.stepping import Values, step_verb
from stepd_client.values import DType, Shape
from stepd_client.verbs import AsyncRunner, Awaiting, Blocking, Runner, verb
from stepd_client.wire import Flow

SessionT = TypeVar("SessionT", "Session", "AsyncSession")


class SessionVerbs(PastVerbs[SessionT]):
    """What Session and AsyncSession share: all but that the verbs of one are called, those of the other awaited."""

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {self.id!r}: {self.optimizer['name']}, {self.dtype.name}, step {self.step_number}>"
        )

    @property
    def id(self) -> str:
        """The name under which the service keeps the session."""
        return self._held.id

    @property
    def optimizer(self) -> dict[str, Any]:
        """The optimizer's name and every hyper-parameter, the service's defaults filled in."""
        return dict(self._held.optimizer)

    @property
    def dtype(self) -> DType:
        """float64 or float32: what the service computes in, and what comes out."""
        return self._held.dtype

    @property
    def shape(self) -> Shape | dict[str, Shape] | None:
        """A tuple; with names a dict of tuples; None while the session has no shape."""
        return self._held.given_shape()

    @property
    def step_number(self) -> int:
        """The number of steps taken, as of the last answer."""
        return self._held.validator.step

    @property
    def etag(self) -> str:
        """The state that the next verb applies to: `"<incarnation>-<step>"`, quotes included."""
        return self._held.validator.etag

    @property
    def params(self) -> Any:
        """The params of the last answer, without a request: a new array, list or dict each time.

        None while the session has no shape, and after `step(..., return_params=False)`: then see `fetch_params()`.
        """
        return self._held.given()

    @step_verb
    def step(
        self, grads: Values, params: Values | None = None, *, lr: float | None = None, return_params: bool = True
    ) -> Flow[Any]:
        """Take one step: gradients in, updated params out.

        Applied once, however often it has to be sent. If no answer comes at all, `maybe_applied` of the error says
        whether it may have been applied; stepping again is safe, since it is refused if it was.

        Args:
            grads: of the session's shape; converted to its dtype. Arrays that need no converting are not copied first:
                don't write to them, from another thread, before the step is done.
            params: replace the session's before the step, in the same atomic step; of the shape of `grads`. The first
                step of a session without a shape needs them.
            lr: the learning rate of this step alone, finite and at least 0.
            return_params: False leaves the params with the service; `params` is then None until the next answer.

        Returns:
            The new params in the session's dtype, in the kind of `grads`; None without `return_params`.

        Raises:
            ValueError, TypeError: grads, params or lr can't be sent (NaN, text, ragged); nothing was sent.
            PreconditionFailed, SessionReplaced: the session has changed since the last answer.
            ShapeMismatch, NamesMismatch: grads or params don't have the session's shape.
            StepNotFinite: the result would not be finite; the session stays as it was.
            SessionHasNoShape: a first step without params.

        >>> session = client.session("docs-step", params=[1.0, 2.0])
        >>> session.step([0.5, -0.5])
        [0.9955280429197062, 2.004471957080294]
        """
        return flows.step(self._held, grads, params, lr, return_params)

    @verb
    def fetch_params(self) -> Flow[Any]:
        """Get the params from the service, and go on from the state that they belong to.

        This is the way back into step with the service after PreconditionFailed.

        Returns:
            The params as `params` gives them: of the session's shape and dtype; None while it has no shape.

        Raises:
            See Session.

        >>> session = client.session("docs-fetch", params=[1.0, 2.0])
        >>> session.fetch_params()
        [1.0, 2.0]
        """
        return flows.fetch_params(self._held)

    @verb
    def wait_for_step(self, step: int, timeout_s: float | None = None) -> Flow[Any]:
        """Wait until the session has taken so many steps, whoever takes them; go on from what is there then.

        The wait ends early when the session is reset, restored or given other params (or had been, before the wait
        began: with no params held that shows after 30 seconds), and when the service shuts down. A long wait is made
        of several requests. The client's own `timeout_s` counts from when the service should have answered.

        Args:
            step: the number of steps; if they are taken already, this is `fetch_params`.
            timeout_s: how long to wait at most, in seconds; None waits as long as it takes. Each time that an answer is
                lost on its way and asked for again, the wait may get up to 30 seconds longer.

        Returns:
            The params that are there when the wait ends, as from `fetch_params`, whether or not the step was taken:
            `step_number` tells which step gave them.

        Raises:
            ValueError, TypeError: no number of steps or of seconds; nothing was sent.
            SessionNotFound, SessionExpired: the session is gone, or was deleted meanwhile.

        >>> session = client.session("docs-wait", params=[1.0, 2.0])
        >>> _ = client.session("docs-wait").step([0.5, -0.5])
        >>> session.wait_for_step(1), session.step_number
        ([0.9955280429197062, 2.004471957080294], 1)
        >>> _ = session.wait_for_step(2, timeout_s=0.01)
        >>> session.step_number
        1
        """
        return flows.wait_for_step(self._held, step, timeout_s)

    @verb
    def put_params(self, params: Values) -> Flow[None]:
        """Replace the params; optimizer state and step number stay.

        Args:
            params: of the session's shape; they give it one if it has none.

        Raises:
            ValueError, TypeError: the values can't be sent; nothing was sent.
            PreconditionFailed: the session has changed since the last answer; see its `resent`.
            ShapeMismatch, NamesMismatch: the params don't have the session's shape.

        >>> session = client.session("docs-put", params=[1.0, 2.0])
        >>> session.put_params([3.0, 4.0])
        >>> session.params
        [3.0, 4.0]
        """
        return flows.put_params(self._held, params)

    @verb
    def state(self, at_step: int | None = None, incarnation: str | None = None) -> Flow[Checkpoint]:
        """Get the whole session as it is now: params, optimizer state, step number. Nothing changes, here or there.

        Args:
            at_step: as it was then, rebuilt from the journal to the bit.
            incarnation: in which life; None is the current one. Without `at_step` it is the last state of that life.

        Returns:
            A Checkpoint, values of the session's shape and dtype, in the kind in which they last went in.

        Raises:
            SessionHasNoShape: there are no values yet. See Session.
            StepNotRetained: that state is not kept, or never was.
            NotDurable: the session is not journaled, so that no past state is kept.

        >>> session = client.session("docs-state", params=[1.0, 2.0])
        >>> session.state().state["square_avg"]
        [0.0, 0.0]
        """
        return flows.state(self._held, at_step, incarnation)

    @verb
    def snapshot(self) -> Flow[SessionInfo]:
        """Have the session written to the service's store now, whole, and wait until it is there.

        A session of durability `snapshot` outlives the service's process as it was written last. This object's own view
        does not change.

        Returns:
            A SessionInfo: what was written.

        Raises:
            NotDurable: the session is kept in memory alone.
            StorageUnavailable, StorageFull: it could not be written.

        >>> client.session("docs-snapshot", params=[1.0], durability="snapshot").snapshot().step
        0
        """
        return flows.snapshot(self.id)

    @verb
    def restore(self, checkpoint: Checkpoint) -> Flow[None]:
        """Put the session back to a checkpoint: params, optimizer state, step number.

        Args:
            checkpoint: of the same optimizer, dtype and shape.

        Raises:
            ValueError, TypeError: its values can't be sent; nothing was sent.
            PreconditionFailed: the session has changed since the last answer; see its `resent`.
            CheckpointMismatch, ShapeMismatch, NamesMismatch: it does not fit.
            DigestMismatch: it was damaged.

        >>> session = client.session("docs-restore", params=[1.0, 2.0])
        >>> before = session.state()
        >>> _ = session.step([0.5, -0.5])
        >>> session.restore(before)
        >>> session.step_number, session.params
        (0, [1.0, 2.0])
        """
        return flows.restore(self._held, checkpoint)

    @verb
    def reset(self) -> Flow[None]:
        """Set the optimizer state to zero and the step number to 0; params and shape stay.

        Raises:
            PreconditionFailed: the session has changed since the last answer; see its `resent`.

        >>> session = client.session("docs-reset", params=[1.0])
        >>> _ = session.step([0.5])
        >>> session.reset()
        >>> session.step_number
        0
        """
        return flows.reset(self._held)

    @verb
    def delete(self) -> Flow[None]:
        """Delete the session; its id is free again.

        Raises:
            PreconditionFailed: the session has changed since the last answer. `client.delete(id)` does not mind.

        >>> session = client.session("docs-delete", params=[1.0])
        >>> session.delete()
        """
        return flows.delete(self.id, self.etag)

    @verb
    def describe(self) -> Flow[SessionInfo]:
        """Get what the service tells about the session, values apart. This object's own view does not change.

        Returns:
            A SessionInfo: optimizer, dtype, shape, step, times, labels, memory taken, durability.

        Raises:
            See Session.

        >>> client.session("docs-describe", shape=(2, 3)).describe().size
        6
        """
        return flows.describe(self.id)


class Session(SessionVerbs["Session"], Blocking):
    """One session of the service, made by `client.session()` or `client.restore()`.

    Values go in as arrays, as (nested) lists, or as a mapping of names to arrays, lists or numbers; they come out in
    the kind in which they last went in, names in the caller's order, in the session's dtype. What comes out is the
    caller's own: writing to it changes nothing here.

    The object remembers the state that it last heard of. Every verb that changes the session applies to exactly that
    state or raises PreconditionFailed; so a verb is safe to send again when an answer is lost, and the client does.
    Several objects, threads or programs may use one session; each thread needs an object of its own.

    Beside what each verb names, all of them raise:
        ConnectionFailed, RequestTimedOut, UnexpectedAnswer: no answer came, or none of stepd's.
        SessionNotFound, SessionExpired: the session is gone.
        Unavailable, InternalError: the service is busy, starting, stopping or broken.
    """

    def __init__(self, run: Runner, held: Held) -> None:
        self._run = run
        self._held = held

    def _session_of(self, held: Held) -> Session:
        return Session(self._run, held)


class AsyncSession(SessionVerbs["AsyncSession"], Awaiting):
    """One session of the service, made by `await client.session()` or `await client.restore()` of an AsyncClient.

    All that Session says holds here; every verb is awaited, properties are not. An object belongs to one task at a
    time: of two steps that run at once from one object the service takes one and refuses the other.

    A verb that is cancelled leaves the object as it was: it knows the state of the last answer that was read, and has
    neither half of a newer one. What was sent may have been carried out all the same. So the next verb that changes the
    session either applies to that state, once, or raises PreconditionFailed, and `fetch_params()` goes on from what is
    there; a cancelled `wait_for_step` may have brought the object up to an answer that came meanwhile.

    >>> async def run():
    ...     async with AsyncClient(url) as client:
    ...         session = await client.session("docs-async-session", params=[1.0, 2.0])
    ...         return await session.step([0.5, -0.5]), session.step_number
    >>> asyncio.run(run())
    ([0.9955280429197062, 2.004471957080294], 1)
    """

    def __init__(self, run: AsyncRunner, held: Held) -> None:
        self._run = run
        self._held = held

    def _session_of(self, held: Held) -> AsyncSession:
        return AsyncSession(self._run, held)
