"""The blocked driver serves from the start; the compiled one takes over only once it has proved itself."""

from collections.abc import Callable

import pytest

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
    """A compiled driver that misses a golden value never serves."""
    held = compiled_by(lambda: CarelessDriver(answer=True), monkeypatch)
    assert (held.current.name, held.compiled) == ("blocked", "failed")


def test_nothing_starts_where_blocked_gives_wrong_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the blocked driver itself misses a golden value there is nothing that could serve."""
    monkeypatch.setattr(drivers, "BlockedDriver", lambda: CarelessDriver(answer=False))
    with pytest.raises(DriverMismatch):
        Drivers()
