"""The optimizers of torch and optax, each run as its documentation says, on one thread, in float64.

A contestant is made from arrays of its own and gives a function that takes one step, and one that shows the params.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

from benchmarks.peers.arrays import EPS, LR, RHO, Arrays
from benchmarks.peers.textbook import Vector


class Contestant(NamedTuple):
    """One way to take a step."""

    step: Callable[[], object]
    params: Callable[[], Vector]


# What may not be installed: the package that each contestant needs.
NEEDS = {"torch": "torch", "torch foreach": "torch", "optax": "optax"}


def lacking(name: str) -> str | None:
    """Why a contestant can't run here, if it can't."""
    package = NEEDS.get(name)
    return f"{package} is not installed" if package is not None and find_spec(package) is None else None


def torch_adadelta(given: Arrays, *, foreach: bool) -> Contestant:
    """torch.optim.Adadelta, looping over tensors, or with one call for all of them (`foreach`)."""
    import torch  # noqa: PLC0415 - need not be there

    torch.set_num_threads(1)
    params = torch.from_numpy(given.params).requires_grad_()
    params.grad = torch.from_numpy(given.grads)
    optimizer = torch.optim.Adadelta([params], lr=LR, rho=RHO, eps=EPS, foreach=foreach)

    def step() -> None:
        with torch.no_grad():
            optimizer.step()

    return Contestant(step, lambda: params.detach().numpy())


def optax_adadelta(given: Arrays) -> Contestant:
    """optax.adadelta, compiled with its updates, params and state donated so that they can be written in place."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
    import jax  # noqa: PLC0415 - need not be there
    import optax  # noqa: PLC0415

    jax.config.update("jax_enable_x64", True)
    optimizer = optax.adadelta(learning_rate=LR, rho=RHO, eps=EPS)

    def rule(params: Any, state: Any, grads: Any) -> tuple[Any, Any]:
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), state

    compiled = jax.jit(rule, donate_argnums=(0, 1))
    grads, params = jax.numpy.array(given.grads), jax.numpy.array(given.params)
    state = optimizer.init(params)

    def step() -> None:
        nonlocal params, state
        params, state = compiled(params, state, grads)
        params.block_until_ready()

    return Contestant(step, lambda: np.asarray(params))
