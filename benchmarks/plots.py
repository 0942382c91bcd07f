"""The plots of the page, as SVG, drawn from the results alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from benchmarks.results import PartResult
from benchmarks.wording import say_number, say_size

# Told apart by whoever sees no red or no green, and without any colour by marker or hatch.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555", "#000000")
MARKERS = "osD^vP*X"
SETTINGS = {"svg.hashsalt": "stepd", "svg.fonttype": "none", "font.size": 10, "font.family": "sans-serif"}

Curves = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Plot:
    """One plot: the part whose curves it shows, its file, what it says to those who can't see it, what draws it."""

    part: str
    file: str
    says: str
    draw: Callable[[Figure, Curves], None]


def kernel(figure: Figure, curves: Curves) -> None:
    """Nanoseconds per value over the number of values, one line for each contestant."""
    axes = figure.subplots()
    for number, (name, values) in enumerate(curves["ns_per_value"].items()):
        ours = name in ("blocked", "compiled")
        axes.plot(
            curves["sizes"],
            values,
            label=name,
            color=COLORS[number % len(COLORS)],
            marker=MARKERS[number % len(MARKERS)],
            markersize=5,
            linewidth=2.4 if ours else 1.2,
            linestyle="-" if ours else "--",
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(curves["sizes"], [say_size(size) for size in curves["sizes"]])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: say_number(value)))
    axes.set_xlabel("values")
    axes.set_ylabel("nanoseconds per value, one thread")
    _tidy(axes, "both")
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def rates(figure: Figure, curves: Curves) -> None:
    """Requests per second of each server, for each size."""
    rows = curves["rates"]
    for axes, (size, of) in zip(np.atleast_1d(figure.subplots(1, len(rows))), rows.items(), strict=True):
        _bars(axes, of)
        axes.set_title(_values(size), fontsize=10)
    figure.supylabel("requests per second", fontsize=10)


def times(figure: Figure, curves: Curves) -> None:
    """Milliseconds of a step beside the sum of what it consists of."""
    rows = curves["times"]
    for axes, (size, of) in zip(np.atleast_1d(figure.subplots(1, len(rows))), rows.items(), strict=True):
        parts = {name: value for name, value in of.items() if not name.startswith("stepd")}
        bottom = 0.0
        for number, (name, value) in enumerate(parts.items()):
            axes.bar(0, value, bottom=bottom, width=0.6, color=COLORS[number + 1], label=f"{name}: {say_number(value)}")
            bottom += value
        steps = [name for name in of if name.startswith("stepd")]
        for place, name in enumerate(steps, 1):
            bar = axes.bar(place, of[name], width=0.6, color=COLORS[0])
            axes.bar_label(bar, [say_number(of[name])], fontsize=9)
        axes.set_xticks(range(len(steps) + 1), ["the sum", *steps], rotation=20, fontsize=9)
        axes.set_ylim(0, 1.5 * max(bottom, *(of[name] for name in steps)))
        axes.set_title(_values(size), fontsize=10)
        axes.legend(frameon=False, fontsize=8, loc="upper left")
        _tidy(axes, "y")
    figure.supylabel("milliseconds per step", fontsize=10)


def fairness(figure: Figure, curves: Curves) -> None:
    """Percentiles of a small step's time in each situation."""
    axes = figure.subplots()
    for number, (name, of) in enumerate(curves["latency_ms"].items()):
        labels = [{"p100": "longest"}.get(percentile, percentile) for percentile in of]
        axes.plot(
            labels,
            list(of.values()),
            label=name,
            color=COLORS[number % len(COLORS)],
            marker=MARKERS[number % len(MARKERS)],
            linestyle="--" if "keyed" in name else "-",
        )
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: say_number(value)))
    axes.axhline(10, color="#999999", linewidth=1, linestyle=":", label="goal for p99 beside raw streams")
    axes.set_xlabel("percentile of the steps")
    axes.set_ylabel("milliseconds")
    _tidy(axes, "y")
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def connections(figure: Figure, curves: Curves) -> None:
    """Requests per second over the number of connections."""
    axes = figure.subplots()
    for number, (name, of) in enumerate(curves["rates"].items()):
        axes.plot(curves["connections"], of, label=name, color=COLORS[number], marker=MARKERS[number])
    axes.set_xscale("log")
    axes.set_xticks(curves["connections"], [str(count) for count in curves["connections"]])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_xlabel("connections")
    axes.set_ylabel("requests per second")
    _tidy(axes, "y")
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))


PLOTS = (
    Plot("kernel", "kernel.svg", "Nanoseconds per value of each contestant, from 10 to 10M values", kernel),
    Plot("http", "rates.svg", "Requests per second of each server, for each size in JSON", rates),
    Plot("http", "times.svg", "Milliseconds of a step beside the sum of echo, decoding, kernel and encoding", times),
    Plot(
        "fairness",
        "fairness.svg",
        "Percentiles of a small step's time, alone and beside streams of large steps",
        fairness,
    ),
    Plot("connections", "connections.svg", "Requests per second from 4 to 256 connections", connections),
)


def draw(results: Mapping[str, PartResult], folder: Path) -> None:
    """Draws the plots of all parts that were measured; the same results make the same files."""
    for plot in PLOTS:
        if plot.part in results:
            folder.mkdir(exist_ok=True)
            with mpl.rc_context(SETTINGS):
                figure = Figure(figsize=(9, 4), layout="constrained")
                plot.draw(figure, results[plot.part].measured.curves)
                figure.savefig(folder / plot.file, format="svg", metadata={"Date": None, "Creator": None})


def _values(size: str) -> str:
    """The title of a size.

    >>> _values("1,000"), _values("1M, raw")
    ('1,000 values', '1M values, raw')
    """
    count, *rest = size.split(", ")
    return ", ".join([f"{count} values", *rest])


def _bars(axes: Axes, of: Mapping[str, float]) -> None:
    places = range(len(of))
    color = [COLORS[0] if name.startswith("stepd") else "#bbbbbb" for name in of]
    bars = axes.bar(places, list(of.values()), width=0.7, color=color)
    axes.bar_label(bars, [say_number(value) for value in of.values()], fontsize=8)
    axes.set_xticks(places, list(of), rotation=35, fontsize=9, ha="right")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: say_number(value)))
    axes.margins(y=0.12)
    _tidy(axes, "y")


def _tidy(axes: Axes, grid: str) -> None:
    axes.grid(visible=True, axis=grid, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
