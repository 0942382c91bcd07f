"""The published golden values of Adadelta (tests/vectors) through HTTP, bit for bit, by every way and in every format.

Once with the blocked driver and once with the compiled one: a client can't tell which of them serves.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
import pytest
import safetensors.numpy

from tests.api.formats import RAW, SAFETENSORS
from tests.api.raw import Wire
from tests.needs import require_module
from tests.server import Running, Servers, bits, until

VECTORS = Path(__file__).parents[1] / "vectors" / "adadelta.json"
CASES: list[dict[str, Any]] = json.loads(VECTORS.read_text(encoding="utf-8"))["cases"]
SLOTS = ("square_avg", "acc_delta")


class Service(NamedTuple):
    """A running service and one connection to it: thousands of steps go through it."""

    running: Running
    wire: Wire

    def ask(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """The answer's document."""
        content = b"" if body is None else json.dumps(body).encode()
        answer = self.send(method, path, content, "application/json", status)
        return orjson.loads(answer) if answer else None

    def send(self, method: str, path: str, content: bytes, media_type: str, status: int = 200) -> bytes:
        """The answer as it came, in the format of what was sent."""
        self.wire.request(method, path, f"Content-Type: {media_type}", f"Accept: {media_type}", body=content)
        answer = self.wire.answer()
        assert answer.status == status, answer.content
        return answer.content


@pytest.fixture(scope="module", params=["blocked", "compiled"])
def service(request: pytest.FixtureRequest, servers: Servers) -> Iterator[Service]:
    """Each driver, the compiled one once /v1/info says that it serves."""
    if request.param == "compiled":
        require_module("numba", "pip install 'stepd[fast]'")
    server = servers(driver="auto" if request.param == "compiled" else "blocked")
    until(lambda: server.http.get("/v1/info").json()["driver"]["serving"] == request.param, "the driver serves", 60)
    with Wire(server.port) as wire:
        yield Service(server, wire)


def shaped(case: dict[str, Any], literals: list[str]) -> Any:
    """Values of a case as nested lists of floats."""
    return np.array([float.fromhex(literal) for literal in literals]).reshape(case["shape"]).tolist()


def checkpoint(case: dict[str, Any], values: dict[str, Any], step: int) -> dict[str, Any]:
    """PUT state's body, from the values of a case."""
    return {
        "optimizer": optimizer(case),
        "dtype": case["dtype"],
        "step": step,
        "params": shaped(case, values["params"]),
        "state": {slot: shaped(case, values[slot]) for slot in SLOTS},
    }


def optimizer(case: dict[str, Any]) -> dict[str, Any]:
    return {"name": "adadelta"} | {name: case[name] for name in ("rho", "eps", "lr", "weight_decay", "maximize")}


def arrays(case: dict[str, Any], values: dict[str, Any], *roles: str) -> dict[str, Any]:
    """Values of a case by role, in its dtype."""
    return {role: np.array(shaped(case, values[role]), case["dtype"]) for role in roles}


def agree(case: dict[str, Any], after: dict[str, Any], params: Any, state: Any) -> None:
    """Bit for bit: params and both slots are those that the case records."""
    have = {"params": params, **state}
    for role in ("params", *SLOTS):
        want = bits(shaped(case, after[role]), case["dtype"])
        assert bits(have[role], case["dtype"]) == want, f"{role} after step {after['step']}"


def start(service: Service, case: dict[str, Any]) -> str:
    """A session that holds the case's params and, where they are not zero, its slots; gives the session's path."""
    handle = service.running.session()
    slots = {slot: shaped(case, case[slot]) for slot in SLOTS}
    if any(np.any(slot) for slot in slots.values()):
        service.ask("PUT", handle.path + "/state", checkpoint(case, case, 0), 201)
    else:
        body = {"optimizer": optimizer(case), "dtype": case["dtype"], "params": shaped(case, case["params"])}
        service.ask("PUT", handle.path, body, 201)
    return handle.path


