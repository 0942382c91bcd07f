"""Serving a peer as stepd serves itself: one uvicorn process, uvloop, httptools, no access log, on a free port."""

from __future__ import annotations

import socket
from typing import Any

import uvicorn


def serve(app: Any) -> None:
    """Serves until SIGTERM; says where on stdout."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        log_level="warning",
    )
    host, port = listening.getsockname()
    # The socket takes connections from here on; they wait until the server accepts them.
    print(f"serves at http://{host}:{port}", flush=True)
    uvicorn.Server(config).run(sockets=[listening])
