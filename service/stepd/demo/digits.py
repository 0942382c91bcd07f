"""The images: scikit-learn's handwritten digits, scaled and split, the same in every run and every language."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits

CLASSES = 10
PIXELS = 64
# Pixels are whole numbers from 0 to 16.
BRIGHTEST = 16.0
# Every fifth image, the first one included, is kept back to test on.
TEST_EVERY = 5


class Part(NamedTuple):
    """Some of the images.

    Attributes:
        images: float64, shape (count, 64), pixels row by row, from 0 (paper) to 1 (ink).
        labels: integers, shape (count,), the digit that each image shows.
    """

    images: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]


class Digits(NamedTuple):
    """All images, none in both parts."""

    train: Part
    test: Part


def load() -> Digits:
    """The 1,797 images that come with scikit-learn, in its order: nothing is fetched, nothing is shuffled.

    >>> digits = load()
    >>> len(digits.train.labels), len(digits.test.labels)
    (1437, 360)
    """
    data: Any = load_digits()
    images = np.asarray(data.images, np.float64).reshape(-1, PIXELS) / BRIGHTEST
    labels = np.asarray(data.target, np.int64)
    tested = np.arange(len(labels)) % TEST_EVERY == 0
    return Digits(Part(images[~tested], labels[~tested]), Part(images[tested], labels[tested]))
