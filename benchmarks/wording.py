"""Numbers as people read them: times, ratios, rates, bytes, each to three digits."""

from __future__ import annotations

from benchmarks.results import Figure
from benchmarks.rounds import Spread

_TIMES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def say_number(value: float) -> str:
    """To three digits, and whole from 100 on.

    >>> say_number(0.0123456), say_number(3.14159), say_number(12345.6)
    ('0.0123', '3.14', '12,346')
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def say_time(seconds: float) -> str:
    """In the unit that leaves one to three digits before the point.

    >>> say_time(0.0123), say_time(4.2e-8)
    ('12.3 ms', '42 ns')
    """
    scale, unit = next((one for one in _TIMES if seconds >= one[0]), _TIMES[-1])
    return f"{say_number(seconds / scale)} {unit}"


def say_size(values: int) -> str:
    """A count of values: 10, 1,000, 1M.

    >>> say_size(1000), say_size(10_000_000)
    ('1,000', '10M')
    """
    return f"{values // 10**6}M" if values >= 10**6 else f"{values:,}"


def say_ratio(found: Spread) -> str:
    """The median with the quartiles.

    >>> say_ratio(Spread(2.0, 1.9, 2.2))
    '2 (1.9 to 2.2)'
    """
    return f"{say_number(found.median)} ({say_number(found.low)} to {say_number(found.high)})"


def say_figure(figure: Figure | None) -> str:
    """A figure with its unit and, where there were rounds, its quartiles."""
    if figure is None or figure.value is None:
        return "-"
    unit = f" {figure.unit}" if figure.unit else ""
    if figure.low is None or figure.high is None:
        return f"{say_number(figure.value)}{unit}"
    return f"{say_ratio(Spread(figure.value, figure.low, figure.high))}{unit}"
