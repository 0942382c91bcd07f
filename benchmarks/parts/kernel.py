"""The kernel alone: a step over arrays in this process, by both drivers and by the peers, without a server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from benchmarks.effort import Effort
from benchmarks.machine import CORES, SERVER_CORE, on_cores
from benchmarks.peers.arrays import EPS, LR, RHO, Arrays, arrays
from benchmarks.peers.libraries import Contestant, lacking, optax_adadelta, torch_adadelta
from benchmarks.peers.textbook import Adadelta
from benchmarks.peers.touching import touching, touching_with
from benchmarks.results import Figure, Measured, Table
from benchmarks.rounds import fastest, ratio, seconds_per_call, spread
from benchmarks.wording import say_ratio, say_size, say_time
from stepd import values
from stepd.optimizers import CATALOGUE
from stepd.optimizers.blocked import BlockedDriver
from stepd.optimizers.contract import Driver
from stepd.optimizers.drivers import compile_once
from stepd.optimizers.parallel import Helpers, ParallelDriver

HOW = """One step of Adadelta in float64 over arrays that each contestant has to itself, called from Python in one
process, without a server. stepd's drivers work in place, as the service lets them where maxima prove the result
finite; *touching* reads four arrays and writes three of them with one addition each, which is what memory allows at
most; *textbook* is the published formula in NumPy. All but the rows with two threads run on one core. torch and optax
run on one thread, optax jitted with its arrays donated. Before anything is timed, all contestants take one step from
the same values and must agree to 12 digits."""

FIGURES = (
    "kernel.touching",
    "kernel.finiteness_check",
    "kernel.torch_1m",
    "kernel.optax_1m",
    "kernel.torch_1k",
    "kernel.blocked_large",
    "kernel.blocked_small",
    "kernel.two_compiled",
    "kernel.two_compiled_touching",
    "kernel.two_blocked",
    "kernel.two_blocked_touching",
)

SIZES = (10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)
AGREE_SIZE = 1_000
CHECK = "finiteness check"
THREADS = 2

Times = Mapping[str, list[float]]


def run(effort: Effort) -> Measured:
    """Measures everything of this part."""
    sizes = [size for size in SIZES if size <= effort.large]
    with on_cores(SERVER_CORE):
        _require_agreement()
        times = {}
        for size in sizes:
            print(f"kernel: {say_size(size)} values", flush=True)
            times[size] = _one_size(size, effort)
    print(f"kernel: {say_size(effort.large)} values on {THREADS} threads", flush=True)
    threaded = _two_threads(effort)
    return Measured(
        {**_figures(times, effort), **_threaded_figures(threaded)},
        (_times_table(times), *_threaded_tables(threaded, effort)),
        {"sizes": sizes, "ns_per_value": _curves(times)},
    )


def contestant(name: str, given: Arrays) -> Contestant:
    """One way to take a step over these arrays, which it then owns."""
    if name == "textbook":
        optimizer = Adadelta(LR, RHO, EPS)

        def step() -> None:
            given.params = optimizer.update(given.params, given.grads)

        return Contestant(step, lambda: given.params)
    if name in ("blocked", "compiled"):
        driver = BlockedDriver() if name == "blocked" else compile_once()
        return Contestant(in_place(driver, given), lambda: given.params)
    if name == "optax":
        return optax_adadelta(given)
    return torch_adadelta(given, foreach=name == "torch foreach")


def in_place(driver: Any, given: Arrays) -> Callable[[], object]:
    """A step in place, unchecked, by one of stepd's drivers."""
    rule = CATALOGUE["adadelta"]
    constants = rule.resolve({"lr": LR, "rho": RHO, "eps": EPS}, given.params.dtype).constants(given.params.dtype)
    slots = (given.square_avg, given.acc_delta)
    return lambda: driver.advance(rule, constants, given.grads, given.params, slots)


def _there() -> list[str]:
    """The contestants that can run here."""
    return [
        "textbook",
        "blocked",
        "compiled",
        *(name for name in ("torch", "torch foreach", "optax") if not lacking(name)),
    ]


def _require_agreement() -> None:
    """Nobody is fast by computing something else."""
    reference = contestant("textbook", arrays(AGREE_SIZE))
    reference.step()
    for name in _there():
        one = contestant(name, arrays(AGREE_SIZE))
        one.step()
        np.testing.assert_allclose(one.params(), reference.params(), rtol=1e-12, err_msg=f"{name} computes otherwise")


