"""One uvicorn process around the application: says where it listens, drains on SIGTERM, logs to stderr."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import os
import signal
import socket
import sys
from contextlib import suppress
from types import FrameType

import structlog
import uvicorn

import stepd
from stepd.allocator import keep_freed_memory
from stepd.app import Application, create_app, drain
from stepd.connection import Connection
from stepd.errors import StorageFull, StorageUnavailable
from stepd.optimizers.selftest import DriverMismatch
from stepd.settings import Settings, unknown_variables

log = structlog.get_logger("stepd")


class Server(uvicorn.Server):
    """uvicorn, but for what is said at start and what is done first at the end."""

    def __init__(self, app: Application, settings: Settings) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                http=Connection,
                ws="none",
                workers=1,
                lifespan="on",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                log_config=None,
                timeout_graceful_shutdown=settings.shutdown_s,
            )
        )
        self.app = app
        self.settings = settings
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self.started and not self.should_exit:
            with suppress(AttributeError, OSError, ValueError):  # nobody listens on stdout: no reason not to serve
                sys.stdout.write(self.greeting() + "\n")
                sys.stdout.flush()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # A signal comes between any two instructions: the drain itself runs on the loop.
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(drain, self.app)
        super().handle_exit(sig, frame)

    def greeting(self) -> str:
        """One line: the address, the docs, and a curl command that works as printed."""
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        shown = "127.0.0.1" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host  # noqa: S104 - compared, not bound
        address = f"http://{shown}:{port}"
        return (
            f"stepd {stepd.__version__} serves at {address} (docs: {address}/docs); try: curl {address}/v1/step "
            """-H 'Content-Type: application/json' -d '{"params": [1.0, 2.0], "grads": [0.5, -0.5]}'"""
        )


def run(settings: Settings) -> int:
    """Serves until SIGTERM or SIGINT; returns the exit status."""
    configure_logging(settings)
    keep_freed_memory()
    try:
        app = create_app(settings)
    except DriverMismatch as mismatch:
        log.error("this machine's arithmetic fails the golden cases; nothing is served", mismatch=str(mismatch))
        return 3
    except (StorageFull, StorageUnavailable, OSError) as error:
        log.error("the store can't be opened; nothing is served", reason=str(error))
        return 1
    if settings.driver == "auto" and importlib.util.find_spec("numba") is None:
        log.info("numba is not installed: the blocked driver serves, the same bits, slower (pip install 'stepd[fast]')")
    for name in unknown_variables(os.environ):
        log.warning("there is no such setting", variable=name)
    try:
        listening = listen(settings)
    except OSError as error:
        reason = str(error) if error.errno is None else os.strerror(error.errno)
        log.error(
            "can't listen; choose another STEPD_HOST or STEPD_PORT",
            host=settings.host,
            port=settings.port,
            reason=reason,
        )
        return 1
    server = Server(app, settings)
    # uvicorn sets handlers of its own while it serves, and raises the signal again once it has shut down: these make
    # that a plain return, and let no signal go by before.
    for sig in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sig, server.handle_exit)
    server.run(sockets=[listening])
    return 0 if server.started else 1


def listen(settings: Settings) -> socket.socket:
    """A socket at the address of the settings. Raises OSError where it is taken or not ours."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    return socket.create_server((settings.host.strip("[]"), settings.port), family=family, backlog=2048)


def configure_logging(settings: Settings) -> None:
    """structlog to stderr, uvicorn's warnings with it. Neither ever gets a vector or a key to log."""
    as_text = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            as_text,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
