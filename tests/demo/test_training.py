"""The training loop against a running service: a point for each step, learning, and the textbook's bits throughout."""

import re

import pytest

from stepd import Adadelta
from stepd.demo import softmax
from stepd.demo.comparison import Comparison
from stepd.demo.digits import load
from stepd.demo.training import Point, train
from stepd.optimizers import CATALOGUE
from stepd_client import Client
from tests.docs.documents import read
from tests.server import Running


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_optimizer_learns_and_equals_its_textbook_class(server: Running, name: str) -> None:
    """Each step through the service is one of the curve, and takes params and state where the textbook class does."""
    watched: list[Point] = []
    with Client(server.url) as client:
        session = client.session(optimizer={"name": name}, params=softmax.zeros())
        comparison = Comparison(session.optimizer, softmax.zeros())
        training = train(session, load(), 12, comparison, watched.append)
        comparison.state(session.state().state)
        assert session.describe().step == 12
        session.delete()
    assert comparison.difference is None
    assert watched == training.curve
    assert [point.step for point in training.curve] == list(range(13))
    assert len(training.round_trips_s) == 12
    assert 0 < sum(training.round_trips_s) < training.seconds
    assert training.curve[-1].train.loss < training.curve[0].train.loss
    assert training.curve[-1].test.accuracy > 0.5


def test_the_curve_is_of_the_params_that_the_service_gives(server: Running) -> None:
    """The last point is what the params now in the service make of the images, and the first that of zeros."""
    digits = load()
    with Client(server.url) as client:
        session = client.session(params=softmax.zeros())
        training = train(session, digits, 3, Comparison(session.optimizer, softmax.zeros()), lambda point: None)
        params = session.fetch_params()
        session.delete()
    assert training.curve[-1] == Point(3, softmax.evaluate(params, digits.train), softmax.evaluate(params, digits.test))
    assert training.curve[0].test == softmax.evaluate(softmax.zeros(), digits.test)


def test_a_larger_learning_rate_is_faster_here() -> None:
    """As README says: with lr 10 Adadelta is further after 200 steps than what is shown there after 500."""
    (shown,) = re.findall(r"^   500 +(\d\.\d+) ", read("README.md"), re.MULTILINE)
    digits, params = load(), softmax.zeros()
    optimizers = {name: Adadelta(lr=10.0) for name in params}
    for _ in range(200):
        _, grads = softmax.evaluate_with_gradient(params, digits.train)
        params = {name: optimizers[name].update(params[name], grads[name]) for name in params}
    assert softmax.evaluate(params, digits.train).loss < float(shown)
