"""Bytes that requests in flight may take: reserved before a body is read, given back when the answer has left."""

from __future__ import annotations

from stepd.errors import OverBudget, RequestTooLarge


class Budget:
    """Not thread-safe: used on the event loop's thread."""

    def __init__(self, total_bytes: int) -> None:
        self.total_bytes = total_bytes
        self.used_bytes = 0


class Reservation:
    """What one request has reserved; `release` gives it back."""

    __slots__ = ("_budget", "nbytes")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.nbytes = 0

    def grow(self, nbytes: int) -> None:
        """Reserves more. Raises RequestTooLarge where that would never fit, OverBudget where it does not fit now."""
        budget = self._budget
        if budget.used_bytes + nbytes > budget.total_bytes:
            self.require_possible(nbytes)
            raise OverBudget(
                f"this request needs {nbytes} bytes and {budget.total_bytes - budget.used_bytes} of "
                f"{budget.total_bytes} are free; other requests are in flight, send it again in a moment"
            )
        budget.used_bytes += nbytes
        self.nbytes += nbytes

    def require_possible(self, nbytes: int) -> None:
        """Raises RequestTooLarge where so much more would not fit even alone."""
        if self.nbytes + nbytes > self._budget.total_bytes:
            raise RequestTooLarge(
                f"this request needs {self.nbytes + nbytes} bytes in flight (body, values, answer); the service allows "
                f"{self._budget.total_bytes} for all requests together (STEPD_MAX_IN_FLIGHT_BYTES)"
            )

    def shrink(self, nbytes: int) -> None:
        """Gives a part back."""
        self._budget.used_bytes -= nbytes
        self.nbytes -= nbytes

    def release(self) -> None:
        """Gives all back."""
        self.shrink(self.nbytes)
