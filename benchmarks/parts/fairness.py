"""Fairness: how long another's small steps take while one client streams large ones."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

import numpy as np

from benchmarks.effort import Effort
from benchmarks.machine import LOAD_CORE, on_cores
from benchmarks.results import Figure, Measured, Table
from benchmarks.rounds import spread
from benchmarks.servers import Server, info, stepd
from benchmarks.stepper import Stepper
from benchmarks.steps import Body, create, json_body, raw_body
from benchmarks.streamer import streaming
from benchmarks.wording import say_size, say_time

HOW = """One client sends 1M-value steps one after another; another has a 10-value step to send every 2 ms. One that
is due while another is under way counts with the time from then to that one's answer, so a pause weighs as much as it
lasts. Both run on the load's core, where the one that streams yields to the other. JSON streams run with
`STEPD_MAX_JSON_BYTES` raised; the pause by a JSON body of the limit is the longest that a step takes while bodies of
just under 16 MiB come one after another, on a server with its default limits."""

FIGURES = (
    "fairness.raw_p99",
    "fairness.raw_p99_keyed",
    "fairness.json_p99",
    "fairness.json_p99_keyed",
    "fairness.json_pause",
)

SIZE = 1_000_000
SMALL = 10
EVERY_S = 0.002
TURNS = 4
SETTINGS = {"max_json_bytes": 64 * 2**20, "max_in_flight_bytes": 8 * 2**30}

_numbers = itertools.count()


def run(effort: Effort) -> Measured:
    """Measures everything of this part."""
    bodies = {"raw": raw_body(SIZE), "JSON": json_body(SIZE)}
    with stepd(**SETTINGS) as server:
        print(f"fairness: small steps beside streams of {say_size(SIZE)} values", flush=True)
        found = _beside_streams(server, bodies, effort)
    figures: dict[str, Figure] = {}
    for form in ("raw", "JSON"):
        for keyed in ("", ", keyed"):
            name = f"fairness.{form.lower()}_p99" + keyed.replace(", ", "_")
            figures[name] = Figure(_ms(found[f"beside {form} streams{keyed}"], 99), unit="ms")
    with stepd() as server:
        print("fairness: the pause by a JSON body of the limit", flush=True)
        body = _largest_json(info(server)["limits"]["max_json_bytes"])
        pauses = [max(_watch(server, effort.stream_s / TURNS, body, keyed=False)) for _ in range(TURNS)]
    figures["fairness.json_pause"] = Figure.of(spread([1e3 * pause for pause in pauses]), "ms")
    rows = tuple(
        (name, *(say_time(float(np.percentile(of, percent))) for percent in (50, 99, 100)), f"{len(of):,}")
        for name, of in found.items()
    )
    note = f"A JSON body of the limit has {body.size:,} values here, {len(body.content):,} bytes."
    table = Table("A step of 10 values", ("While", "p50", "p99", "Longest", "Steps"), rows, note)
    curves = {name: {f"p{percent}": _ms(of, percent) for percent in (50, 90, 99, 100)} for name, of in found.items()}
    return Measured(figures, (table,), {"latency_ms": curves})


def _beside_streams(server: Server, bodies: Mapping[str, Body], effort: Effort) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for _ in range(TURNS):
        for keyed in (False, True):
            suffix = ", keyed" * keyed
            seconds = effort.stream_s / TURNS
            found.setdefault(f"alone{suffix}", []).extend(_watch(server, seconds, None, keyed=keyed))
            for form, body in bodies.items():
                watched = _watch(server, seconds, body, keyed=keyed)
                found.setdefault(f"beside {form} streams{suffix}", []).extend(watched)
    return found


def _watch(server: Server, seconds: float, body: Body | None, *, keyed: bool) -> list[float]:
    """What small steps take, in seconds, beside a stream of these bodies."""
    streamed, watched = (f"{kind}-{next(_numbers)}" for kind in ("streamed", "watched"))
    create(server, [watched], SMALL)
    beside: AbstractContextManager[None] = nullcontext()
    if body is not None:
        beside = _stream(server, streamed, body, keyed=keyed)
    with beside, on_cores(LOAD_CORE), Stepper(server, watched, json_body(SMALL), keyed=keyed) as stepper:
        stepper.step()
        return paced(stepper.step, seconds)


@contextmanager
def _stream(server: Server, session: str, body: Body, *, keyed: bool) -> Iterator[None]:
    create(server, [session], body.size)
    with streaming(server, session, body, keyed=keyed):
        yield


def paced(
    step: Callable[[], object],
    seconds: float,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], object] = time.sleep,
) -> list[float]:
    """Times of steps that are due at a fixed pace, in seconds.

    A step that is due while another is under way is not sent: it counts with the time from then to that one's answer.
    So a pause weighs as much as it lasts, and none is blamed on those before it.
    """
    times = []
    began = due = clock()
    while due < began + seconds:
        if (early := due - clock()) > 0:
            sleep(early)
        step()
        answered = clock()
        while due < answered:
            times.append(answered - due)
            due += EVERY_S
    return times


def _largest_json(limit: int) -> Body:
    """As many values as a body of the limit holds."""
    sample = json_body(10_000)
    # A little less, for what values differ in length.
    return json_body(int(0.998 * limit / len(sample.content) * sample.size))


def _ms(times: list[float], percent: float) -> float:
    return 1e3 * float(np.percentile(times, percent))
