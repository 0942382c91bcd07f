"""One bit of difference between the service's run and the textbook's is found, and told where it is."""

import numpy as np
import pytest

from stepd.demo.comparison import Comparison, Difference
from stepd.optimizers import CATALOGUE
from stepd.optimizers.textbook import TEXTBOOK

START = {"weights": np.array([[1.0, 2.0], [3.0, 4.0]]), "bias": np.array([-0.5])}
GRADS = {"weights": np.array([[0.5, -0.25], [1e-9, 3.0]]), "bias": np.array([0.125])}


def textbook_run(name: str, steps: int) -> tuple[list[dict[str, np.ndarray]], dict[str, dict[str, np.ndarray]]]:
    """What a service that makes no mistake would answer: params after each step, and the state at the end."""
    optimizers, params, answers = {tensor: TEXTBOOK[name]() for tensor in START}, dict(START), []
    for _ in range(steps):
        params = {tensor: optimizers[tensor].update(params[tensor], GRADS[tensor]) for tensor in START}
        answers.append(params)
    slots = CATALOGUE[name].slot_names
    return answers, {slot: {tensor: optimizers[tensor].state[slot].copy() for tensor in START} for slot in slots}


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_faultless_run_is_equal(name: str) -> None:
    """With every optimizer of the catalogue there is a textbook class, and no difference."""
    answers, state = textbook_run(name, 5)
    comparison = Comparison({"name": name}, START)
    for params in answers:
        comparison.step(GRADS, params)
    comparison.state(state)
    assert comparison.difference is None
    assert comparison.steps == 5


def test_one_bit_of_the_params_is_found() -> None:
    """The next float64 in one place of one step is a difference, and the first one stays the one that is told."""
    answers, _ = textbook_run("adadelta", 4)
    comparison = Comparison({"name": "adadelta"}, START)
    want = answers[2]["weights"][1, 0]
    answers[2]["weights"][1, 0] = np.nextafter(want, 9.0)
    answers[3]["bias"][0] = 7.0
    for params in answers:
        comparison.step(GRADS, params)
    assert comparison.difference == Difference(3, "params of weights[1, 0]", np.nextafter(want, 9.0), want)


def test_one_bit_of_the_state_is_found() -> None:
    """A slot's value that no params have shown yet counts too."""
    answers, state = textbook_run("adadelta", 2)
    comparison = Comparison({"name": "adadelta"}, START)
    for params in answers:
        comparison.step(GRADS, params)
    want = state["acc_delta"]["bias"][0]
    state["acc_delta"]["bias"][0] = np.nextafter(want, 0.0)
    comparison.state(state)
    assert comparison.difference == Difference(2, "acc_delta of bias[0]", np.nextafter(want, 0.0), want)


def test_the_sign_of_zero_is_a_bit() -> None:
    """-0.0 where the textbook has 0.0 is a difference, although the two compare equal."""
    comparison = Comparison({"name": "sgd"}, {"w": np.array([0.0])})
    comparison.step({"w": np.array([0.0])}, {"w": np.array([-0.0])})
    assert comparison.difference is not None
    assert str(comparison.difference.service) == "-0.0"
