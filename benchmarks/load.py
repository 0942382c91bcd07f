"""Many small steps at once: wrk on the load's core, with the requests of step.lua; what it counted, what went wrong."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import LOAD_CORE, on_cores
from benchmarks.servers import Server
from benchmarks.steps import Body, tags

SCRIPT = Path(__file__).with_name("step.lua")


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of wrk found. `errors` are refusals (any status but 2xx and 3xx) and broken connections."""

    requests: int
    requests_per_s: float
    p50_s: float
    p99_s: float
    max_s: float
    errors: int


def wrk(server: Server, names: list[str], body: Body, seconds: float, *, keyed: bool) -> Load:
    """Steps as fast as answers come, over one connection for each of the sessions."""
    with tempfile.TemporaryDirectory() as folder:
        content, sessions = Path(folder, "body"), Path(folder, "sessions")
        content.write_bytes(body.content)
        lines = zip(names, tags(server, names) if keyed else [None] * len(names), strict=True)
        sessions.write_text("".join(_line(server.step_path.format(name), tag) for name, tag in lines), "utf-8")
        command = [
            "wrk",
            f"--threads={len(names) if keyed else 1}",
            f"--connections={len(names)}",
            # wrk takes whole seconds.
            f"--duration={max(1, round(seconds))}",
            "--timeout=30",
            f"--script={SCRIPT}",
            server.url,
            "--",
            str(content),
            body.media_type,
            "keyed" if keyed else "plain",
            os.urandom(8).hex(),
            str(sessions),
        ]
        with on_cores(LOAD_CORE):
            ran = subprocess.run(command, check=True, capture_output=True, text=True)
    load = parse(ran.stdout)
    if load.errors:
        print(f"ERRORS: {load.errors} of the steps sent to {server.name} were refused or broke off", file=sys.stderr)
    return load


def _line(path: str, tag: object) -> str:
    incarnation, step = ("-", 0) if tag is None else (tag.incarnation, tag.step)
    return f"{path} {incarnation} {step}\n"


def parse(output: str) -> Load:
    """From what step.lua writes at the end. Raises ValueError where it is not there."""
    found = re.search(r"^result (\{.*\})$", output, re.MULTILINE)
    if found is None:
        raise ValueError(f"wrk did not come to its end; it said: {output}")
    said = json.loads(found[1])
    return Load(
        said["requests"],
        said["requests"] / said["seconds"],
        said["p50_us"] / 1e6,
        said["p99_us"] / 1e6,
        said["max_us"] / 1e6,
        said["refused"] + said["broken"],
    )
