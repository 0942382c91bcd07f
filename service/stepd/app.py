"""The only place that wires the parts: settings to engine, engine to routes, routes to an application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

import stepd
from stepd.api.budget import Budget
from stepd.api.middleware import Envelope
from stepd.api.openapi.document import DESCRIPTION, document_of
from stepd.api.routes import all_routes
from stepd.api.routes.pages import page_routes
from stepd.api.routing import RouteTable
from stepd.api.service import Service
from stepd.engine.journal import Journal
from stepd.engine.local import LocalEngine
from stepd.engine.upkeep import Upkeep
from stepd.optimizers.drivers import Drivers
from stepd.settings import Settings
from stepd.storage.store import open_store


class Application(FastAPI):
    """A FastAPI application in which the table of routes answers first, and the router what is left: pages.

    The envelope does for both what FastAPI's own middleware is for: errors become problems (docs/decisions/0003).
    """

    service: Service
    table: RouteTable

    def build_middleware_stack(self) -> ASGIApp:
        return Envelope(self.router, self.table, access_log=self.service.settings.access_log)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # FastAPI would look for OpenTelemetry's environment variables with every request.
        scope["app"] = self
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        await self.middleware_stack(scope, receive, send)


def create_app(settings: Settings | None = None) -> Application:
    """The application; `app.service` is its Service.

    Raises DriverMismatch where this machine's arithmetic fails the golden cases, UnsafeSettings, and StorageUnavailable
    or StorageFull where the store can't be opened.
    """
    settings = settings or Settings()
    settings.refuse_lost()
    drivers = Drivers(settings.threads)
    engine = LocalEngine(
        drivers,
        capacity_bytes=settings.max_session_bytes,
        keys_per_session=settings.keys_per_session,
        threads=settings.threads,
        journal=_journal(settings),
        durability=settings.durability,
        upkeep=Upkeep(
            snapshot_s=settings.snapshot_s,
            snapshot_steps=settings.snapshot_steps,
            history_steps=settings.history_steps,
            history_bytes=settings.history_bytes,
        ),
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

    app = Application(
        title="stepd",
        version=stepd.__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.service = service
    app.table = RouteTable(all_routes(service))
    app.router.routes.append(Route("/openapi.json", _openapi_route(app)))
    app.router.routes.extend(page_routes())
    return app


def _journal(settings: Settings) -> Journal | None:
    """The store of the settings, opened."""
    if settings.data is not None:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    address = settings.store_address
    return None if address is None else Journal(open_store(address))


def drain(app: Application) -> None:
    """Begins the drain: not ready any more, and every wait ends. Requests in flight go on."""
    app.service.ready = False
    if isinstance(app.service.engine, LocalEngine):
        app.service.engine.drain()


def openapi_document(app: Application) -> dict[str, Any]:
    """The OpenAPI document of an application, made once."""
    if app.openapi_schema is None:
        app.openapi_schema = document_of(app.table.routes, app.service.settings)
    return app.openapi_schema


def _openapi_route(app: Application) -> Any:
    async def openapi(_: Request) -> Response:
        return JSONResponse(openapi_document(app))

    return openapi
