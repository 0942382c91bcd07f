"""What the service tells of a journaled session's past, as plain frozen types: its steps, its lives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from stepd_client import requests
from stepd_client.answers import document_of, unexpected_member
from stepd_client.verbs import Pages
from stepd_client.wire import Answer, Flow

Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class PastStep:
    """One step that a session has taken.

    `step` is the number that it led to, `time` when it was taken, UTC, RFC 3339. `grad_norm` and `update_norm` are the
    Euclidean norms of the gradients as sent and of the change of the params, None beyond the range of float64. `lr` is
    None where the step had none of its own, `worker` where it did not say who took it, `key` where it had no
    Idempotency-Key.
    """

    step: int
    time: str
    grad_norm: float | None
    update_norm: float | None
    lr: float | None
    worker: str | None
    key: str | None

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> PastStep:
        """From the decoded document; members that this version does not know are left out."""
        return cls(**{name: document[name] for name in cls.__slots__})


@dataclass(frozen=True, slots=True)
class Incarnation:
    """One life of a session: reset, restore and new params begin another.

    `incarnation` is its name, as in entity tags. The states from `first_step` to `last_step` can be had. `began_at` is
    UTC, RFC 3339.
    """

    incarnation: str
    first_step: int
    last_step: int
    began_at: str

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Incarnation:
        """Like `PastStep.read`."""
        return cls(**{name: document[name] for name in cls.__slots__})


def history(session_id: str, incarnation: str | None, page_size: int | None) -> Pages[PastStep]:
    """The steps of one life, page by page: that of the first page, even if another begins meanwhile."""
    life = incarnation

    def page(page_token: str | None) -> Flow[tuple[list[PastStep], str | None]]:
        nonlocal life
        answer = yield requests.steps(session_id, life, page_size, page_token)
        document = document_of(answer)
        life, following = document.get("incarnation"), document.get("next_page_token")
        if not isinstance(life, str) or not (following is None or isinstance(following, str)):
            raise unexpected_member(answer, "incarnation")
        return _each(PastStep.read, answer, document, "steps"), following or None

    return page


def incarnations(session_id: str) -> Flow[list[Incarnation]]:
    """All lives that are kept, newest first."""
    answer = yield requests.steps(session_id, None, 1, None)
    return _each(Incarnation.read, answer, document_of(answer), "incarnations")


def _each(
    read: Callable[[Mapping[str, Any]], Kind], answer: Answer, document: Mapping[str, Any], member: str
) -> list[Kind]:
    try:
        return [read(one) for one in document[member]]
    except (KeyError, TypeError):
        raise unexpected_member(answer, member) from None
