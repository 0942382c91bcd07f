"""Checkpoints: a whole session out and in again, under a new id or in place of what is there; and reset."""

import hashlib
from typing import Any

import numpy as np
import pytest

from tests.server import Handle, bits

ADADELTA = {"name": "adadelta", "lr": 1.0, "rho": 0.95, "eps": 1e-6, "weight_decay": 0.0, "maximize": False}
SGD = {"name": "sgd", "lr": 0.5, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1, "maximize": True}
# What a decoder or an encoder might lose: signed zeros, subnormals, the odd float32, the largest values.
EDGES = {
    "float64": [-0.0, 0.0, 5e-324, 2.2250738585072014e-308, 0.1, 1.7976931348623157e308],
    "float32": [-0.0, 0.0, 1e-45, 1.1754942e-38, 7.03853069e-26, 3.4028235e38],
}


def other_than(session: Handle) -> Handle:
    return Handle(session.http, session.id + "-other")


@pytest.fixture
def checkpoint(session: Handle) -> dict[str, Any]:
    """The checkpoint of a session that has taken a step."""
    session.create(params=[1.0, 2.0])
    session.step([0.5, -0.5])
    document: dict[str, Any] = session.state().json()
    return document


def test_a_checkpoint_is_the_whole_session(session: Handle) -> None:
    """Optimizer resolved, dtype, step, params, each slot shaped as params, and the digest of their bytes."""
    session.create(params={"w": [[1.0, 2.0]], "b": 3.0}, dtype="float32", optimizer=SGD)
    session.step({"w": [[0.5, -0.5]], "b": 1.0})
    answer = session.state()
    document = answer.json()
    assert list(document) == ["optimizer", "dtype", "step", "params", "state", "digest"]
    assert (document["optimizer"], document["dtype"], document["step"]) == (SGD, "float32", 1)
    assert list(document["state"]) == ["momentum_buffer"]
    assert np.shape(document["state"]["momentum_buffer"]["w"]) == (1, 2)
    assert np.shape(document["state"]["momentum_buffer"]["b"]) == ()
    assert answer.headers["etag"] == session.tag()
    hashed = hashlib.sha256()
    for role in (document["params"], document["state"]["momentum_buffer"]):
        for name in ("b", "w"):
            hashed.update(np.array(role[name], "<f4").tobytes())
    assert document["digest"] == "sha-256:" + hashed.hexdigest()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("optimizer", [ADADELTA, SGD])
def test_out_and_in_under_a_new_id(session: Handle, dtype: str, optimizer: dict[str, Any]) -> None:
    """201; the copy has the same state byte for byte, another incarnation, and goes on to the same bits."""
    session.create(params=[1.0, 2.0], dtype=dtype, optimizer=optimizer)
    session.step([0.5, -0.5])
    state = session.state()
    copy = other_than(session)
    answer = copy.put_state(state.json())
    assert answer.status_code == 201
    assert answer.json() == copy.get().json()
    assert copy.state().content == state.content
    assert copy.incarnation() != session.incarnation()
    assert answer.headers["etag"] == f'"{copy.incarnation()}-1"'
    assert copy.step([3.0, 4.0]).json() == session.step([3.0, 4.0]).json()


def test_back_over_the_same_session(session: Handle, checkpoint: dict[str, Any]) -> None:
    """200; values, slots and step are the checkpoint's again, the incarnation is new, labels and ttl_s stay."""
    before = session.tag()
    session.step([9.0, 9.0])
    answer = session.put_state({**checkpoint, "labels": {"not": "taken"}, "ttl_s": 5})
    assert answer.status_code == 200
    assert answer.json()["labels"] == {}
    assert answer.json()["ttl_s"] is None
    assert session.state().json() == checkpoint
    assert session.tag() != before, "the same step of another life"
    assert session.tag().endswith('-1"')


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_bits_survive(session: Handle, dtype: str) -> None:
    """Signed zeros, subnormals and the largest values come out of a checkpoint as they went in."""
    values = EDGES[dtype]
    slot = [abs(value) for value in values]
    given = {"optimizer": ADADELTA, "dtype": dtype, "step": 7, "params": values,
             "state": {"square_avg": slot, "acc_delta": slot[::-1]}}  # fmt: skip
    assert session.put_state(given).status_code == 201
    document = session.state().json()
    assert bits(document["params"], dtype) == bits(values, dtype)
    assert bits(document["state"]["square_avg"], dtype) == bits(slot, dtype)
    assert bits(document["state"]["acc_delta"], dtype) == bits(slot[::-1], dtype)
    copy = other_than(session)
    assert copy.put_state(document).status_code == 201, "the digest is that of what was sent"
    assert copy.state().content == session.state().content


