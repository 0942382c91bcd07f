"""The drivers, each made once: compiling the catalogue takes seconds."""

import pytest

from stepd.optimizers import CATALOGUE
from stepd.optimizers.blocked import BlockedDriver
from stepd.optimizers.compiled import CompiledDriver, interpreted_driver
from stepd.optimizers.contract import Driver
from stepd.optimizers.drivers import compile_once
from tests.needs import require_module


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


@pytest.fixture(scope="session", params=["blocked", "compiled"])
def driver(request: pytest.FixtureRequest) -> Driver:
    """Each driver that serves."""
    made: Driver = request.getfixturevalue(request.param)
    return made


@pytest.fixture(scope="session", params=["compiled", "interpreted"])
def looping(request: pytest.FixtureRequest) -> Driver:
    """The loops over single values, compiled and not: what must equal the blocked driver."""
    made: Driver = request.getfixturevalue(request.param)
    return made


@pytest.fixture(scope="session", params=["blocked", "compiled", "interpreted"])
def any_driver(request: pytest.FixtureRequest) -> Driver:
    """Each driver that serves, and the compiled one's loops uncompiled."""
    made: Driver = request.getfixturevalue(request.param)
    return made
