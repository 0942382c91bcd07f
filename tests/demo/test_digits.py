"""The images are scikit-learn's, whole, scaled, and split the same way in every run and every language."""

import numpy as np
from sklearn.datasets import load_digits

from stepd.demo.digits import load


def test_every_image_is_in_one_part() -> None:
    """Images 0, 5, 10, ... are kept back to test on, all others are trained on, in scikit-learn's order."""
    digits, source = load(), load_digits()
    for part, numbers in (
        (digits.test, [number for number in range(1797) if number % 5 == 0]),
        (digits.train, [number for number in range(1797) if number % 5 != 0]),
    ):
        assert np.array_equal(part.images * 16, source.data[numbers])
        assert np.array_equal(part.labels, source.target[numbers])


def test_pixels_go_from_paper_to_ink() -> None:
    """Every value is from 0 to 1, both ends occur, and no scaling has rounded any: they are sixteenths."""
    images = load().train.images
    assert (images.min(), images.max()) == (0.0, 1.0)
    assert set(np.unique(images * 16)) == set(range(17))


def test_both_parts_hold_every_digit() -> None:
    """Each digit is there to be learnt and to be tested, and no digit is most of a part."""
    for part in load():
        counts = np.bincount(part.labels, minlength=10)
        assert counts.min() > 0.05 * counts.sum()
        assert counts.max() < 0.15 * counts.sum()