def test_a_slot_that_is_no_average_may_be_negative(session: Handle) -> None:
    """A momentum buffer has a sign, an average of squares has none; -0.0 is not negative."""
    given: dict[str, Any] = {"optimizer": SGD, "step": 1, "params": [1.0], "state": {"momentum_buffer": [-5.0]}}
    assert session.put_state(given).status_code == 201
    zero = {"optimizer": ADADELTA, "step": 1, "params": [1.0], "state": {"square_avg": [-0.0], "acc_delta": [0.0]}}
    assert other_than(session).put_state(zero).status_code == 201


def test_the_digest_may_be_left_out(session: Handle, checkpoint: dict[str, Any]) -> None:
    """It is checked where it is there; a checkpoint without one is taken as it is."""
    del checkpoint["digest"]
    assert session.put_state(checkpoint).status_code == 200
    assert other_than(session).put_state({**checkpoint, "digest": None}).status_code == 201


def test_a_changed_checkpoint_is_refused(session: Handle, checkpoint: dict[str, Any]) -> None:
    """One changed bit of params or of a slot no longer has the digest: 422, and nothing changes."""
    before = session.state()
    for changed in (
        {**checkpoint, "params": [np.nextafter(checkpoint["params"][0], 2), checkpoint["params"][1]]},
        {**checkpoint, "params": checkpoint["params"][::-1]},
        {**checkpoint, "state": {"square_avg": checkpoint["state"]["acc_delta"],
                                 "acc_delta": checkpoint["state"]["square_avg"]}},
    ):  # fmt: skip
        for handle in (session, other_than(session)):
            refused = handle.put_state(changed)
            assert refused.status_code == 422
            assert refused.json()["code"] == "digest-mismatch"
            assert refused.json()["errors"][0]["pointer"] == "/digest"
            assert checkpoint["digest"] in refused.json()["detail"]
    assert session.state().content == before.content
    assert other_than(session).get().status_code == 404


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"optimizer": {**ADADELTA, "rho": 0.9}}, "checkpoint-mismatch", "/optimizer"),
        ({"optimizer": SGD, "state": {"momentum_buffer": [0.0, 0.0]}}, "checkpoint-mismatch", "/optimizer"),
        ({"dtype": "float32"}, "checkpoint-mismatch", "/dtype"),
        (
            {"params": [1.0], "state": {"square_avg": [0.0], "acc_delta": [0.0]}},
            "shape-mismatch",
            "/params",
        ),
        (
            {"params": {"w": [1.0, 2.0]}, "state": {"square_avg": {"w": [0, 0]}, "acc_delta": {"w": [0, 0]}}},
            "names-mismatch",
            "/params",
        ),
        ({"state": {"square_avg": [0.0, 0.0]}}, "checkpoint-mismatch", "/state/acc_delta"),
        ({"state": {"square_avg": [0, 0], "acc_delta": [0, 0], "sum": [0, 0]}}, "checkpoint-mismatch", "/state/sum"),
        ({"state": {"square_avg": [0, -1e-300], "acc_delta": [0, 0]}}, "invalid-tensors", "/state/square_avg/1"),
        ({"state": {"square_avg": [0, 0], "acc_delta": [-1, 0]}}, "invalid-tensors", "/state/acc_delta/0"),
        ({"state": {"square_avg": [0, 0, 0], "acc_delta": [0, 0]}}, "shape-mismatch", "/state/square_avg"),
        ({"state": {"square_avg": [0, None], "acc_delta": [0, 0]}}, "not-a-number", "/state/square_avg/1"),
        ({"step": -1}, "invalid-field", "/step"),
        ({"step": 1.0}, "invalid-field", "/step"),
    ],
)
def test_what_does_not_fit_is_refused(
    session: Handle, checkpoint: dict[str, Any], changes: dict[str, Any], code: str, pointer: str
) -> None:
    """Optimizer, dtype, shapes, names and slots are checked against the session and the catalogue, never skipped."""
    before = session.state()
    refused = session.put_state({**checkpoint, "digest": None, **changes})
    assert refused.status_code == 422
    assert refused.json()["code"] == code
    assert refused.json()["errors"][0]["pointer"] == pointer
    assert session.state().content == before.content


