"""What the demo prints: plain lines, the same in a terminal and in a pipe, and in a terminal a bar while it trains."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from stepd.demo.training import Point


class Screen:
    """Lines to standard output."""

    def __init__(self) -> None:
        self._console = Console(markup=False, emoji=False, highlight=False, soft_wrap=True)
        # Asked of the stream itself: rich lets the environment claim a terminal where there is a pipe.
        self._is_terminal = self._console.file.isatty()

    def say(self, line: str = "") -> None:
        """Prints a line, above the bar while there is one."""
        self._console.print(line)

    @contextmanager
    def bar(self, steps: int) -> Iterator[Callable[[Point], None]]:
        """A bar that is gone at the end; nothing where nobody looks. Gives what moves it."""
        columns = (
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]}"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console, transient=True, disable=not self._is_terminal) as progress:
            task = progress.add_task("", total=steps, loss="")
            yield lambda point: progress.update(task, completed=point.step, loss=f"{point.train.loss:.3f}")
