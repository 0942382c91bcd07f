"""How much is measured: enough to publish, or just enough to see that everything runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effort:
    """How long and how often. Times in seconds."""

    rounds: int  # in which every contestant has its turn
    load_rounds: int  # the same, where a turn is a load
    call_s: float  # that calls in this process are repeated for, in one turn
    load_s: float  # that a load is kept up for, in one turn
    stream_s: float  # that others' streams are watched for
    large: int  # values of the largest kernel row
    sessions: int  # that are idle


FULL = Effort(rounds=15, load_rounds=7, call_s=0.03, load_s=2.0, stream_s=20.0, large=10_000_000, sessions=100_000)
QUICK = Effort(rounds=3, load_rounds=2, call_s=0.002, load_s=0.3, stream_s=1.0, large=1_000_000, sessions=1_000)
