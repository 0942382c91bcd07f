"""From method and path to a handler, and what each route says of itself for the OpenAPI document.

Handlers are called with the call and nothing else: what FastAPI does around a handler costs more than a small step
does; docs/decisions/0003 has the figures.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from stepd.api.answers import Answer
from stepd.api.call import Call

Handler = Callable[[Call], Awaitable[Answer]]

SESSIONS = "/v1/sessions/"
SESSION = SESSIONS + "{session_id}"


@dataclass(frozen=True, slots=True)
class DirectRoute:
    """Calls `handler(call)`; `operation` is its Operation Object. `{session_id}` is the only variable of a path."""

    method: str
    path: str
    handler: Handler
    operation: dict[str, Any]


class RouteTable:
    """All direct routes, found by one look-up."""

    def __init__(self, routes: Iterable[DirectRoute]) -> None:
        self.routes = tuple(routes)
        self._handlers = {(route.method, route.path): route.handler for route in self.routes}

    def find(self, call: Call) -> Handler | None:
        """The handler of a call, whose `session_id` is filled in; None where there is none."""
        template, call.session_id = _template(call.path)
        return self._handlers.get(("GET" if call.method == "HEAD" else call.method, template))

    def allowed(self, path: str) -> set[str]:
        """The methods that the path takes; none where there is no such path."""
        template, _ = _template(path)
        return {route.method for route in self.routes if route.path == template}


def _template(path: str) -> tuple[str, str]:
    if path.startswith(SESSIONS):
        session_id, slash, below = path[len(SESSIONS) :].partition("/")
        if session_id:
            return SESSION + slash + below, session_id
    return path, ""
