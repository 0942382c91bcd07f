"""The learning curve as a PNG: loss and accuracy over the steps, on the images to train on and on those to test on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from stepd.demo.softmax import Evaluation
from stepd.demo.training import Point

# Told apart by whoever sees no red or no green, and without any colour by the line.
STYLES = {"train": ("#0072b2", "-"), "test": ("#d55e00", "--")}


def draw(curve: Sequence[Point], title: str, path: Path) -> None:
    """Writes the picture, 900 by 400 pixels, over a file that is there; the same curve makes the same file.

    Args:
        curve: at least two points, in the order of their steps.
        title: what was trained, and how; one line or two.
        path: where to, ending in .png.

    Raises:
        OSError: it can't be written there.
    """
    figure = Figure(figsize=(9, 4), layout="constrained")
    figure.suptitle(title, fontsize=11)
    losses, accuracies = figure.subplots(1, 2)
    _plot(losses, curve, lambda evaluation: evaluation.loss, "{:.3f}")
    losses.set_ylabel("mean cross-entropy (nats)")
    losses.set_ylim(bottom=0)
    _plot(accuracies, curve, lambda evaluation: evaluation.accuracy, "{:.1%}")
    accuracies.set_ylabel("images recognized")
    accuracies.set_ylim(0, 1)
    accuracies.yaxis.set_major_formatter(PercentFormatter(1.0))
    figure.savefig(path, format="png", dpi=100, metadata={"Software": None})  # which would name a version


def _plot(axes: Axes, curve: Sequence[Point], value: Callable[[Evaluation], float], form: str) -> None:
    steps = [point.step for point in curve]
    parts = {"train": [value(point.train) for point in curve], "test": [value(point.test) for point in curve]}
    for name, values in parts.items():
        color, line = STYLES[name]
        axes.plot(steps, values, color=color, linestyle=line, label=f"{name}: {form.format(values[-1])} at the end")
    axes.set_xlabel("steps taken")
    axes.set_xlim(steps[0], steps[-1])
    axes.grid(visible=True, color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
