"""POST /v1/step: a step without a session, state in and state out."""

from typing import Any

import httpx
import pytest

from tests.server import Handle, bits, running


def test_without_state_it_starts_from_zeros(http: httpx.Client) -> None:
    """Params and grads alone give the first step of Adadelta with its defaults."""
    short = http.post("/v1/step", json={"params": [1.0, 2.0], "grads": [0.5, -0.5]})
    assert short.status_code == 200
    zeros = {"square_avg": [0.0, 0.0], "acc_delta": [0.0, 0.0]}
    full = {"optimizer": {"name": "adadelta", "rho": 0.95, "eps": 1e-6, "lr": 1.0}, "dtype": "float64", "state": zeros}
    whole = http.post("/v1/step", json={**full, "params": [1.0, 2.0], "grads": [0.5, -0.5]})
    assert whole.content == short.content
    assert short.headers["vary"] == "Accept"
    assert "etag" not in short.headers


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ["adadelta", "adagrad", "rmsprop", "sgd"])
def test_it_is_the_step_of_a_session(http: httpx.Client, session: Handle, name: str, dtype: str) -> None:
    """Fed back, its params and state go the way of a session, bit for bit, named tensors included."""
    params: Any = {"w": [[1.0, -2.0]], "b": 0.25}
    state = None
    session.create(params=params, dtype=dtype, optimizer={"name": name})
    for number in range(3):
        grads = {"w": [[0.5 * number, 3.0]], "b": -1.0}
        body = {"optimizer": {"name": name}, "dtype": dtype, "params": params, "grads": grads}
        answer = http.post("/v1/step", json=body if state is None else {**body, "state": state}).json()
        params, state = answer["params"], answer["state"]
        held = session.step(grads).json()["params"]
        assert bits(held["w"], dtype) == bits(params["w"], dtype)
        assert bits(held["b"], dtype) == bits(params["b"], dtype)
    assert session.state().json()["state"] == state


def test_it_leaves_nothing_behind() -> None:
    """No session is made for it and no memory kept: on a service that nobody else uses there is nothing after it."""
    with running() as server:
        assert server.http.post("/v1/step", json={"params": [1.0], "grads": [0.5]}).status_code == 200
        assert server.http.get("/v1/sessions").json() == {"sessions": [], "next_page_token": None}
        assert server.call(lambda: server.engine.table.used_bytes) == 0


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"grads": [0.5]}, "shape-mismatch", "/grads"),
        ({"grads": {"w": [0.5, 0.5]}}, "names-mismatch", "/grads"),
        ({"grads": [1e200, 0.5]}, "step-not-finite", "/grads/0"),
        ({"state": {"square_avg": [0, 0]}}, "checkpoint-mismatch", "/state/acc_delta"),
        ({"state": {"square_avg": [0, 0], "acc_delta": [0, 0], "x": [0]}}, "checkpoint-mismatch", "/state/x"),
        ({"state": {"square_avg": [-1, 0], "acc_delta": [0, 0]}}, "invalid-tensors", "/state/square_avg/0"),
        ({"state": {"square_avg": [0], "acc_delta": [0, 0]}}, "shape-mismatch", "/state/square_avg"),
        ({"state": {"square_avg": [0, "1"], "acc_delta": [0, 0]}}, "not-a-number", "/state/square_avg/1"),
        ({"state": []}, "invalid-field", "/state"),
        ({"optimizer": {"name": "adam"}}, "unknown-optimizer", "/optimizer/name"),
        ({"lr": 0.5}, "unknown-field", "/lr"),
        ({"dtype": "float16"}, "invalid-field", "/dtype"),
    ],
)
def test_the_same_checks_as_with_a_session(
    http: httpx.Client, changes: dict[str, Any], code: str, pointer: str
) -> None:
    """What a session would refuse is refused here, with the same code and a pointer."""
    refused = http.post("/v1/step", json={"params": [1.0, 2.0], "grads": [0.5, -0.5], **changes})
    assert refused.status_code == 422
    assert refused.json()["code"] == code
    assert refused.json()["errors"][0]["pointer"] == pointer


def test_it_takes_no_key(http: httpx.Client) -> None:
    """There is nothing to remember a key: 400 key-not-supported."""
    refused = http.post("/v1/step", json={"params": [1.0], "grads": [1.0]}, headers={"Idempotency-Key": "a"})
    assert (refused.status_code, refused.json()["code"]) == (400, "key-not-supported")


def test_lr_stands_with_the_optimizer(http: httpx.Client) -> None:
    """There is no session's lr to replace: ?lr= is unknown here, lr is the optimizer's."""
    body = {"params": [1.0], "grads": [1.0], "optimizer": {"name": "sgd", "lr": 0.25}}
    assert http.post("/v1/step", json=body).json()["params"] == [0.75]
    assert http.post("/v1/step?lr=0.5", json=body).json()["code"] == "invalid-query"
