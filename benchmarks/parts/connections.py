"""Connections: whether many at once cost requests per second, or errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

from benchmarks.effort import Effort
from benchmarks.load import Load, wrk
from benchmarks.results import Figure, Measured, Table
from benchmarks.rounds import Spread, ratio, spread, take_turns
from benchmarks.servers import echo, stepd
from benchmarks.steps import create, json_body
from benchmarks.wording import say_number, say_time

HOW = """Steps of 10 values in JSON from wrk, with a session for each connection. An error is any answer but 2xx, and
any connection that fails, breaks off or takes more than 30 seconds."""

FIGURES = ("connections.lowest", "connections.lowest_keyed", "connections.errors", "connections.errors_keyed")

COUNTS = (4, 16, 64, 256)
SIZE = 10


def run(effort: Effort) -> Measured:
    """Measures everything of this part."""
    print("connections: " + ", ".join(map(str, COUNTS)), flush=True)
    body = json_body(SIZE)
    names = [f"connection-{number}" for number in range(max(COUNTS))]
    turns: dict[str, Callable[[], Load]] = {}
    with ExitStack() as stack:
        servers = {"stepd": stack.enter_context(stepd()), "echo": stack.enter_context(echo())}
        create(servers["stepd"], names, SIZE)
        for name, server, keyed in (
            ("stepd", servers["stepd"], False),
            ("stepd keyed", servers["stepd"], True),
            ("echo", servers["echo"], False),
        ):
            for count in COUNTS:
                turns[f"{name} {count}"] = partial(wrk, server, names[:count], body, effort.load_s, keyed=keyed)
        loads = take_turns(turns, effort.load_rounds)
    figures = {}
    for suffix, name in (("", "stepd"), ("_keyed", "stepd keyed")):
        figures["connections.lowest" + suffix] = Figure.of(_lowest([loads[f"{name} {count}"] for count in COUNTS]))
        errors = sum(load.errors for count in COUNTS for load in loads[f"{name} {count}"])
        figures["connections.errors" + suffix] = Figure(errors)
    header = ("Connections", "stepd", "p99", "stepd keyed", "p99", "echo", "p99")
    rows = tuple(
        (str(count), *(cell for name in ("stepd", "stepd keyed", "echo") for cell in _cells(loads[f"{name} {count}"])))
        for count in COUNTS
    )
    rates = {
        name: [spread(_rates(loads[f"{name} {count}"])).median for count in COUNTS]
        for name in ("stepd", "stepd keyed", "echo")
    }
    table = Table("Requests per second, 10 values, JSON", header, rows)
    return Measured(figures, (table,), {"connections": list(COUNTS), "rates": rates})


def _rates(loads: Sequence[Load]) -> list[float]:
    return [load.requests_per_s for load in loads]


def _lowest(by_count: Sequence[Sequence[Load]]) -> Spread:
    """The lowest rate as a part of the best."""
    rates = sorted(map(_rates, by_count), key=lambda one: spread(one).median)
    return ratio(rates[0], rates[-1])


def _cells(loads: Sequence[Load]) -> tuple[str, str]:
    return say_number(spread(_rates(loads)).median), say_time(spread([load.p99_s for load in loads]).median)
