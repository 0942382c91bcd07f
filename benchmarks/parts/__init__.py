"""The parts of `make bench`, in the order in which they run. Each measures its figures and can run alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.effort import Effort
from benchmarks.parts import client, connections, fairness, http, kernel, memory
from benchmarks.results import Measured


@dataclass(frozen=True, slots=True)
class Part:
    """One part: what it measures, in words for the page; the figures that it gives; the programs that it needs."""

    title: str
    how: str
    figures: tuple[str, ...]
    run: Callable[[Effort], Measured]
    needs_wrk: bool = False


PARTS: Mapping[str, Part] = {
    "kernel": Part("The kernel alone", kernel.HOW, kernel.FIGURES, kernel.run),
    "http": Part("Steps over HTTP", http.HOW, http.FIGURES, http.run, needs_wrk=True),
    "memory": Part("Memory", memory.HOW, memory.FIGURES, memory.run),
    "fairness": Part("Fairness", fairness.HOW, fairness.FIGURES, fairness.run),
    "connections": Part("Connections", connections.HOW, connections.FIGURES, connections.run, needs_wrk=True),
    "client": Part("The Python client", client.HOW, client.FIGURES, client.run),
}
