"""Which driver runs: `blocked` from the start, `compiled` once it is compiled and has passed the golden cases."""

from __future__ import annotations

import threading
from functools import cache
from typing import Literal

import structlog

from stepd.optimizers import CATALOGUE
from stepd.optimizers.blocked import BlockedDriver
from stepd.optimizers.compiled import CompiledDriver, compile_driver
from stepd.optimizers.contract import Driver
from stepd.optimizers.parallel import Helpers, ParallelDriver
from stepd.optimizers.selftest import DriverMismatch, check_driver

log = structlog.get_logger("stepd.drivers")

CompiledStatus = Literal["off", "not-installed", "compiling", "serving", "failed"]


class Drivers:
    """Holds the driver in use. `current` is replaced once, by the thread that compiles; the bits stay the same.

    With more than one of `threads` long vectors are stepped in parts, so many at once. Raises DriverMismatch where the
    blocked driver fails its golden cases: then nothing may start.
    """

    def __init__(self, threads: int = 1) -> None:
        self._helpers = Helpers(threads - 1) if threads > 1 else None
        self.compiled: CompiledStatus = "off"
        self._thread: threading.Thread | None = None
        blocked = BlockedDriver()
        check_driver(blocked)
        self.current: Driver = self._with_helpers(blocked)

    def start_compiling(self) -> None:
        """Begins to compile beside the running service."""
        self.compiled = "compiling"
        self._thread = threading.Thread(target=self._compile, name="stepd-compile", daemon=True)
        self._thread.start()

    def wait_compiled(self) -> None:
        """Returns when the thread has ended, whatever came of it."""
        if self._thread is not None:
            self._thread.join()

    def _with_helpers(self, driver: Driver) -> Driver:
        return driver if self._helpers is None else ParallelDriver(driver, self._helpers)

    def _compile(self) -> None:
        try:
            driver = compile_once()
            check_driver(driver)
        except ImportError:
            self.compiled = "not-installed"
        except DriverMismatch as mismatch:
            self.compiled = "failed"
            log.error("the compiled driver gives wrong bits; the blocked driver stays for good", mismatch=str(mismatch))
        except Exception:  # whatever numba raises: the blocked driver serves on
            self.compiled = "failed"
            log.exception("the compiled driver could not be compiled; the blocked driver stays for good")
        else:
            self.current = self._with_helpers(driver)
            self.compiled = "serving"
            log.debug("the compiled driver serves")


@cache
def compile_once() -> CompiledDriver:
    """Compiles the catalogue, once per process."""
    return compile_driver(CATALOGUE.values())
