"""A route that FastAPI documents and Starlette serves: no dependency machinery between the request and the handler.

FastAPI's own handling of a request costs more than a small step does; docs/decisions/0003 has the figures.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

Handler = Callable[[Request], Awaitable[Response]]


class DirectRoute(APIRoute):
    """Calls `handler(request)`; everything else an APIRoute takes is for the OpenAPI document."""

    def __init__(self, method: str, path: str, handler: Handler, **documentation: Any) -> None:
        async def documented() -> None:
            """FastAPI reads its parameters from a signature; ours stand in `openapi_extra`."""

        super().__init__(path, documented, methods=[method], name=handler.__name__, **documentation)
        self.method = method

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            response = await handler(Request(scope, receive))
            await response(scope, receive, send)

        self.app = app
