"""Whatever is sent, and whoever sends it at the same time: an answer of the contract, no failure, nothing left over."""

import json
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.server import Handle, Running, running, until

NUMBERS = st.integers(-(10**25), 10**25) | st.floats() | st.sampled_from([-0.0, 5e-324, 1e39, 2**53, 2**64, 10**400])
SCALARS = NUMBERS | st.none() | st.booleans() | st.text(max_size=4) | st.sampled_from(["adadelta", "sgd", "float32"])
NAMES = st.sampled_from(["w", "b", "", "a/b", "é"])
ANYTHING = st.recursive(
    SCALARS, lambda some: st.lists(some, max_size=4) | st.dictionaries(NAMES, some, max_size=3), max_leaves=8
)
VECTORS = st.sampled_from([[1.0, 2.0], [[1, 2], [3, 4]], {"w": [1.0], "b": 2.0}, [1.0]]) | ANYTHING
HYPER = dict.fromkeys(("lr", "rho", "eps", "momentum", "nesterov", "weight_decay", "maximize"), SCALARS)
FIELDS = {
    "optimizer": st.fixed_dictionaries({"name": st.sampled_from(["adadelta", "sgd", "x"])}, optional=HYPER) | ANYTHING,
    "params": VECTORS,
    "grads": VECTORS,
    "shape": st.lists(st.integers(-1, 5), max_size=10) | st.just([10**9] * 3) | ANYTHING,
    "dtype": st.sampled_from(["float64", "float32"]) | SCALARS,
    "ttl_s": st.sampled_from([3600, 1e9]) | SCALARS,
    "labels": st.dictionaries(st.text(max_size=3), SCALARS, max_size=3) | ANYTHING,
    "step": st.integers(0, 5) | SCALARS,
    "state": st.dictionaries(st.sampled_from(["square_avg", "acc_delta", "momentum_buffer"]), VECTORS) | ANYTHING,
    "digest": SCALARS,
    "x": SCALARS,
}
BODIES = st.fixed_dictionaries({}, optional=FIELDS) | ANYTHING
SHAPES: dict[str, dict[str, Any]] = {
    "flat": {"params": [1.0, 2.0]},
    "named": {"params": {"w": [1.0], "b": 2.0}},
    "single": {"params": [[1, 2], [3, 4]], "dtype": "float32"},
    "empty": {},
    "sgd": {"params": [1.0], "optimizer": {"name": "sgd", "momentum": 0.5}},
}
REQUESTS = st.sampled_from(
    [
        ("POST", "/v1/step"),
        ("POST", "/v1/sessions"),
        *((method, f"/v1/sessions/{name}{place}")
          for name in (*SHAPES, "new")
          for method, place in (("PUT", ""), ("POST", "/step"), ("PUT", "/params"), ("PUT", "/state"))),
    ]
)  # fmt: skip


@pytest.fixture(scope="module")
def fuzzed() -> Iterator[Running]:
    """A service with a session of each kind, and little memory."""
    with running(max_session_bytes=2**22, max_in_flight_bytes=2**25, keys_per_session=3) as server:
        for name, spec in SHAPES.items():
            assert server.session(name).create(**spec).status_code == 201
        yield server


def left_over(server: Running) -> list[Any]:
    """What should be nothing once all requests are answered: holds, turns, waits, changes, bytes that are not there."""
    engine = server.engine
    table = engine.table
    return server.call(
        lambda: [
            table.used_bytes - sum(session.nbytes for session in table._sessions.values()),
            sum(lease.holds for lease in table._leases.values()),
            len(engine._turns),
            len(engine._waiters._waiters),
            len(engine._work.changes),
        ]
    )


@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(request=REQUESTS, body=BODIES)
def test_no_body_makes_it_fail(fuzzed: Running, request: tuple[str, str], body: Any) -> None:
    """Any JSON, and what is almost JSON, is taken or refused by the contract; what is reserved is given back."""
    method, path = request
    headers = {"Content-Type": "application/json"}
    answer = fuzzed.http.request(method, path, content=json.dumps(body).encode(), headers=headers)
    assert answer.status_code in (200, 201, 400, 404, 409, 422, 507), answer.text
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert len(answer.content) < 4096
    assert fuzzed.bytes_in_flight() == 0


def one_request(session: Handle, rng: random.Random) -> httpx.Response:
    """A request of any kind, with vectors that may be small, of another shape, or large enough for a thread."""
    ones = [1.0] * rng.choice([2, 3, 33_000])
    slots = {"square_avg": ones, "acc_delta": ones}
    choices: list[Callable[[], httpx.Response]] = [
        lambda: session.create(shape=[len(ones)], ttl_s=rng.choice([0.02, 30])),
        lambda: session.create(ttl_s=0.05),
        lambda: session.step(ones, key=rng.choice([None, "a", "b", "c", "d"])),
        lambda: session.step(ones, params=ones, if_match="*"),
        lambda: session.put_params(ones),
        lambda: session.put_state({"optimizer": {"name": "adadelta"}, "step": 1, "params": ones, "state": slots}),
        lambda: session.params(wait_for_step=2, timeout_s=0.02),
        session.state,
        session.reset,
        session.delete,
    ]
    return rng.choice(choices)()


def some_requests(server: Running, seed: int) -> set[int]:
    """The statuses of forty requests to four sessions, which others create, step and delete at the same time."""
    rng = random.Random(seed)  # noqa: S311 - reproducible
    with httpx.Client(base_url=server.url, timeout=20, trust_env=False) as http:
        return {one_request(Handle(http, f"shared-{rng.randrange(4)}"), rng).status_code for _ in range(40)}


def test_many_at_once_leave_nothing_over(fuzzed: Running) -> None:
    """Creation, steps, waits, expiry and deletion of the same sessions by many callers: no failure, and no leak."""
    with ThreadPoolExecutor(6) as pool:
        statuses = set().union(*pool.map(lambda seed: some_requests(fuzzed, seed), range(6)))
    assert statuses <= {200, 201, 204, 404, 409, 412, 422, 503, 507}
    assert {200, 201, 204, 404} <= statuses
    until(lambda: fuzzed.bytes_in_flight() == 0, "nothing is in flight")
    until(lambda: left_over(fuzzed) == [0] * 5, "nothing is left over")
