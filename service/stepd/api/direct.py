"""A route that is called with the request and nothing else, and that says of itself what the OpenAPI document says.

FastAPI's own handling of a request costs more than a small step does; docs/decisions/0003 has the figures.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

Handler = Callable[[Request], Awaitable[Response]]


class DirectRoute(Route):
    """Calls `handler(request)`; `operation` is its Operation Object."""

    def __init__(self, method: str, path: str, handler: Handler, operation: dict[str, Any]) -> None:
        super().__init__(path, handler, methods=[method])
        self.method = method
        self.methods = {method}  # without the HEAD that Starlette adds: the middleware makes a GET of it
        self.operation = operation

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            response = await handler(Request(scope, receive))
            await response(scope, receive, send)

        self.app = app
