"""A client that streams large steps until it is ended, as a process of its own: what others' steps are watched beside.

`python -m benchmarks.streamer HOST PORT SESSION SIZE MEDIA_TYPE [keyed]`. It yields the processor to whoever watches.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.machine import LOAD_CORE, on_cores
from benchmarks.servers import Server
from benchmarks.stepper import Stepper
from benchmarks.steps import JSON, Body, json_body, raw_body


@contextmanager
def streaming(server: Server, session: str, body: Body, *, keyed: bool) -> Iterator[None]:
    """Streams while the block runs, from the end of the first step on."""
    where = (server.host, str(server.port), session, str(body.size), body.media_type)
    command = (sys.executable, "-m", "benchmarks.streamer", *where, *(["keyed"] if keyed else []))
    with on_cores(LOAD_CORE):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    with process:
        try:
            if process.stdout is None or not process.stdout.readline():
                raise ChildProcessError("the streaming client took no step; it says why above")
            yield
            if process.poll() is not None:
                raise ChildProcessError("the streaming client ended too early; it says why above")
        finally:
            process.kill()


def main() -> None:
    """See the module's text."""
    host, port, session, size, media_type, *keyed = sys.argv[1:]
    os.nice(10)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    body = json_body(int(size)) if media_type == JSON else raw_body(int(size))
    with Stepper(Server("stepd", 0, host, int(port)), session, body, keyed=bool(keyed)) as stepper:
        stepper.step()
        print("streams", flush=True)
        while True:
            stepper.step()


if __name__ == "__main__":
    main()
