"""The blocked driver serves from the start; the compiled one takes over only once it has proved itself."""

import threading
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from stepd.optimizers import drivers
from stepd.optimizers.compiled import CompiledDriver
from stepd.optimizers.drivers import Drivers
from stepd.optimizers.selftest import DriverMismatch
from tests.optimizers.steps import CarelessDriver


def compiled_by(make: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> Drivers:
    """Drivers after compiling, where `make` stands for the compiler."""
    monkeypatch.setattr(drivers, "compile_once", make)
    held = Drivers()
    held.start_compiling()
    held.wait_compiled()
    return held


def fail_with(error: Exception) -> Callable[[], object]:
    def fail() -> object:
        raise error

    return fail


def test_blocked_serves_from_the_start() -> None:
    """Before anything is compiled, and where nothing is to be, the blocked driver serves."""
    held = Drivers()
    held.wait_compiled()
    assert (held.current.name, held.compiled) == ("blocked", "off")


def test_compiled_takes_over(compiled: CompiledDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once compiled and found right, the compiled driver serves."""
    held = compiled_by(lambda: compiled, monkeypatch)
    assert held.current is compiled
    assert held.compiled == "serving"


@pytest.mark.parametrize(
    ("make", "status"),
    [
        (fail_with(ImportError("no numba")), "not-installed"),
        (fail_with(RuntimeError("the compiler broke")), "failed"),
        (lambda: CompiledDriver({}), "failed"),
    ],
    ids=["not-installed", "not-compiled", "not-working"],
)
def test_blocked_stays_where_compiling_fails(
    make: Callable[[], object], status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without numba, or where compiling or the compiled code fails, the blocked driver goes on serving."""
    held = compiled_by(make, monkeypatch)
    assert (held.current.name, held.compiled) == ("blocked", status)


def test_blocked_stays_where_compiled_code_gives_wrong_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiled driver that misses a golden value never serves, and the log has an error that says which."""
    with capture_logs() as logs:
        held = compiled_by(lambda: CarelessDriver(answer=True), monkeypatch)
    assert (held.current.name, held.compiled) == ("blocked", "failed")
    (entry,) = logs
    assert entry["log_level"] == "error"
    assert "blocked driver stays for good" in entry["event"]
    assert "driver careless" in entry["mismatch"]


def test_what_the_log_says(compiled: CompiledDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    """That numba is not installed is no error; a compiler that breaks is one, with its traceback."""
    with capture_logs() as logs:
        compiled_by(fail_with(ImportError("no numba")), monkeypatch)
        compiled_by(lambda: compiled, monkeypatch)
    assert [entry["log_level"] for entry in logs if entry["log_level"] != "debug"] == []
    with capture_logs() as logs:
        compiled_by(fail_with(RuntimeError("the compiler broke")), monkeypatch)
    (entry,) = logs
    assert (entry["log_level"], entry["exc_info"]) == ("error", True)


def test_blocked_serves_while_the_other_compiles(compiled: CompiledDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting to compile returns at once; the blocked driver serves until the other takes over."""
    begun, finish = threading.Event(), threading.Event()

    def compiling() -> CompiledDriver:
        begun.set()
        assert finish.wait(30)
        return compiled

    monkeypatch.setattr(drivers, "compile_once", compiling)
    held = Drivers()
    held.start_compiling()
    assert begun.wait(30)
    assert (held.current.name, held.compiled) == ("blocked", "compiling")
    finish.set()
    held.wait_compiled()
    assert (held.current.name, held.compiled) == ("compiled", "serving")


def test_nothing_starts_where_blocked_gives_wrong_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the blocked driver itself misses a golden value there is nothing that could serve."""
    monkeypatch.setattr(drivers, "BlockedDriver", lambda: CarelessDriver(answer=False))
    with pytest.raises(DriverMismatch):
        Drivers()