def _one_size(size: int, effort: Effort) -> Times:
    steps: dict[str, Callable[[], object]] = {name: contestant(name, arrays(size)).step for name in _there()}
    steps["touching"] = touching(arrays(size))
    checked = arrays(size).grads
    steps[CHECK] = lambda: values.largest(checked)
    return seconds_per_call(steps, effort.rounds, effort.call_s)


def _figures(times: Mapping[int, Times], effort: Effort) -> dict[str, Figure]:
    large, million, thousand = times[effort.large], times[1_000_000], times[1_000]
    torch = lacking("torch")
    both = [name for name in ("torch", "torch foreach") if name in thousand]

    def against_textbook(sizes: list[int]) -> Figure:
        worst = min(
            (ratio(times[size]["textbook"], times[size]["blocked"]) for size in sizes), key=lambda one: one.median
        )
        return Figure.of(worst)

    return {
        "kernel.touching": Figure.of(ratio(large["touching"], large["compiled"])),
        "kernel.finiteness_check": Figure.of(ratio(large[CHECK], large["compiled"])),
        "kernel.torch_1m": Figure.none(torch)
        if torch
        else Figure.of(ratio(million["torch foreach"], million["compiled"])),
        "kernel.torch_1k": Figure.none(torch)
        if torch
        else Figure.of(ratio(thousand[fastest({name: thousand[name] for name in both})], thousand["compiled"])),
        "kernel.optax_1m": Figure.none(lacking("optax") or "")
        if lacking("optax")
        else Figure.of(ratio(million["optax"], million["compiled"])),
        "kernel.blocked_large": against_textbook([size for size in times if size >= 1_000_000]),
        "kernel.blocked_small": against_textbook([10, 100, 1_000]),
    }


def on_threads(driver: Driver, count: int) -> ParallelDriver:
    """The driver, with its steps split over so many threads, of which the caller is one."""
    return ParallelDriver(driver, Helpers(count - 1))


def _two_threads(effort: Effort) -> Times | str:
    """Times on one thread and on two; or why there are none."""
    if len(CORES) < THREADS:
        return "this machine has one core"
    with ThreadPoolExecutor(THREADS) as threads:
        steps = {"touching": touching_with(threads, THREADS, arrays(effort.large))}
        for name, driver in (("blocked", BlockedDriver()), ("compiled", compile_once())):
            steps[f"{name}, 1 thread"] = in_place(driver, arrays(effort.large))
            steps[f"{name}, {THREADS} threads"] = in_place(on_threads(driver, THREADS), arrays(effort.large))
        return seconds_per_call(steps, effort.rounds, effort.call_s)


def _threaded_figures(times: Times | str) -> dict[str, Figure]:
    if isinstance(times, str):
        return {name: Figure.none(times) for name in FIGURES if name.startswith("kernel.two_")}
    found = {}
    for name in ("blocked", "compiled"):
        two = times[f"{name}, {THREADS} threads"]
        found[f"kernel.two_{name}"] = Figure.of(ratio(times[f"{name}, 1 thread"], two))
        found[f"kernel.two_{name}_touching"] = Figure.of(ratio(times["touching"], two))
    return found


def _times_table(times: Mapping[int, Times]) -> Table:
    names = list(next(iter(times.values())))
    rows = tuple((say_size(size), *(say_time(spread(of[name]).median) for name in names)) for size, of in times.items())
    return Table("One step, one thread", ("Values", *names), rows, "Medians of the rounds.")


def _threaded_tables(times: Times | str, effort: Effort) -> list[Table]:
    if isinstance(times, str):
        return []
    rows = []
    for name in ("blocked", "compiled"):
        one, two = times[f"{name}, 1 thread"], times[f"{name}, {THREADS} threads"]
        rows.append((name, say_time(spread(one).median), say_time(spread(two).median), say_ratio(ratio(one, two))))
    limit = say_time(spread(times["touching"]).median)
    note = f"Touching the arrays with {THREADS} threads takes {limit}."
    header = ("Driver", "1 thread", f"{THREADS} threads", "Faster by")
    return [Table(f"One step of {say_size(effort.large)} values, {THREADS} threads", header, tuple(rows), note)]


def _curves(times: Mapping[int, Times]) -> dict[str, list[float]]:
    names = next(iter(times.values()))
    return {name: [1e9 * spread(of[name]).median / size for size, of in times.items()] for name in names}
