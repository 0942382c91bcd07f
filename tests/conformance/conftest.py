"""What the conformance tests share: one live service with its proxy, for all clients."""

from collections.abc import Iterator

import pytest

from tests.conformance.places import Places


@pytest.fixture(scope="session")
def places() -> Iterator[Places]:
    """Services for cases to run at, started as they are asked for."""
    with Places() as made:
        yield made
