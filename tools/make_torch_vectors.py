"""Writes tests/vectors/torch.json: what torch makes of the same gradients, for where torch is not installed.

    python -m tools.make_torch_vectors

It needs torch (`pip install torch==2.13.0`), which neither the service nor its tests do.
"""

from __future__ import annotations

import inspect
import json
import random
from pathlib import Path
from typing import Any

from tools.make_golden import hexes

TORCH_VECTORS = Path(__file__).parents[1] / "tests" / "vectors" / "torch.json"
ABOUT = (
    "Steps of torch.optim in float64, and torch's defaults: `grads` taken one after another from `params` and zero "
    "state; `after` each step the params, at the end the state. Floats are hexadecimal literals. "
    "Made by tools/make_torch_vectors.py; don't edit."
)
STEPS, SIZE = 20, 4

# The names in torch of our rules and of the state whose name differs.
CLASSES = {"adadelta": "Adadelta", "adagrad": "Adagrad", "rmsprop": "RMSprop", "sgd": "SGD"}
SLOTS = {
    "adadelta": ("square_avg", "acc_delta"),
    "adagrad": ("sum",),
    "rmsprop": ("square_avg",),
    "sgd": ("momentum_buffer",),
}

OPTIONS = {"lr": 0.3, "weight_decay": 0.05, "maximize": True}
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "adadelta": {"name": "adadelta", "lr": 1.0, "rho": 0.95, "eps": 1e-6},
    "adadelta-options": {"name": "adadelta", "rho": 0.9, "eps": 1e-7, **OPTIONS},
    "adagrad": {"name": "adagrad", "lr": 0.01, "eps": 1e-10},
    "adagrad-weight-decay": {"name": "adagrad", "lr": 0.1, "eps": 1e-10, "weight_decay": 0.1},
    "adagrad-options": {"name": "adagrad", "eps": 1e-6, **OPTIONS},
    "rmsprop": {"name": "rmsprop", "lr": 0.01, "alpha": 0.99, "eps": 1e-8},
    "rmsprop-weight-decay": {"name": "rmsprop", "lr": 0.1, "alpha": 0.5, "eps": 1e-8, "weight_decay": 0.1},
    "rmsprop-options": {"name": "rmsprop", "alpha": 0.9, "eps": 1e-4, **OPTIONS},
    "sgd": {"name": "sgd", "lr": 1e-3, "momentum": 0.0},
    "sgd-maximize": {"name": "sgd", "lr": 0.1, "momentum": 0.0, "maximize": True},
    "sgd-momentum": {"name": "sgd", "lr": 0.1, "momentum": 0.9},
    "sgd-nesterov": {"name": "sgd", "lr": 0.1, "momentum": 0.9, "nesterov": True},
    "sgd-momentum-options": {"name": "sgd", "momentum": 0.5, **OPTIONS},
    "sgd-nesterov-options": {"name": "sgd", "momentum": 0.5, "nesterov": True, **OPTIONS},
}


def document() -> dict[str, Any]:
    """Runs every case through torch; raises ImportError where torch is not installed."""
    import torch  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415 - only this function needs it

    source = random.Random("torch")  # noqa: S311 - the same values at every run
    params = [source.uniform(-2.0, 2.0) for _ in range(SIZE)]
    grads = [[source.gauss(0.0, 1.0) * 10.0 ** source.uniform(-3, 1) for _ in range(SIZE)] for _ in range(STEPS)]
    grads[1][0] = grads[2][0] = 0.0
    cases = []
    for case, optimizer in OPTIMIZERS.items():
        hyper = {name: value for name, value in optimizer.items() if name != "name"}
        tensor = torch.tensor(params, dtype=torch.float64, requires_grad=True)
        made = getattr(torch.optim, CLASSES[optimizer["name"]])([tensor], **hyper)
        after = []
        for row in grads:
            tensor.grad = torch.tensor(row, dtype=torch.float64)
            made.step()
            after.append(hexes(tensor.detach().tolist()))
        state = {slot: made.state[tensor].get(slot) for slot in SLOTS[optimizer["name"]]}
        # Without momentum torch keeps no buffer; ours is then the gradient.
        kept = {slot: hexes(value.tolist()) for slot, value in state.items() if value is not None}
        cases.append({"name": case, "optimizer": optimizer, "after": after, "state": kept})
    return {
        "about": ABOUT,
        "torch": torch.__version__.split("+")[0],
        "defaults": {name: defaults(getattr(torch.optim, cls)) for name, cls in CLASSES.items()},
        "params": hexes(params),
        "grads": [hexes(row) for row in grads],
        "cases": cases,
    }


def defaults(optimizer: type[Any]) -> dict[str, float | bool]:
    """The numbers and switches among the defaults of a torch optimizer."""
    signature = inspect.signature(optimizer.__init__)
    given = {name: parameter.default for name, parameter in signature.parameters.items()}
    return {name: value for name, value in given.items() if isinstance(value, (int, float))}


def main() -> None:
    made = document()
    lines = ",\n".join(json.dumps(case) for case in made.pop("cases"))
    head = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in made.items())
    TORCH_VECTORS.write_text(f'{{{head},\n"cases": [\n{lines}\n]}}\n', encoding="utf-8")
    print(f"{TORCH_VECTORS.name}: {len(OPTIMIZERS)} cases, {TORCH_VECTORS.stat().st_size} bytes")


if __name__ == "__main__":
    main()
