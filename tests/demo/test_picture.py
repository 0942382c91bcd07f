"""The learning curve is a picture that can be read: of a known size, both curves in it, the same for the same run."""

from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from stepd.demo.picture import STYLES, draw
from stepd.demo.softmax import Evaluation
from stepd.demo.training import Point

CURVE = [
    Point(
        step, Evaluation(2.3 / (1 + step), 1 - 0.9 / (1 + step)), Evaluation(2.5 / (1 + step), 0.9 - 0.8 / (1 + step))
    )
    for step in range(30)
]


def pixels_of(picture: np.ndarray, colour: str) -> np.ndarray:
    """Where the picture has exactly that colour."""
    return np.abs(picture[..., :3] - np.array(to_rgb(colour))).max(axis=-1) < 1 / 200


def test_it_is_a_png_with_both_curves_in_both_halves(tmp_path: Path) -> None:
    """900 by 400 pixels, and left and right of the middle a line of each colour, many pixels long."""
    draw(CURVE, "a title", tmp_path / "curve.png")
    picture = matplotlib.image.imread(tmp_path / "curve.png")
    assert picture.shape[:2] == (400, 900)
    for colour, _ in STYLES.values():
        for half in np.split(pixels_of(picture, colour), 2, axis=1):
            assert half.any(axis=0).sum() > 100


def test_the_accuracies_are_drawn_to_scale(tmp_path: Path) -> None:
    """The curve of a model that is right four times in five lies half the axis above that of one right three in ten."""
    curve = [Point(step, Evaluation(1.0, 0.8), Evaluation(2.0, 0.3)) for step in range(2)]
    draw(curve, "a title", tmp_path / "curve.png")
    picture = matplotlib.image.imread(tmp_path / "curve.png")[:, 450:]
    # The longest row of each colour is its line; the legend's samples are short.
    train, test = (int(pixels_of(picture, colour).sum(axis=1).argmax()) for colour, _ in STYLES.values())
    assert test - train == pytest.approx(0.5 * 300, abs=20)


def test_the_same_run_makes_the_same_file(tmp_path: Path) -> None:
    """No date and no version is in it: a picture that is kept under version control changes with the run alone."""
    for name in ("one.png", "other.png"):
        draw(CURVE, "a title", tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "other.png").read_bytes()
    assert b"Software" not in (tmp_path / "one.png").read_bytes()


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    """What can't be written is an error, not a picture somewhere else."""
    with pytest.raises(FileNotFoundError):
        draw(CURVE, "a title", tmp_path / "none" / "curve.png")
