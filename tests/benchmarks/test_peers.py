"""The peers do what they are measured for: the same step, and the same numbers out of JSON."""

import numpy as np
import pytest

from benchmarks.peers.arrays import arrays
from benchmarks.peers.decoders import decoders, encode
from benchmarks.peers.textbook import Adadelta
from benchmarks.peers.touching import touch_loop
from benchmarks.steps import json_body
from stepd import Adadelta as Ours


def test_the_textbook_class_takes_stepds_steps() -> None:
    """Bit for bit: the formula is one."""
    given = arrays(100)
    peer, ours, theirs, mine = Adadelta(), Ours(), given.params, given.params
    for _ in range(3):
        theirs, mine = peer.update(theirs, given.grads), ours.update(mine, given.grads)
        assert theirs.tobytes() == mine.tobytes()


@pytest.mark.parametrize("name", decoders())
def test_decoders_agree(name: str) -> None:
    """Nobody is fast by reading other numbers."""
    body = json_body(50)
    reference = decoders()["orjson, numpy.array"](body.content)
    assert decoders()[name](body.content).tobytes() == reference.tobytes()


def test_the_encoder_writes_what_decoders_read() -> None:
    """Shortest decimals that come back as the same bits."""
    params = arrays(50).params
    assert np.array(decoders()["orjson, numpy.array"](encode(params).replace(b"params", b"grads"))).tobytes() == (
        params.tobytes()
    )


def test_touching_reads_four_arrays_and_writes_three() -> None:
    """Seven streams, as a step in place."""
    pytest.importorskip("numba")
    given = arrays(10)
    before = given.params.copy()
    touch_loop()(given.grads, given.params, given.square_avg, given.acc_delta)
    assert given.params.tobytes() == (before + given.grads).tobytes()
    assert given.square_avg.tobytes() == given.acc_delta.tobytes() == given.grads.tobytes()
