"""Bytes that requests in flight may take: reserved before a body is read, given back when the answer is made."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from stepd.errors import OverBudget, RequestTooLarge


class Budget:
    """Not thread-safe: used on the event loop's thread."""

    def __init__(self, total_bytes: int) -> None:
        self.total_bytes = total_bytes
        self.used_bytes = 0

    def reserve(self, nbytes: int) -> Reservation:
        """Reserves for the length of a `with` block. Raises RequestTooLarge, OverBudget."""
        reservation = Reservation(self)
        reservation.grow(nbytes)
        return reservation


class Reservation:
    """What one request has reserved."""

    __slots__ = ("_budget", "nbytes")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.nbytes = 0

    def grow(self, nbytes: int) -> None:
        """Reserves more. Raises RequestTooLarge where that would never fit, OverBudget where it does not fit now."""
        budget = self._budget
        if self.nbytes + nbytes > budget.total_bytes:
            raise RequestTooLarge(
                f"this request needs {self.nbytes + nbytes} bytes in flight (body, values, answer); the service allows "
                f"{budget.total_bytes} for all requests together (STEPD_MAX_IN_FLIGHT_BYTES)"
            )
        if budget.used_bytes + nbytes > budget.total_bytes:
            raise OverBudget(
                f"this request needs {nbytes} bytes and {budget.total_bytes - budget.used_bytes} of "
                f"{budget.total_bytes} are free; other requests are in flight, send it again in a moment"
            )
        budget.used_bytes += nbytes
        self.nbytes += nbytes

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._budget.used_bytes -= self.nbytes
        self.nbytes = 0
