"""What may not be there yet in the service under measurement; each part asks here, and leaves such rows out by name."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from stepd import values
from stepd.api.formats import FORMATS
from stepd.optimizers.blocked import BlockedDriver

_THERE = {
    "steps in place": hasattr(BlockedDriver, "advance"),
    "the finiteness check": hasattr(values, "largest"),
    "steps on several threads": find_spec("stepd.optimizers.parallel") is not None,
    "raw bodies": "application/octet-stream" in FORMATS,
}


def lacking(feature: str) -> str | None:
    """What to show in the place of a figure where the feature is not there; None where it is."""
    return None if _THERE[feature] else f"not there yet: {feature}"


def on_threads(driver: Any, count: int) -> Any:
    """The driver, with its steps split over so many threads. Only where `steps on several threads` are there."""
    from stepd.optimizers.parallel import Helpers, ParallelDriver  # noqa: PLC0415 - may not be there yet

    # The caller works too.
    return ParallelDriver(driver, Helpers(count - 1))
