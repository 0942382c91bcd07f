"""The figures of docs/adadelta.md are what the code gives, and its numbered order is the code's."""

import math
import re

import numpy as np

from stepd import Adadelta
from stepd.optimizers import CATALOGUE
from tests.docs.documents import read

PAGE = read("docs/adadelta.md")


def test_the_first_step_is_bounded_as_the_page_says() -> None:
    """4.47e-3 at the defaults, however large the gradient."""
    (figure,) = re.findall(r"which is ([\d.e-]+) at the defaults", PAGE)
    hyper = {parameter.name: parameter.default for parameter in CATALOGUE["adadelta"].hyper_parameters}
    bound = hyper["lr"] * math.sqrt(hyper["eps"] / (1 - hyper["rho"]))
    assert float(figure) == float(f"{bound:.2e}")
    steps = [abs(float(Adadelta().update([0.0], [gradient])[0])) for gradient in (1.0, 1e3, 1e6)]
    assert all(step <= bound * (1 + 1e-15) for step in steps)
    assert steps[-1] > 0.999999 * bound


def test_the_example_of_the_variants_is_ours() -> None:
    """Three gradients of 1 from 0 give the value in the table, to its last digit."""
    (figure,) = re.findall(r"\| stepd \| (-[\d.e-]+) \|", PAGE)
    optimizer, params = Adadelta(lr=0.1, rho=0.9, eps=1e-6), np.zeros(1)
    for _ in range(3):
        params = optimizer.update(params, [1.0])
    assert float(figure) == float(params[0])


def test_the_defaults_are_the_catalogues() -> None:
    """The page's defaults are those that a session gets."""
    hyper = {parameter.name: parameter.default for parameter in CATALOGUE["adadelta"].hyper_parameters}
    assert f"`rho` {hyper['rho']}, `eps` 1e-6, `lr` {hyper['lr']:g}: the paper's" in PAGE
    assert hyper["eps"] == 1e-6


def test_the_numbered_order_is_the_formulas() -> None:
    """Steps 3 to 6 of the page are the catalogue's formula, line by line."""
    numbered = dict(re.findall(r"^(\d)\. `([^`]+)`", PAGE, re.MULTILINE))
    written = [numbered[str(number)].replace("one_minus_rho", "(1 - rho)") for number in range(3, 7)]
    assert written == list(CATALOGUE["adadelta"].formula)


def test_two_roots_differ_from_one_in_about_a_third_of_all_elements() -> None:
    """sqrt(a) / sqrt(b) and sqrt(a / b) give other bits in a quarter to two fifths of random elements."""
    a, b = np.random.default_rng(1).uniform(0, 1, (2, 100_000))
    share = np.mean(np.sqrt(a) / np.sqrt(b) != np.sqrt(a / b))
    assert 0.25 < share < 0.4
