"""The demo's gradient is the gradient of its loss, and its loss is the one that scikit-learn computes."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from stepd.demo import softmax
from stepd.demo.digits import Part, load


def random_params(scale: float = 1.0) -> softmax.Params:
    random = np.random.default_rng(8)
    return {name: scale * random.standard_normal(array.shape) for name, array in softmax.zeros().items()}


@pytest.mark.parametrize("params", [softmax.zeros(), random_params(), random_params(10.0)], ids=["zeros", "1", "10"])
def test_the_gradient_is_that_of_the_loss(params: softmax.Params) -> None:
    """In twenty random directions the loss's slope, from values on both sides, is what the gradient says."""
    train = load().train
    part = Part(train.images[:200], train.labels[:200])
    _, grads = softmax.evaluate_with_gradient(params, part)
    random = np.random.default_rng(9)
    for _ in range(20):
        direction = {name: random.standard_normal(array.shape) for name, array in params.items()}
        ahead, behind = (
            softmax.evaluate({name: params[name] + h * direction[name] for name in params}, part).loss
            for h in (1e-5, -1e-5)
        )
        slope = sum(float((grads[name] * direction[name]).sum()) for name in params)
        assert (ahead - behind) / 2e-5 == pytest.approx(slope, rel=1e-6, abs=1e-8)


def test_the_gradient_of_each_param_is_its_own() -> None:
    """One by one too, weights and bias: nothing is transposed or in another's place."""
    train, params = load().train, random_params()
    part = Part(train.images[:50], train.labels[:50])
    _, grads = softmax.evaluate_with_gradient(params, part)
    for name, index in (("weights", (20, 3)), ("weights", (36, 9)), ("bias", (0,)), ("bias", (7,))):
        losses = []
        for h in (1e-5, -1e-5):
            moved = {one: array.copy() for one, array in params.items()}
            moved[name][index] += h
            losses.append(softmax.evaluate(moved, part).loss)
        assert (losses[0] - losses[1]) / 2e-5 == pytest.approx(grads[name][index], rel=1e-5, abs=1e-9)


def test_loss_and_accuracy_are_scikit_learns() -> None:
    """With the params that its LogisticRegression finds, both say the same of images that neither was fitted to."""
    train, test = load()
    model = LogisticRegression(C=0.01, tol=0.01).fit(train.images, train.labels)
    evaluation = softmax.evaluate({"weights": model.coef_.T, "bias": model.intercept_}, test)
    assert evaluation.loss == pytest.approx(log_loss(test.labels, model.predict_proba(test.images)), rel=1e-12)
    assert evaluation.accuracy == model.score(test.images, test.labels)


def test_both_ways_to_evaluate_agree() -> None:
    """With the gradient and without it, loss and accuracy are the same numbers."""
    train, params = load().train, random_params()
    assert softmax.evaluate_with_gradient(params, train)[0] == softmax.evaluate(params, train)


def test_params_that_are_sure_and_wrong_overflow_nothing() -> None:
    """Logits of tens of thousands, of which no exponential exists, give a finite loss and gradient."""
    evaluation, grads = softmax.evaluate_with_gradient(random_params(1e4), load().train)
    assert np.isfinite(evaluation.loss)
    assert all(np.isfinite(array).all() for array in grads.values())