def test_ttl_and_labels_hold_where_it_creates(session: Handle, checkpoint: dict[str, Any]) -> None:
    """A new session takes them from the request; the checkpoint itself has none."""
    assert not {"ttl_s", "labels"} & checkpoint.keys()
    copy = other_than(session)
    document = copy.put_state({**checkpoint, "ttl_s": 3600, "labels": {"from": session.id}}).json()
    assert (document["ttl_s"], document["labels"]) == (3600, {"from": session.id})


def test_restore_gives_an_unshaped_session_its_shape(session: Handle, checkpoint: dict[str, Any]) -> None:
    """The optimizer and dtype must be its own; the tensors are the checkpoint's."""
    empty = other_than(session)
    empty.create()
    assert empty.put_state(checkpoint).status_code == 200
    assert empty.state().content == session.state().content


def test_restore_with_preconditions(session: Handle, checkpoint: dict[str, Any]) -> None:
    """If-Match guards what is there, If-None-Match: * creates only."""
    stale = session.tag()
    session.step([1.0, 1.0])
    before = session.state()
    for headers in ({"If-Match": stale}, {"If-None-Match": "*"}):
        refused = session.put_state(checkpoint, headers)
        assert (refused.status_code, refused.json()["etag"]) == (412, session.tag())
    assert session.state().content == before.content
    assert session.put_state(checkpoint, {"If-Match": session.tag()}).status_code == 200
    copy = other_than(session)
    assert copy.put_state(checkpoint, {"If-Match": "*"}).status_code == 412
    assert copy.put_state(checkpoint, {"If-None-Match": "*"}).status_code == 201


def test_reset(session: Handle, checkpoint: dict[str, Any]) -> None:
    """Slots to zero and step 0; params and shape stay; the incarnation is new; the answer is the session."""
    before = session.incarnation()
    answer = session.reset()
    assert answer.status_code == 200
    assert answer.json() == session.get().json()
    assert answer.json()["incarnation"] != before
    assert answer.headers["etag"] == f'"{answer.json()["incarnation"]}-0"'
    state = session.state().json()
    assert state["step"] == 0
    assert state["params"] == checkpoint["params"]
    assert bits(state["state"]["square_avg"]) == bits(state["state"]["acc_delta"]) == bits([0.0, 0.0])


def test_reset_with_preconditions(session: Handle, checkpoint: dict[str, Any]) -> None:
    """A stale tag resets nothing."""
    stale = session.tag()
    session.step([1.0, 1.0])
    before = session.state()
    assert session.reset({"If-Match": stale}).status_code == 412
    assert session.state().content == before.content
    assert session.reset({"If-Match": session.tag()}).status_code == 200
    assert session.reset({"If-Match": "*"}).status_code == 200


def test_a_step_goes_on_from_what_was_restored(http: Any, session: Handle, checkpoint: dict[str, Any]) -> None:
    """The next step uses the restored slots: the bits of the stateless form with that state."""
    session.step([9.0, 9.0])
    session.put_state(checkpoint)
    stepped = session.step([0.25, 4.0])
    assert stepped.json()["step"] == 2
    given = {"params": checkpoint["params"], "grads": [0.25, 4.0], "state": checkpoint["state"]}
    assert bits(stepped.json()["params"]) == bits(http.post("/v1/step", json=given).json()["params"])
