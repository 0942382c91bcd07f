"""Writes service/stepd/optimizers/golden.json, the steps that each driver must reproduce before it serves.

    python -m tools.make_golden

Every value comes from exact rational arithmetic (tests/exact.py) over the formulas below, which are written here a
second time on purpose: an error in a rule can't hide in the values that judge it. Subnormals and signed zeros are in
every rule's `edges` case, and some results are subnormal: a processor that flushes them to zero fails.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.exact import FLOAT64, FORMATS, Format

GOLDEN = Path(__file__).parents[1] / "service" / "stepd" / "optimizers" / "golden.json"
ABOUT = (
    "One step per case, exact to the bit. Floats are hexadecimal literals as Python's float.hex prints them. "
    "Made by tools/make_golden.py with exact rational arithmetic; don't edit."
)

Hyper = Mapping[str, Any]
State = Mapping[str, Sequence[float]]
Results = tuple[float, ...]


def adadelta(f: Format, hyper: Hyper, g: float, square_avg: float, acc_delta: float) -> Results:
    rho, eps = f.round(hyper["rho"]), f.round(hyper["eps"])
    rest = f.round(FLOAT64.sub(1.0, hyper["rho"]))
    square_avg = f.add(f.mul(rho, square_avg), f.mul(rest, f.mul(g, g)))
    ratio = f.div(f.sqrt(f.add(acc_delta, eps)), f.sqrt(f.add(square_avg, eps)))
    delta = f.mul(-ratio, g)
    return delta, square_avg, f.add(f.mul(rho, acc_delta), f.mul(rest, f.mul(delta, delta)))


def adagrad(f: Format, hyper: Hyper, g: float, total: float) -> Results:
    total = f.add(total, f.mul(g, g))
    return -f.div(g, f.add(f.sqrt(total), f.round(hyper["eps"]))), total


def rmsprop(f: Format, hyper: Hyper, g: float, square_avg: float) -> Results:
    rest = f.round(FLOAT64.sub(1.0, hyper["alpha"]))
    square_avg = f.add(f.mul(f.round(hyper["alpha"]), square_avg), f.mul(rest, f.mul(g, g)))
    return -f.div(g, f.add(f.sqrt(square_avg), f.round(hyper["eps"]))), square_avg


def sgd(f: Format, hyper: Hyper, g: float, momentum_buffer: float) -> Results:
    momentum = f.round(hyper["momentum"])
    momentum_buffer = f.add(f.mul(momentum, momentum_buffer), g)
    if hyper["nesterov"]:
        return -f.add(g, f.mul(momentum, momentum_buffer)), momentum_buffer
    return -momentum_buffer, momentum_buffer


RULES: dict[str, tuple[Callable[..., Results], tuple[str, ...]]] = {
    "adadelta": (adadelta, ("square_avg", "acc_delta")),
    "adagrad": (adagrad, ("sum",)),
    "rmsprop": (rmsprop, ("square_avg",)),
    "sgd": (sgd, ("momentum_buffer",)),
}

PLAIN = {"weight_decay": 0.0, "maximize": False}
OPTIONS = {"lr": 0.3, "weight_decay": 0.05, "maximize": True}
HYPER: dict[str, dict[str, dict[str, Any]]] = {
    "adadelta": {
        "ordinary": {"lr": 1.0, "rho": 0.95, "eps": 1e-6, **PLAIN},
        "edges": {"lr": 1.0, "rho": 0.95, "eps": 1e-6, **PLAIN},
        "options": {"rho": 0.9, "eps": 1e-7, **OPTIONS},
    },
    "adagrad": {
        "ordinary": {"lr": 0.01, "eps": 1e-10, **PLAIN},
        "edges": {"lr": 0.01, "eps": 1e-10, **PLAIN},
        "options": {"eps": 1e-8, **OPTIONS},
    },
    "rmsprop": {
        "ordinary": {"lr": 0.01, "alpha": 0.99, "eps": 1e-8, **PLAIN},
        "edges": {"lr": 0.01, "alpha": 0.99, "eps": 1e-8, **PLAIN},
        "options": {"alpha": 0.9, "eps": 1e-6, **OPTIONS},
    },
    "sgd": {
        "ordinary": {"lr": 1e-3, "momentum": 0.0, "nesterov": False, **PLAIN},
        "edges": {"lr": 1e-3, "momentum": 0.9, "nesterov": False, **PLAIN},
        "options": {"momentum": 0.9, "nesterov": False, **OPTIONS},
        "nesterov": {"momentum": 0.9, "nesterov": True, **OPTIONS},
    },
}


def step(
    f: Format, hyper: Hyper, grads: Sequence[float], params: Sequence[float], state: State
) -> tuple[list[float], dict[str, list[float]]]:
    """One step of `hyper["name"]` with everything around the rule, element by element: new params and new state."""
    rule, slots = RULES[hyper["name"]]
    new_params: list[float] = []
    new_slots: list[list[float]] = [[] for _ in slots]
    decay, lr = f.round(hyper["weight_decay"]), f.round(hyper["lr"])
    for g, p, *before in zip(grads, params, *(state[slot] for slot in slots), strict=True):
        g = -g if hyper["maximize"] else g  # noqa: PLW2901 - as the paper writes it
        if decay:
            g = f.add(g, f.mul(decay, p))  # noqa: PLW2901
        delta, *after = rule(f, hyper, g, *before)
        new_params.append(f.add(p, f.mul(lr, delta)))
        for slot, value in zip(new_slots, after, strict=True):
            slot.append(value)
    return new_params, dict(zip(slots, new_slots, strict=True))


def ordinary_values(f: Format, name: str, case: str) -> tuple[list[float], list[float], dict[str, list[float]]]:
    """Four values each, of everyday size, from a state that is not zero."""
    source = random.Random(f"{name}-{case}-{f.name}")  # noqa: S311 - the same values at every run
    signed = name == "sgd"

    def values(low: float, high: float) -> list[float]:
        return [f.round(source.uniform(low, high)) for _ in range(4)]

    grads, params = values(-3.0, 3.0), values(-2.0, 2.0)
    return grads, params, {slot: values(-1.0 if signed else 0.001, 1.0) for slot in RULES[name][1]}


def edge_values(f: Format, name: str) -> tuple[list[float], list[float], dict[str, list[float]]]:
    """Signed zeros, subnormals as inputs and as results, squares that become subnormal, and values near the largest."""

    def part(share: float) -> float:
        return f.mul(f.smallest_normal, f.round(share))

    def of_largest(share: float) -> float:
        return f.mul(f.largest, f.round(share))

    # Column by column: zeros; the smallest value; subnormal beside normal; a square that is subnormal; huge; near the
    # largest; and subnormals that stay so, since the state is of ordinary size.
    grads = [0.0, -0.0, part(0.37), -f.mul(f.sqrt(f.smallest_normal), f.round(0.7))]
    grads += [f.mul(f.sqrt(f.largest), f.round(0.8)), -1.25, part(0.43)]
    params = [-0.0, f.smallest, part(-0.61), 1.0, f.round(-1e-3), of_largest(0.99), part(-0.73)]
    first = [0.0, part(0.83), f.smallest_normal, part(0.05), of_largest(0.2), 2.5, 9.0]
    second = [0.0, f.mul(5.0, f.smallest), part(0.9), 0.0, f.round(1e20), 3.0, 3.0]
    if name == "sgd":
        first = [-0.0, part(-0.83), *first[2:6], part(-0.29)]
    return grads, params, dict(zip(RULES[name][1], (first, second), strict=False))


def cases() -> list[dict[str, Any]]:
    """Every case, as golden.json has it."""
    made = []
    for name, variants in HYPER.items():
        for case, values in variants.items():
            hyper = {"name": name, **values}
            for f in FORMATS.values():
                grads, params, state = edge_values(f, name) if case == "edges" else ordinary_values(f, name, case)
                new_params, new_state = step(f, hyper, grads, params, state)
                if not all(map(math.isfinite, (*new_params, *(v for slot in new_state.values() for v in slot)))):
                    raise ValueError(f"{name} {case} {f.name} has a result that is not finite")
                made.append(
                    {
                        "name": f"{name}-{case}-{f.name}",
                        "optimizer": hyper,
                        "dtype": f.name,
                        "grads": hexes(grads),
                        "before": {"params": hexes(params), "state": {slot: hexes(state[slot]) for slot in state}},
                        "after": {"params": hexes(new_params), "state": {k: hexes(v) for k, v in new_state.items()}},
                    }
                )
    return made


def hexes(values: Sequence[float]) -> list[str]:
    return [value.hex() for value in values]


def render() -> str:
    """The file's text: one case per line."""
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases())
    return f'{{"about": {json.dumps(ABOUT)},\n"cases": [\n{lines}\n]}}\n'


def main() -> None:
    GOLDEN.write_text(render(), encoding="utf-8")
    print(f"{GOLDEN.name}: {len(cases())} cases, {GOLDEN.stat().st_size} bytes")


if __name__ == "__main__":
    main()
