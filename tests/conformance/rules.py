"""What holds for every client in every case, on what the proxy saw: how requests are sent, and sent again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from tests.conformance.proxy import Exchange

_STEP = re.compile(r"/v1/sessions/[^/]+/step")
_RESET_OR_PARAMS = re.compile(r"/v1/sessions/[^/]+/(reset|params)")
_STATE = re.compile(r"/v1/sessions/[^/]+/state")
_FORK = re.compile(r"POST /v1/sessions/[^/]+/fork")
_CHANGES = frozenset({"PUT", "POST", "DELETE"})


class Rules:
    """Judges the requests of one case, command by command; keys are remembered from one command to the next."""

    def __init__(self) -> None:
        self._keys: dict[str, int] = {}
        self._commands = 0

    def broken_by(self, seen: Sequence[Exchange], on_session: bool) -> Iterator[str]:
        """Which rules the requests of one command break. `on_session`: it was about a session object."""
        self._commands += 1
        for exchange in seen:
            yield from _conditions(exchange, on_session)
            yield from self._key(exchange)
        yield from _same_again(seen)
        creations = [exchange for exchange in seen if exchange.line == "POST /v1/sessions"]
        if len(creations) > 1:
            yield f"POST /v1/sessions was sent {len(creations)} times; each may have made a session"
        forks = [exchange for exchange in seen if _FORK.fullmatch(exchange.line) and not _names_id(exchange.body)]
        if len(forks) > 1:
            yield f"a fork without an id was sent {len(forks)} times; each may have made a session"

    def _key(self, exchange: Exchange) -> Iterator[str]:
        if exchange.key is None:
            return
        if self._keys.setdefault(exchange.key, self._commands) != self._commands:
            yield f"the key {exchange.key!r} was used for an earlier step too"


def _names_id(body: bytes) -> bool:
    """Whether a fork says under which id: a second one then finds it taken. What can't be read names none."""
    try:
        return json.loads(body).get("id") is not None
    except (ValueError, AttributeError):
        return False


def _conditions(exchange: Exchange, on_session: bool) -> Iterator[str]:
    """What a request must carry so that sending it again does no harm."""
    changes = exchange.method in _CHANGES
    if changes and _STEP.fullmatch(exchange.path):
        if exchange.if_match is None:
            yield "a step was sent without If-Match"
        if exchange.key is None:
            yield "a step was sent without Idempotency-Key"
    elif exchange.key is not None:
        yield f"{exchange.line} carries an Idempotency-Key; that is for steps"
    if changes and _RESET_OR_PARAMS.fullmatch(exchange.path) and exchange.if_match is None:
        yield f"{exchange.line} was sent without If-Match"
    if changes and _STATE.fullmatch(exchange.path) and exchange.if_match is None and exchange.if_none_match != "*":
        yield f"{exchange.line} was sent without If-Match and without If-None-Match: *"
    if exchange.method == "DELETE" and on_session and exchange.if_match is None:
        yield f"{exchange.line} was sent without If-Match from a session object"


def _same_again(seen: Sequence[Exchange]) -> Iterator[str]:
    """Within one command a change that is sent again is the same request byte for byte."""
    first: dict[tuple[str, str], Exchange] = {}
    for exchange in seen:
        if exchange.method not in _CHANGES:
            continue
        earlier = first.setdefault((exchange.method, exchange.path), exchange)
        for name in ("line", "if_match", "if_none_match", "key", "content_type", "body"):
            if getattr(earlier, name) != getattr(exchange, name):
                was, now = (str(getattr(one, name))[:120] for one in (earlier, exchange))
                yield f"{exchange.line} was sent again with another {name}: first {was}, then {now}"
