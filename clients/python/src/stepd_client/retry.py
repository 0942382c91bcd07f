"""When a request is sent again, and after how long. Decides only: whoever sends also waits.

Backoff is exponential with full jitter: before the n-th repetition a random time between 0 and base * 2**(n-1), capped.
Full jitter, because what fails many clients at once must not have them all back at once. Where the service says how
long to wait (Retry-After), that is added in front.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from stepd_client.answers import error_of, retry_after_s
from stepd_client.errors import ConnectionFailed
from stepd_client.wire import Answer, Request

# Not 409, 412 and 422, which would be the same again, nor 500, which says that the service is broken.
RETRIED_STATUSES = frozenset({408, 429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and after how long what is safe to repeat is repeated.

    Args:
        attempts: sendings in all, the first included; 1 repeats nothing.
        base_s: upper bound of the first pause, in seconds; it doubles with every repetition.
        cap_s: upper bound of any pause.
        patience_s: the longest Retry-After that is waited for; beyond it the error is raised at once.
        random: gives a float from 0 to 1; for tests.

    Raises:
        ValueError: `attempts` below 1, or a negative time.
    """

    attempts: int = 4
    base_s: float = 0.25
    cap_s: float = 8.0
    patience_s: float = 60.0
    random: Callable[[], float] = field(default=random.random, repr=False)

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"attempts is {self.attempts}; it must be at least 1")
        for name, value in (("base_s", self.base_s), ("cap_s", self.cap_s), ("patience_s", self.patience_s)):
            if not value >= 0:
                raise ValueError(f"{name} is {value}; it must not be negative")

    def pause_before(self, repetition: int, asked_s: float | None) -> float:
        """Seconds to wait before the first, second, ... repetition."""
        bound = min(self.cap_s, self.base_s * 2.0 ** min(repetition - 1, 1000))
        return (asked_s or 0.0) + self.random() * bound


class Sendings:
    """The sendings of one request: told the outcome of each, says whether and when there is another."""

    def __init__(self, request: Request, policy: RetryPolicy) -> None:
        self._request = request
        self._policy = policy
        self.count = 0
        self.maybe_applied = False

    def pause_after(self, outcome: Answer | ConnectionFailed) -> float | None:
        """Seconds to wait before the next sending, or None if this outcome is the last."""
        self.count += 1
        if not self._may_repeat(outcome):
            return None
        asked_s = retry_after_s(outcome) if isinstance(outcome, Answer) else None
        if asked_s is not None and asked_s > self._policy.patience_s:
            return None
        # Only what comes before the last outcome counts: the last one speaks for itself.
        self.maybe_applied = self.maybe_applied or may_be_applied(outcome)
        return self._policy.pause_before(self.count, asked_s)

    def _may_repeat(self, outcome: Answer | ConnectionFailed) -> bool:
        if self.count >= self._policy.attempts or not self._request.repeatable:
            return False
        return not isinstance(outcome, Answer) or outcome.status in RETRIED_STATUSES


def may_be_applied(outcome: Answer | ConnectionFailed) -> bool:
    """Whether a request with this outcome may have been carried out all the same.

    Not if it was never sent, nor if the service itself says, with a code that this version knows, that it refused.
    """
    return (error_of(outcome) if isinstance(outcome, Answer) else outcome).maybe_applied
