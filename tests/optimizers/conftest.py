"""The drivers, each made once: compiling the catalogue takes seconds."""

import pytest

from stepd.optimizers import CATALOGUE
from stepd.optimizers.blocked import BlockedDriver
from stepd.optimizers.compiled import CompiledDriver, interpreted_driver
from stepd.optimizers.contract import Driver
from stepd.optimizers.drivers import compile_once
from tests.needs import require_module
from tests.optimizers.steps import InPlaceDriver


@pytest.fixture(scope="session")
def blocked() -> BlockedDriver:
    return BlockedDriver()


@pytest.fixture(scope="session")
def compiled() -> CompiledDriver:
    require_module("numba", "pip install 'stepd[fast]'")
    return compile_once()


@pytest.fixture(scope="session")
def interpreted() -> CompiledDriver:
    """The compiled driver's loops in plain Python: what coverage sees, and what runs where numba is absent."""
    return interpreted_driver(CATALOGUE.values())


def made(request: pytest.FixtureRequest) -> Driver:
    """The driver of that name, `in-place` behind it for its second verb."""
    name, _, verb = request.param.partition("-")
    driver: Driver = request.getfixturevalue(name)
    return InPlaceDriver(driver) if verb else driver


@pytest.fixture(scope="session", params=["blocked", "compiled", "blocked-in-place", "compiled-in-place"])
def driver(request: pytest.FixtureRequest) -> Driver:
    """Each verb of each driver that serves."""
    return made(request)


@pytest.fixture(
    scope="session",
    params=["compiled", "interpreted", "blocked-in-place", "compiled-in-place", "interpreted-in-place"],
)
def other(request: pytest.FixtureRequest) -> Driver:
    """What must equal the blocked driver beside the state: the loops, compiled and not, and every step in place."""
    return made(request)


@pytest.fixture(
    scope="session",
    params=["blocked", "compiled", "interpreted", "blocked-in-place", "compiled-in-place", "interpreted-in-place"],
)
def any_driver(request: pytest.FixtureRequest) -> Driver:
    """Each verb of each driver that serves, and of the compiled one's loops uncompiled."""
    return made(request)
