"""Every setting: its name, default, unit and reason. Read from STEPD_* once at start, then never changed."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from stepd.machine import memory_bytes, processors
from stepd.records import Durability

# The embedded store, in the folder STEPD_DATA.
STORE_FILE = "stepd.db"

# Variables that begin like settings and belong to others: the Python client, the tests.
OTHER_VARIABLES = frozenset({"STEPD_URL", "STEPD_TEST_REQUIRE"})


class UnsafeSettings(Exception):
    """Settings with which the service refuses to start; the message says why and what to do."""


class Settings(BaseSettings):
    """Frozen settings. Each can be given as STEPD_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="STEPD_", env_ignore_empty=True, frozen=True, extra="forbid")

    host: str = Field(
        default="127.0.0.1", description="address to listen on; loopback, because there are no access keys yet"
    )
    port: int = Field(default=8000, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    insecure: bool = Field(
        default=False, description="allow a host other than loopback although anyone who reaches it may do anything"
    )
    driver: Literal["auto", "blocked"] = Field(
        default="auto", description="auto: compiled once it is ready, where numba is installed; blocked: NumPy only"
    )
    max_json_bytes: int = Field(
        default=16 * 2**20,
        ge=1024,
        description="bytes of a JSON body; parsing one holds everybody else up, so it is kept small",
    )
    max_session_bytes: int = Field(
        default_factory=lambda: memory_bytes() // 2,
        ge=2**20,
        description="bytes that all sessions may take, arrays counted in full; default half of the memory",
    )
    max_in_flight_bytes: int = Field(
        default_factory=lambda: memory_bytes() // 4,
        ge=2**20,
        description="bytes that requests in flight may take; default a quarter of the memory",
    )
    max_tensors: int = Field(default=4096, ge=1, description="named tensors of a session")
    keys_per_session: int = Field(
        default=64, ge=1, le=4096, description="newest idempotency keys that a session remembers"
    )
    data: Path | None = Field(
        default=None, description="folder of the embedded store, stepd.db; made where it is not there"
    )
    store: str | None = Field(
        default=None, description="address of a PostgreSQL store, postgresql://...; instead of a folder"
    )
    durability: Durability = Field(
        default="memory",
        description="what is kept of sessions that don't say themselves: memory, snapshot or journal",
    )
    snapshot_s: float = Field(
        default=30.0, gt=0, le=86_400, description="seconds between the snapshots of a session of that level"
    )
    snapshot_steps: int = Field(
        default=1000, ge=1, description="steps of a journaled session after which it is written whole, so it loads fast"
    )
    history_steps: int = Field(
        default=100_000, ge=1, description="newest steps of a session that its journal keeps, at least those it needs"
    )
    history_bytes: int = Field(
        default=2**30, ge=1, description="bytes of vectors of a session's steps that its journal keeps"
    )
    max_wait_s: float = Field(default=60.0, gt=0, le=3600, description="seconds that a long-poll may wait")
    shutdown_s: int = Field(default=10, ge=1, description="seconds for requests in flight to end after SIGTERM")
    threads: int = Field(
        default_factory=processors, ge=1, description="threads that step large vectors; default one per processor"
    )
    access_log: bool = Field(
        default=False, description="one log line per request: method, path, status, time; never a value"
    )
    log_format: Literal["console", "json"] = Field(
        default="console", description="how log lines look; they go to stderr"
    )

    @property
    def store_address(self) -> str | None:
        """What `open_store` takes; None where there is no store."""
        return self.store or (None if self.data is None else str(self.data / STORE_FILE))

    def refuse_lost(self) -> None:
        """Raises UnsafeSettings where sessions are to be kept and it does not say where, or says two places."""
        if self.durability != "memory" and self.store_address is None:
            raise UnsafeSettings(
                f"STEPD_DURABILITY is {self.durability} and there is nowhere to keep sessions: say --data DIR, or "
                "--store postgresql://..."
            )
        if self.store is not None and self.data is not None:
            raise UnsafeSettings("STEPD_DATA and STEPD_STORE are both given; a service has one store")

    def refuse_unsafe(self) -> None:
        """Raises UnsafeSettings for a host that others can reach, unless `insecure` says that this is meant."""
        if not self.insecure and not is_loopback(self.host):
            raise UnsafeSettings(
                f"STEPD_HOST is {self.host!r}: others could reach it, and there are no access keys yet. Listen on "
                "127.0.0.1, or say --insecure (STEPD_INSECURE=1) where something else keeps strangers out."
            )


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """STEPD_ variables that are no setting: most likely misspelt."""
    known = {f"STEPD_{name.upper()}" for name in Settings.model_fields} | OTHER_VARIABLES
    return sorted(name for name in environment if name.upper().startswith("STEPD_") and name.upper() not in known)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that address."""
    host = host.strip().lower()
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def refuse_more_workers(workers: int, web_concurrency: str | None) -> None:
    """Raises UnsafeSettings where more than one process is asked for: each would hold sessions of its own."""
    for name, asked in (("--workers", str(workers)), ("WEB_CONCURRENCY", web_concurrency or "1")):
        if asked != "1":
            raise UnsafeSettings(
                f"{name} is {asked}: sessions live in the memory of one process, and with several a request would "
                "find another process's sessions missing. Run one process; it uses all processors for large vectors."
            )
