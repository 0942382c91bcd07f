"""What stepd should reach: the one table of goals, from which the printed table and docs/benchmarks.md come.

A goal names a figure; the part before the dot measures it. Reaching a goal is judged here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.results import Figure
from benchmarks.wording import say_figure


@dataclass(frozen=True, slots=True)
class Goal:
    """One row: what is measured, in words what it should be, and the figure with its bound.

    Without a bound the figure is only reported. `keyed` is the same figure with Idempotency-Key and If-Match on every
    step, as the clients send them; it is shown and not judged. Where `or_at_least` names another figure and its bound,
    reaching that is enough.
    """

    measure: str
    goal: str
    figure: str
    at_least: float | None = None
    at_most: float | None = None
    keyed: str | None = None
    or_at_least: tuple[str, float] | None = None

    @property
    def part(self) -> str:
        return self.figure.partition(".")[0]

    @property
    def figures(self) -> tuple[str, ...]:
        """Every figure that this row shows or is judged by."""
        other = () if self.or_at_least is None else (self.or_at_least[0],)
        return (self.figure, *other, *(() if self.keyed is None else (self.keyed,)))


GOALS = (
    Goal(
        "compiled driver, 10M values, one thread, kernel alone",
        "0.85 of touching the arrays (7 streams)",
        "kernel.touching",
        at_least=0.85,
    ),
    Goal("the finiteness check of 10M values, beside it", "reported, in kernel times", "kernel.finiteness_check"),
    Goal("compiled driver, 1M values, one thread", "8 times torch foreach", "kernel.torch_1m", at_least=8),
    Goal("compiled driver, 1M values, one thread", "2.5 times optax jitted", "kernel.optax_1m", at_least=2.5),
    Goal(
        "compiled driver, 1,000 values, one thread", "20 times torch, its faster form", "kernel.torch_1k", at_least=20
    ),
    Goal("blocked driver, 1M and 10M values", "2.5 times the textbook formula", "kernel.blocked_large", at_least=2.5),
    Goal(
        "blocked driver, 10 to 1,000 values",
        "never below 0.9 of the textbook formula",
        "kernel.blocked_small",
        at_least=0.9,
    ),
    Goal(
        "compiled driver, 10M values, two threads",
        "1.7 times one thread, or 0.85 of touching with two threads",
        "kernel.two_compiled",
        at_least=1.7,
        or_at_least=("kernel.two_compiled_touching", 0.85),
    ),
    Goal(
        "blocked driver, 10M values, two threads",
        "1.7 times one thread, or 0.85 of touching with two threads",
        "kernel.two_blocked",
        at_least=1.7,
        or_at_least=("kernel.two_blocked_touching", 0.85),
    ),
    Goal(
        "10 values, JSON, 4 connections",
        "0.5 of the bare echo's requests/s",
        "http.echo_10",
        at_least=0.5,
        keyed="http.echo_10_keyed",
    ),
    Goal(
        "10 values, JSON, 4 connections",
        "4 times the naive service's requests/s",
        "http.naive_10",
        at_least=4,
        keyed="http.naive_10_keyed",
    ),
    Goal(
        "1,000 values, JSON, 4 connections",
        "12 times the naive service's requests/s",
        "http.naive_1k",
        at_least=12,
        keyed="http.naive_1k_keyed",
    ),
    Goal(
        "100,000 values, JSON, grads only",
        "time at most 1.25 times echo + fastest decode + kernel + encode",
        "http.json_100k",
        at_most=1.25,
        keyed="http.json_100k_keyed",
    ),
    Goal(
        "100,000 values, JSON, params and grads",
        "10 times the naive service's requests/s",
        "http.naive_100k",
        at_least=10,
        keyed="http.naive_100k_keyed",
    ),
    Goal(
        "100,000 values, raw",
        "time at most 1.25 times echo + kernel",
        "http.raw_100k",
        at_most=1.25,
        keyed="http.raw_100k_keyed",
    ),
    Goal(
        "100,000 values, raw",
        "reported, of the echo's requests/s",
        "http.raw_100k_echo",
        keyed="http.raw_100k_echo_keyed",
    ),
    Goal(
        "1M values, raw",
        "time at most 1.25 times echo + kernel",
        "http.raw_1m",
        at_most=1.25,
        keyed="http.raw_1m_keyed",
    ),
    Goal("1M values, raw", "reported, of the echo's requests/s", "http.raw_1m_echo", keyed="http.raw_1m_echo_keyed"),
    Goal(
        "peak memory of a step of 1M values, raw, over the idle session",
        "1.1 times body + response",
        "memory.raw_step",
        at_most=1.1,
        keyed="memory.raw_step_keyed",
    ),
    Goal(
        "peak memory of a step of 1M values, JSON, over the idle session",
        "1.1 times body + decoded array + response",
        "memory.json_step",
        at_most=1.1,
        keyed="memory.json_step_keyed",
    ),
    Goal("an idle session, beyond its arrays", "2,000 bytes", "memory.idle_session", at_most=2000),
    Goal(
        "step latency with 100,000 sessions",
        "1.1 times that with one",
        "memory.many_sessions",
        at_most=1.1,
        keyed="memory.many_sessions_keyed",
    ),
    Goal(
        "10-value steps while another client streams 1M-value raw steps, p99",
        "10 ms",
        "fairness.raw_p99",
        at_most=10,
        keyed="fairness.raw_p99_keyed",
    ),
    Goal(
        "the same while another streams 1M-value JSON steps, p99",
        "reported",
        "fairness.json_p99",
        keyed="fairness.json_p99_keyed",
    ),
    Goal("longest pause for others by a JSON body of the limit", "reported", "fairness.json_pause"),
    Goal(
        "connections, 4 to 256",
        "requests/s never below 0.9 of its best",
        "connections.lowest",
        at_least=0.9,
        keyed="connections.lowest_keyed",
    ),
    Goal("connections, 4 to 256", "no error", "connections.errors", at_most=0, keyed="connections.errors_keyed"),
    Goal(
        "the Python client's step of 1,000 values",
        "1.5 times a bare httpx call of the same bytes",
        "client.overhead",
        at_most=1.5,
    ),
)


def verdict(goal: Goal, figures: Mapping[str, Figure]) -> str:
    """`reached`, `missed`, `reported`, or why neither: `not measured`, or what is not installed."""
    figure = figures.get(goal.figure)
    if figure is None:
        return "not measured"
    if figure.value is None:
        return figure.missing
    if goal.at_least is None and goal.at_most is None:
        return "reported"
    reached = (goal.at_least is None or figure.value >= goal.at_least) and (
        goal.at_most is None or figure.value <= goal.at_most
    )
    if not reached and goal.or_at_least is not None:
        name, bound = goal.or_at_least
        other = figures.get(name)
        reached = other is not None and other.value is not None and other.value >= bound
    return "reached" if reached else "missed"


def rows(figures: Mapping[str, Figure]) -> list[tuple[str, ...]]:
    """The table of goals as shown: measure, goal, measured, with key and If-Match, verdict."""
    found = []
    for goal in GOALS:
        figure = figures.get(goal.figure)
        shown = say_figure(figure)
        if goal.or_at_least is not None and figure is not None and figure.value is not None:
            shown += f"; {say_figure(figures.get(goal.or_at_least[0]))} of touching"
        keyed = "" if goal.keyed is None else say_figure(figures.get(goal.keyed))
        found.append((goal.measure, goal.goal, shown, keyed, verdict(goal, figures)))
    return found


HEADER = ("Measure", "Goal", "Measured", "With key and If-Match", "Verdict")
