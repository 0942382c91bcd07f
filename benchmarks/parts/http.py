"""Steps over HTTP, beside the bare echo of the same bytes, the naive service, and the sum of a step's parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

from benchmarks.effort import Effort
from benchmarks.load import Load, wrk
from benchmarks.machine import LOAD_CORE, SERVER_CORE, on_cores
from benchmarks.parts.kernel import in_place
from benchmarks.peers.arrays import arrays
from benchmarks.peers.decoders import decoders, encode
from benchmarks.results import Figure, Measured, Table
from benchmarks.rounds import fastest, ratio, seconds_per_call, spread, take_turns, total
from benchmarks.servers import Server, echo, naive, stepd
from benchmarks.stepper import Stepper
from benchmarks.steps import Body, create, json_body, raw_body
from benchmarks.wording import say_number, say_ratio, say_size, say_time
from stepd.optimizers.drivers import compile_once

HOW = """Every server runs on one core, the load on another. Small steps are sent by wrk over 4 connections, each with
a session of its own; *keyed* ones carry an Idempotency-Key and an If-Match with the tag of the connection's last
answer; for these wrk has a thread for each connection, which counts the steps that it has sent. Steps from 100,000
values on are sent by a blocking socket of Python that has its requests made beforehand: one connection, the time from
the first byte out to the last byte in. The echo gives back the bytes that stepd is sent; the naive service is in
`benchmarks/peers/naive.py`. Decoding, kernel and encoding are measured alone, in the same rounds, on the servers'
core."""

FIGURES = (
    *(
        f"http.{name}{keyed}"
        for name in ("echo_10", "naive_10", "naive_1k", "json_100k", "naive_100k")
        for keyed in ("", "_keyed")
    ),
    *(f"http.raw_{size}{what}{keyed}" for size in ("100k", "1m") for what in ("", "_echo") for keyed in ("", "_keyed")),
)

CONNECTIONS = 4
NAMES = {10: "10", 1_000: "1k", 100_000: "100k", 1_000_000: "1m"}

Times = Mapping[str, list[float]]


def run(effort: Effort) -> Measured:
    """Measures everything of this part."""
    figures: dict[str, Figure] = {}
    tables: list[Table] = []
    curves: dict[str, Any] = {"rates": {}, "times": {}}
    with ExitStack() as stack:
        servers = [stack.enter_context(server) for server in (stepd(), echo(), naive())]
        for size in (10, 1_000):
            print(f"http: {say_size(size)} values, JSON, {CONNECTIONS} connections", flush=True)
            loads = _rates(servers, size, effort)
            figures |= _rate_figures(loads, size)
            tables.append(_rate_table(loads, size))
            curves["rates"][say_size(size)] = {name: spread(_rates_of(of)).median for name, of in loads.items()}
        print("http: 100,000 values, JSON", flush=True)
        times = _json_times(servers, 100_000, effort)
        figures |= _json_figures(times)
        tables.append(_times_table("100,000 values, JSON", times))
        curves["rates"]["100,000, params and grads"] = {
            name: 1 / spread(times[row]).median
            for name, row in (("stepd", "stepd, params and grads"), ("naive", "naive, params and grads"))
        }
        sums = {
            "100,000, JSON": _medians(
                times, "stepd", "stepd keyed", "echo", _fastest_decoder(times), "kernel", "encode"
            )
        }
        for size in (100_000, 1_000_000):
            print(f"http: {say_size(size)} values, raw", flush=True)
            times = _raw_times(servers, size, effort)
            figures |= _raw_figures(times, size)
            tables.append(_times_table(f"{say_size(size)} values, raw", times))
            sums[f"{say_size(size)}, raw"] = _medians(times, "stepd", "stepd keyed", "echo", "kernel")
        curves["times"] = sums
    return Measured(figures, tuple(tables), curves)


def _rates(servers: Sequence[Server], size: int, effort: Effort) -> dict[str, list[Load]]:
    names = [f"rate-{size}-{number}" for number in range(CONNECTIONS)]
    body = json_body(size)
    contestants: dict[str, Callable[[], Load]] = {}
    for server in servers:
        create(server, names, size)
        for keyed in (False, True):
            turn = partial(wrk, server, names, body, effort.load_s, keyed=keyed)
            contestants[server.name + " keyed" * keyed] = turn
    return take_turns(contestants, effort.load_rounds)


def _rates_of(loads: Sequence[Load]) -> list[float]:
    return [load.requests_per_s for load in loads]


def _rate_figures(loads: Mapping[str, Sequence[Load]], size: int) -> dict[str, Figure]:
    found = {}
    for peer in ("echo", "naive") if size == 10 else ("naive",):
        for keyed in ("", " keyed"):
            of = ratio(_rates_of(loads["stepd" + keyed]), _rates_of(loads[peer + keyed]))
            found[f"http.{peer}_{NAMES[size]}{keyed.replace(' ', '_')}"] = Figure.of(of)
    return found


def _rate_table(loads: Mapping[str, Sequence[Load]], size: int) -> Table:
    rows = []
    for name, of in loads.items():
        echoed = loads["echo keyed" if name.endswith("keyed") else "echo"]
        rows.append(
            (
                name,
                say_number(spread(_rates_of(of)).median),
                say_ratio(ratio(_rates_of(of), _rates_of(echoed))),
                say_time(spread([load.p50_s for load in of]).median),
                say_time(spread([load.p99_s for load in of]).median),
                say_number(sum(load.errors for load in of)),
            )
        )
    header = ("Server", "Requests/s", "Of the echo's", "p50", "p99", "Errors")
    return Table(f"{say_size(size)} values, JSON, {CONNECTIONS} connections", header, tuple(rows))


def _json_times(servers: Sequence[Server], size: int, effort: Effort) -> Times:
    grads, both = json_body(size), json_body(size, params=True)
    pieces: dict[str, Callable[[], object]] = {
        name: partial(decode, grads.content) for name, decode in decoders().items()
    }
    params = arrays(size).params
    pieces["encode"] = lambda: encode(params)
    with ExitStack() as stack:
        stepd_server, echo_server, naive_server = servers
        steppers = {
            "stepd": (stepd_server, grads, False),
            "stepd keyed": (stepd_server, grads, True),
            "echo": (echo_server, grads, False),
            "echo keyed": (echo_server, grads, True),
            "stepd, params and grads": (stepd_server, both, False),
            "stepd, params and grads keyed": (stepd_server, both, True),
            "naive, params and grads": (naive_server, both, False),
            "naive, params and grads keyed": (naive_server, both, True),
        }
        return _times(stack, steppers, pieces, size, effort)


def _raw_times(servers: Sequence[Server], size: int, effort: Effort) -> Times:
    body = raw_body(size)
    stepd_server, echo_server, _ = servers
    steppers = {
        "stepd": (stepd_server, body, False),
        "stepd keyed": (stepd_server, body, True),
        "echo": (echo_server, body, False),
        "echo keyed": (echo_server, body, True),
    }
    with ExitStack() as stack:
        return _times(stack, steppers, {}, size, effort)


def _times(
    stack: ExitStack,
    steppers: Mapping[str, tuple[Server, Body, bool]],
    pieces: dict[str, Callable[[], object]],
    size: int,
    effort: Effort,
) -> Times:
    """Seconds per step of each server, and per call of each piece, in the same rounds."""
    pieces["kernel"] = in_place(compile_once(), arrays(size))
    turns: dict[str, Callable[[], object]] = dict(pieces)
    for number, (name, (server, body, keyed)) in enumerate(steppers.items()):
        session = f"time-{size}-{number}-{body.media_type.rpartition('/')[2]}"
        create(server, [session], size)
        turns[name] = stack.enter_context(Stepper(server, session, body, keyed=keyed)).step
    return seconds_per_call(
        turns, effort.rounds, effort.call_s, lambda name: on_cores(SERVER_CORE if name in pieces else LOAD_CORE)
    )


def _fastest_decoder(times: Times) -> str:
    return fastest({name: times[name] for name in decoders()})


def _json_figures(times: Times) -> dict[str, Figure]:
    found = {}
    for keyed in ("", " keyed"):
        suffix = keyed.replace(" ", "_")
        parts = ("echo" + keyed, _fastest_decoder(times), "kernel", "encode")
        least = total(*(times[name] for name in parts))
        found["http.json_100k" + suffix] = Figure.of(ratio(times["stepd" + keyed], least))
        both = ratio(times["naive, params and grads" + keyed], times["stepd, params and grads" + keyed])
        found["http.naive_100k" + suffix] = Figure.of(both)
    return found


def _raw_figures(times: Times, size: int) -> dict[str, Figure]:
    found = {}
    for keyed in ("", " keyed"):
        ours, echoed, suffix = times["stepd" + keyed], times["echo" + keyed], keyed.replace(" ", "_")
        found[f"http.raw_{NAMES[size]}{suffix}"] = Figure.of(ratio(ours, total(echoed, times["kernel"])))
        found[f"http.raw_{NAMES[size]}_echo{suffix}"] = Figure.of(ratio(echoed, ours))
    return found


def _times_table(title: str, times: Times) -> Table:
    rows = tuple(
        (name, say_time(spread(of).median), say_time(spread(of).low), say_time(spread(of).high))
        for name, of in times.items()
    )
    return Table(title, ("What", "Time", "Lower quartile", "Upper quartile"), rows)


def _medians(times: Times, *names: str) -> dict[str, float]:
    return {name: 1e3 * spread(times[name]).median for name in names if name in times}
