"""The only place that wires the parts: settings to engine, engine to routes, routes to an application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route

import stepd
from stepd.api.budget import Budget
from stepd.api.exchange import exchange_of
from stepd.api.middleware import Envelope
from stepd.api.openapi.document import DESCRIPTION, document_of
from stepd.api.problems import problem_response
from stepd.api.routes import all_routes
from stepd.api.routes.pages import page_routes
from stepd.api.service import Service
from stepd.engine.local import LocalEngine
from stepd.errors import MethodNotAllowed, PageNotFound, StepdError
from stepd.optimizers.drivers import Drivers
from stepd.settings import Settings


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; `app.state.service` is its Service.

    Raises DriverMismatch where this machine's arithmetic fails the golden cases.
    """
    settings = settings or Settings()
    drivers = Drivers(settings.threads)
    engine = LocalEngine(
        drivers,
        capacity_bytes=settings.max_session_bytes,
        keys_per_session=settings.keys_per_session,
        threads=settings.threads,
    )
    service = Service(settings, engine, drivers, Budget(settings.max_in_flight_bytes))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if settings.driver == "auto":
            drivers.start_compiling()
        await engine.start()
        service.ready = True
        yield
        service.ready = False
        await engine.close()

    app = FastAPI(
        title="stepd",
        version=stepd.__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        middleware=[Middleware(Envelope, access_log=settings.access_log)],
        exception_handlers={HTTPException: _http_problem},
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    app.router.routes.extend(all_routes(service))
    app.router.routes.append(Route("/openapi.json", _openapi_route(app)))
    app.router.routes.extend(page_routes())
    return app


def drain(app: FastAPI) -> None:
    """Begins the drain: not ready any more, and every wait ends. Requests in flight go on."""
    service: Service = app.state.service
    service.ready = False
    if isinstance(service.engine, LocalEngine):
        service.engine.drain()


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of an application, made once."""
    if app.openapi_schema is None:
        service: Service = app.state.service
        app.openapi_schema = document_of(app.router.routes, service.settings)
    return app.openapi_schema


def _openapi_route(app: FastAPI) -> Any:
    async def openapi(_: Request) -> Response:
        return JSONResponse(openapi_document(app))

    return openapi


async def _http_problem(request: Request, error: Exception) -> Response:
    """The router's own refusals, no such path and no such method, as problems."""
    problem: StepdError = PageNotFound(f"there is nothing at {request.url.path[:120]!r}; /docs shows what there is")
    if isinstance(error, HTTPException) and error.status_code == 405:
        allowed = sorted(
            {
                method
                for route in request.app.router.routes
                if route.matches({**request.scope, "method": "?"})[0] != Match.NONE
                for method in route.methods
            }
        )
        if "GET" in allowed:
            allowed = sorted({*allowed, "HEAD"})
        problem = MethodNotAllowed(
            f"{request.url.path[:120]!r} does not take {request.method}; it takes {', '.join(allowed)}",
            extra={"allow": allowed},
        )
    return problem_response(problem, exchange_of(request.scope).request_id)