def held_by_the_service(service: Service, case: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Gradients alone go in; params and state are the service's."""
    path = start(service, case)
    recorded = {after["step"] for after in case["after"]}
    for number, grads in enumerate(case["grads"], start=1):
        params = service.ask("POST", path + "/step", {"grads": shaped(case, grads)})["params"]
        state = service.ask("GET", path + "/state") if number in recorded else {"params": params, "state": None}
        assert state["params"] == params
        yield params, state["state"]


def sent_by_the_caller(service: Service, case: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """The caller holds the params and sends them with each step; the slots are the service's."""
    path = start(service, case)
    params = shaped(case, case["params"])
    recorded = {after["step"] for after in case["after"]}
    for number, grads in enumerate(case["grads"], start=1):
        params = service.ask("POST", path + "/step", {"params": params, "grads": shaped(case, grads)})["params"]
        yield params, service.ask("GET", path + "/state")["state"] if number in recorded else None


def without_a_session(service: Service, case: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Params and state go in and come out; the service holds nothing."""
    params, state = shaped(case, case["params"]), {slot: shaped(case, case[slot]) for slot in SLOTS}
    fixed = {"optimizer": optimizer(case), "dtype": case["dtype"]}
    for grads in case["grads"]:
        body = {**fixed, "params": params, "grads": shaped(case, grads), "state": state}
        answer = service.ask("POST", "/v1/step", body)
        params, state = answer["params"], answer["state"]
        yield params, state


def in_bytes(service: Service, case: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Gradients go in as bytes, params come out as bytes, and the state as a file of tensors."""
    path = start(service, case)
    recorded = {after["step"] for after in case["after"]}
    for number, literals in enumerate(case["grads"], start=1):
        grads = np.array(shaped(case, literals), case["dtype"]).tobytes()
        params = np.frombuffer(service.send("POST", path + "/step", grads, RAW), case["dtype"])
        state = None
        if number in recorded:
            state = safetensors.numpy.load(service.send("GET", path + "/state", b"", SAFETENSORS))
            assert state.pop("params").tobytes() == params.tobytes()
        yield params, state


def in_files(service: Service, case: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """A file of params and gradients goes in with each step, one of params comes out."""
    path = start(service, case)
    params = arrays(case, case, "params")["params"]
    recorded = {after["step"] for after in case["after"]}
    for number, literals in enumerate(case["grads"], start=1):
        grads = np.array(shaped(case, literals), case["dtype"])
        content = safetensors.numpy.save({"params": params, "grads": grads})
        params = safetensors.numpy.load(service.send("POST", path + "/step", content, SAFETENSORS))["params"]
        yield params, service.ask("GET", path + "/state")["state"] if number in recorded else None


def in_files_without_a_session(service: Service, case: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """A file of params and state goes in with gradients, the next one comes out."""
    held = arrays(case, case, "params", *SLOTS)
    told = {"optimizer": json.dumps(optimizer(case))}
    for literals in case["grads"]:
        grads = np.array(shaped(case, literals), case["dtype"])
        content = safetensors.numpy.save({**held, "grads": grads}, told)
        held = safetensors.numpy.load(service.send("POST", "/v1/step", content, SAFETENSORS))
        yield held["params"], {slot: held[slot] for slot in SLOTS}


WAYS = (
    held_by_the_service, sent_by_the_caller, without_a_session, in_bytes, in_files, in_files_without_a_session,
)  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_every_case_bit_for_bit(
    service: Service, case: dict[str, Any], way: Callable[[Service, dict[str, Any]], Iterator[tuple[Any, Any]]]
) -> None:
    """After each recorded step params and state have exactly the published bits."""
    wanted = {after["step"]: after for after in case["after"]}
    for number, (params, state) in enumerate(way(service, case), start=1):
        if after := wanted.pop(number, None):
            agree(case, after, params, state)
    assert not wanted


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_every_state_in_and_one_step_on(service: Service, case: dict[str, Any]) -> None:
    """A published state that is put into a session comes out as it went in, and one step from it gives the next."""
    path = service.running.session().path
    before, number = case, 0
    for after in case["after"]:
        service.ask("PUT", path + "/state", checkpoint(case, before, number), 200 if number else 201)
        came_out = service.ask("GET", path + "/state")
        agree(case, {**before, "step": number}, came_out["params"], came_out["state"])
        if after["step"] == number + 1:
            stepped = service.ask("POST", path + "/step", {"grads": shaped(case, case["grads"][number])})
            assert stepped["step"] == number + 1
            agree(case, after, stepped["params"], service.ask("GET", path + "/state")["state"])
        before, number = after, after["step"]
