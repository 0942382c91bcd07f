"""Checkpoints as values and as JSON."""

import numpy as np
import orjson
import pytest

from stepd_client import Checkpoint
from stepd_client.values import Form, Kind

PLAIN = {
    "optimizer": {"name": "adadelta", "rho": 0.95},
    "dtype": "float32",
    "step": 3,
    "params": {"w": [0.1, -0.0], "b": 2.0},
    "state": {"square_avg": {"w": [0.5, 0.25], "b": 0.0}, "acc_delta": {"w": [0.0, 0.0], "b": 0.0}},
    "digest": "sha-256:00",
}


def test_a_checkpoint_survives_its_json():
    """What is written is what was read, members in order, values bit for bit, -0.0 included."""
    written = Checkpoint.read(PLAIN).to_json()
    assert written == orjson.dumps(PLAIN)
    assert Checkpoint.from_json(written).to_json() == written


def test_values_of_a_read_checkpoint_are_arrays_of_its_dtype():
    """Names keep their order, and every array has the checkpoint's dtype."""
    checkpoint = Checkpoint.read(PLAIN)
    assert list(checkpoint.params) == ["w", "b"]
    assert checkpoint.params["w"].dtype == np.float32
    assert checkpoint.state["square_avg"]["b"].shape == ()


def test_a_checkpoint_can_be_read_in_the_callers_form():
    """A session that is fed lists gives lists in its checkpoints too."""
    checkpoint = Checkpoint.read(PLAIN, Form(named=(("b", Kind.NUMBER), ("w", Kind.LIST))))
    assert checkpoint.state["square_avg"] == {"b": 0.0, "w": [0.5, 0.25]}
    assert list(checkpoint.params) == ["b", "w"]


def test_without_a_digest_none_is_written():
    """Changed values go without a digest, and it is no null."""
    document = {name: value for name, value in PLAIN.items() if name != "digest"}
    assert Checkpoint.read(document).digest is None
    assert "digest" not in orjson.loads(Checkpoint.read(document).to_json())


@pytest.mark.parametrize(
    "changed",
    [
        {"params": None},
        {"params": ["x"]},
        {"state": []},
        {"state": {"square_avg": [[1.0], [1.0, 2.0]]}},
        {"dtype": "float16"},
        {"dtype": 3},
        {"optimizer": 5},
        {"step": "x"},
    ],
    ids=str,
)
def test_what_is_no_checkpoint_is_refused(changed):
    """A document that is not what the contract says is a ValueError."""
    with pytest.raises(ValueError):
        Checkpoint.read({**PLAIN, **changed})


@pytest.mark.parametrize("written", [b"", b"[]", b"{}", b"null", b'{"dtype":"float64"}', "no json"])
def test_text_that_holds_no_checkpoint_is_refused(written):
    """Reading a checkpoint from anything else is a ValueError too."""
    with pytest.raises(ValueError):
        Checkpoint.from_json(written)


def test_values_that_are_not_finite_are_refused_before_they_are_written():
    """A checkpoint with NaN in it is never sent nor saved."""
    with pytest.raises(ValueError, match=r"square_avg\[1\] is nan"):
        Checkpoint({"name": "rmsprop"}, "float64", 0, [0.0, 0.0], {"square_avg": [0.0, float("nan")]}).to_json()
