"""Which error a problem's code becomes, and what it says about the request. The classes themselves are in errors.py."""

from __future__ import annotations

from collections.abc import Iterator

from stepd_client.errors import (
    Impossible,
    Malformed,
    Missing,
    ProblemError,
    RequestRefused,
    ServiceFailed,
    Stale,
    Unavailable,
)


def all_problems(base: type[ProblemError] = ProblemError) -> Iterator[type[ProblemError]]:
    """Every class that has a code, in the order of the tree above."""
    for child in base.__subclasses__():
        if child.known_code:
            yield child
        yield from all_problems(child)


_BY_CODE = {problem.known_code: problem for problem in all_problems()}
_LEAVE_OUTCOME_OPEN = frozenset({"internal-error", "outcome-unknown"})
_BY_STATUS: dict[int, type[ProblemError]] = {
    400: Malformed,
    404: Missing,
    410: Missing,
    412: Stale,
    422: Impossible,
    503: Unavailable,
}


def class_of(code: str, status: int) -> type[ProblemError]:
    """The class for a code; for one that is not known, the nearest class without a code, by status."""
    family = ServiceFailed if status >= 500 else RequestRefused
    return _BY_CODE.get(code) or _BY_STATUS.get(status, family)


def tells_outcome(code: str) -> bool:
    """Whether this code says for certain that nothing was changed. What a code that is not known says, nobody knows."""
    return code in _BY_CODE and code not in _LEAVE_OUTCOME_OPEN
