"""What a run says of each case and client, known failures taken into account. No case is run here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum


class Result(Enum):
    """How a case went for a client, and how a table shows it."""

    PASSED = "passes"
    FAILED = "FAILS"
    KNOWN = "known"
    PASSES_NOW = "PASSES NOW"
    NOT_FOR_IT = "-"

    @property
    def is_failure(self) -> bool:
        return self in {Result.FAILED, Result.PASSES_NOW}


@dataclass(frozen=True, slots=True)
class Verdict:
    """One result, and why."""

    result: Result
    reasons: Sequence[str] = ()


def verdict(case: str, complaints: Sequence[str], known: Mapping[str, str]) -> Verdict:
    """A case that is known to fail has to fail: once it passes it comes off the list."""
    if case not in known:
        return Verdict(Result.FAILED, complaints) if complaints else Verdict(Result.PASSED)
    if complaints:
        return Verdict(Result.KNOWN, (known[case],))
    return Verdict(Result.PASSES_NOW, (f"is listed as a known failure ({known[case]}); take it off the list",))


def unknown_names(known: Mapping[str, str], cases: Collection[str]) -> list[str]:
    """Listed names that no case has: most likely it was renamed."""
    return sorted(set(known) - set(cases))
