"""The verbs of sessions about their past: which steps there were, and other sessions that go on from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from stepd_client import history, opening
from stepd_client.held import Held
from stepd_client.history import Incarnation, PastStep
from stepd_client.info import Durability
from stepd_client.verbs import Pages, paged, verb
from stepd_client.wire import Flow

Forked = TypeVar("Forked")


class PastVerbs(Generic[Forked]):
    """What Session and AsyncSession share of this; `state(at_step=)` is among their other verbs."""

    _held: Held

    def _session_of(self, held: Held) -> Forked:
        raise NotImplementedError

    @paged
    def history(self, *, incarnation: str | None = None, page_size: int | None = None) -> Pages[PastStep]:
        """Iterate over the steps that the session has taken, oldest first, page by page.

        All are of one life, even if the session is reset meanwhile. How many are kept is a setting of the service.

        Args:
            incarnation: of which life; None is the current one.
            page_size: how many to ask for at once.

        Returns:
            An iterator of PastStep.

        Raises:
            NotDurable: the session is not journaled.
            InvalidQuery: the service takes no such page size.

        >>> session = client.session("docs-history", params=[1.0, 2.0], durability="journal")
        >>> _ = session.step([3.0, 4.0]), session.step([0.5, -0.5], lr=0.1)
        >>> [(past.step, past.grad_norm, past.lr) for past in session.history()]
        [(1, 5.0, None), (2, 0.7071067811865476, 0.1)]
        """
        return history.history(self._held.id, incarnation, page_size)

    @verb
    def incarnations(self) -> Flow[list[Incarnation]]:
        """Get the lives of the session that are kept: what `history`, `state` and `fork` take as `incarnation`.

        Returns:
            A list of Incarnation, the current one first.

        Raises:
            NotDurable: the session is not journaled.

        >>> session = client.session("docs-incarnations", params=[1.0], durability="journal")
        >>> _ = session.step([0.5])
        >>> session.reset()
        >>> [life.last_step for life in session.incarnations()]
        [0, 1]
        """
        return history.incarnations(self._held.id)

    @verb
    def fork(
        self,
        session_id: str | None = None,
        *,
        at_step: int | None = None,
        incarnation: str | None = None,
        optimizer: Mapping[str, Any] | None = None,
        ttl_s: float | None = None,
        labels: Mapping[str, str] | None = None,
        durability: Durability | None = None,
    ) -> Flow[Forked]:
        """Make a new session that goes on from a state of this one, which stays as it is.

        Without an id, where the service makes one, the request is sent only once. With an id it is repeated where an
        answer is lost, and is refused then if the first did it: SessionExists, its `maybe_applied` true. Look to find
        out: `client.session(id)` attaches to what is there, and its `describe().forked_from` tells.

        Args:
            session_id: as for `client.session`.
            at_step: the step to go on from; None is the service's current one. Earlier ones take a journaled session.
            incarnation: of which life; None is the current one. Without `at_step` it is the last state of that life.
            optimizer: hyper-parameters that are to be other than this session's, by name.
            ttl_s, labels, durability: as for `client.session`; none is taken over from this session.

        Returns:
            A Session at that step, with params and optimizer state of then.

        Raises:
            SessionExists: the id is taken.
            SessionHasNoShape: there is no state to go on from yet.
            StepNotRetained: that state is not kept, or never was.
            NotDurable: this session is not journaled, or the service has no store.
            CheckpointMismatch, HyperParameterInvalid, HyperParameterUnknown: not with that optimizer.
            CapacityExceeded: the service has no room for it.

        >>> session = client.session("docs-fork", params=[1.0, 2.0], durability="journal")
        >>> _ = session.step([0.5, -0.5]), session.step([0.5, -0.5])
        >>> slower = session.fork("docs-fork-slower", at_step=1, optimizer={"lr": 0.5})
        >>> slower.step_number, slower.params
        (1, [0.9955280429197062, 2.004471957080294])
        """
        held = yield from opening.fork(
            self._held,
            session_id,
            at_step=at_step,
            incarnation=incarnation,
            optimizer=optimizer,
            ttl_s=ttl_s,
            labels=labels,
            durability=durability,
        )
        return self._session_of(held)
