"""What a journaled session was: its steps, its state at any that is kept, and new sessions that go on from there."""

from __future__ import annotations

from stepd.engine.contract import Fork, History
from stepd.engine.journal import Journal
from stepd.engine.stored import session_of
from stepd.errors import CheckpointMismatch, FieldError, NotDurable
from stepd.optimizers import Optimizer, resolve
from stepd.optimizers.drivers import Drivers
from stepd.sessions.session import Session
from stepd.values import SessionKey

# A session of the past takes no steps, so what it remembers of keys is of no use.
KEYS = 1


class Past:
    """Reads the journal, beside whatever the session does meanwhile."""

    def __init__(self, drivers: Drivers, journal: Journal | None) -> None:
        self._drivers = drivers
        self._journal = journal

    async def history(self, session: Session, incarnation: str | None, after: int, size: int) -> History:
        """See `Engine.history`."""
        journal = self._require_journal(session)
        lives = await journal.read(journal.store.incarnations, session.key)
        wanted = incarnation or session.state.incarnation
        steps = await journal.read(journal.store.steps, session.key, wanted, after, size + 1)
        more = len(steps) > size
        steps = steps[:size]
        return History(wanted, steps, steps[-1].step if more else None, lives)

    async def session_at(self, session: Session, step: int | None, incarnation: str | None) -> Session:
        """The session as it was then: one of its own, in no table."""
        journal = self._require_journal(session)

        def load(key: SessionKey) -> Session:
            with journal.store.load(key, incarnation, step) as recovered:
                return session_of(key, recovered, self._drivers.current, KEYS)

        return await journal.read(load, session.key)

    @staticmethod
    def is_present(session: Session, step: int | None, incarnation: str | None) -> bool:
        """Whether that is where the session is now, which needs no journal."""
        return step in (None, session.state.step) and incarnation in (None, session.state.incarnation)

    def _require_journal(self, session: Session) -> Journal:
        if session.durability != "journal" or self._journal is None:
            raise NotDurable(
                f"session {session.key.id!r} has durability {session.durability}: its past steps are not kept; a "
                "session that is to have a history is created with durability journal"
            )
        return self._journal


def forked_optimizer(session: Session, fork: Fork) -> Optimizer:
    """The session's optimizer with other hyper-parameters. Raises CheckpointMismatch for another rule; as `resolve`."""
    mine = session.optimizer.resolved()
    name = fork.hyper.get("name", mine["name"])
    if name != mine["name"]:
        detail = f"the session's optimizer is {mine['name']}; its slots mean nothing to {name!r}"
        raise CheckpointMismatch(detail, errors=[FieldError("/optimizer/name", detail)])
    return resolve({**mine, **fork.hyper}, session.dtype)
