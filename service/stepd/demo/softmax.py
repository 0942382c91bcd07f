"""Softmax regression: the mean cross-entropy of a linear model's probabilities, and its gradient; no optimizer here."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stepd.demo.digits import CLASSES, PIXELS, Part

Params = dict[str, npt.NDArray[np.floating[Any]]]


class Evaluation(NamedTuple):
    """How well the model does on some images.

    Attributes:
        loss: mean cross-entropy, in nats.
        accuracy: the share of images whose most probable class is their digit, 0 to 1.
    """

    loss: float
    accuracy: float


def zeros() -> Params:
    """What to start from: `weights` (64, 10) and `bias` (10,). The loss is convex: zeros are as good as any."""
    return {"weights": np.zeros((PIXELS, CLASSES)), "bias": np.zeros(CLASSES)}


def evaluate(params: Params, part: Part) -> Evaluation:
    """Loss and accuracy of the params on these images."""
    return _evaluation(_log_probabilities(params, part), part)


def evaluate_with_gradient(params: Params, part: Part) -> tuple[Evaluation, Params]:
    """Loss and accuracy, and the gradient of the loss, named and shaped like the params.

    >>> from stepd.demo.digits import load
    >>> evaluation, grads = evaluate_with_gradient(zeros(), load().train)
    >>> round(evaluation.loss, 6), grads["weights"].shape
    (2.302585, (64, 10))
    """
    log_probabilities = _log_probabilities(params, part)
    residuals = np.exp(log_probabilities)
    residuals[np.arange(len(part.labels)), part.labels] -= 1.0
    residuals /= len(part.labels)
    return _evaluation(log_probabilities, part), {"weights": part.images.T @ residuals, "bias": residuals.sum(axis=0)}


def _log_probabilities(params: Params, part: Part) -> npt.NDArray[np.float64]:
    """Of each class, for each image. The largest logit is taken away first, so that no exponential overflows."""
    logits = part.images @ params["weights"] + params["bias"]
    logits -= logits.max(axis=1, keepdims=True)
    return np.asarray(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)))


def _evaluation(log_probabilities: npt.NDArray[np.float64], part: Part) -> Evaluation:
    of_labels = log_probabilities[np.arange(len(part.labels)), part.labels]
    right = log_probabilities.argmax(axis=1) == part.labels
    return Evaluation(float(-of_labels.mean()), float(right.mean()))
