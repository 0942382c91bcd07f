"""The machine: what it is, what is installed on it, and which core does what."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "stepd",
    "stepd-client",
    "numpy",
    "numba",
    "orjson",
    "fastapi",
    "starlette",
    "pydantic",
    "uvicorn",
    "uvloop",
    "httptools",
    "httpx",
    "torch",
    "jax",
    "optax",
    "msgspec",
    "pysimdjson",
)

# Elsewhere than on Linux nothing is measured, but the page can be made.
CORES = tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else (0,)
# With a single core both are the same, and the page says that there is one.
LOAD_CORE, SERVER_CORE = CORES[0], CORES[-1]


@contextmanager
def on_cores(*cores: int) -> Iterator[None]:
    """Keeps this thread, and the processes and threads that it starts meanwhile, on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def describe() -> dict[str, str]:
    """What the page says of the machine."""
    return {
        "processor": _processor(),
        "cores": str(len(CORES)),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB",
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
    }


def versions() -> dict[str, str]:
    """The versions of what is measured, and the commit of the checkout where there is one."""
    found = {"Python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    found["wrk"] = _wrk()
    found["commit"] = _said("git", "describe", "--always", "--dirty") or "unknown"
    return found


def _processor() -> str:
    models = re.findall(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text("ascii"), re.MULTILINE)
    return models[0] if models else platform.machine()


def _wrk() -> str:
    # It prints its version as the first word of its usage.
    found = re.search(r"wrk\s+(?:\S*/)?([\d.]+)", _said("wrk", "-v"))
    return found[1] if found else "not installed"


def _said(program: str, *arguments: str) -> str:
    path = shutil.which(program)
    if path is None:
        return ""
    ran = subprocess.run([path, *arguments], cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return ran.stdout.strip()
