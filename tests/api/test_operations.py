"""What the service says of itself: catalogue, info, health; and HEAD wherever GET works."""

import asyncio
from typing import Any

import httpx
import pytest

import stepd
from stepd.optimizers import CATALOGUE
from tests.needs import require_module
from tests.server import Handle, Running, Servers, until


def test_info(http: httpx.Client) -> None:
    """Version, driver, formats, dtypes, durability; test_limits.py has the limits."""
    document = http.get("/v1/info").json()
    assert document.pop("limits")
    assert document == {
        "version": stepd.__version__,
        "driver": {"serving": "blocked", "compiled": "off"},
        "formats": ["application/json", "application/octet-stream", "application/vnd.safetensors"],
        "dtypes": ["float64", "float32"],
        "durability": "memory",
        "durabilities": ["memory"],
    }


def test_the_compiled_driver_takes_over(servers: Servers) -> None:
    """With driver=auto the blocked one serves until the other is compiled; info says so."""
    require_module("numba", "pip install 'stepd[fast]'")
    server = servers(driver="auto")

    def driver() -> Any:
        return server.http.get("/v1/info").json()["driver"]

    assert driver() in ({"serving": "blocked", "compiled": "compiling"}, {"serving": "compiled", "compiled": "serving"})
    until(lambda: driver()["compiled"] != "compiling", "compiled", 60)
    assert driver() == {"serving": "compiled", "compiled": "serving"}


def test_the_catalogue(http: httpx.Client) -> None:
    """Each optimizer with its hyper-parameters, slots, formula and reference, Adadelta first."""
    optimizers = http.get("/v1/optimizers").json()["optimizers"]
    assert [one["name"] for one in optimizers] == list(CATALOGUE)
    adadelta = optimizers[0]
    assert adadelta["name"] == "adadelta"
    assert [one["name"] for one in adadelta["state"]] == ["square_avg", "acc_delta"]
    assert {one["name"]: one["default"] for one in adadelta["hyper_parameters"]} == {
        "lr": 1.0, "rho": 0.95, "eps": 1e-6, "weight_decay": 0.0, "maximize": False,
    }  # fmt: skip
    assert "0 <= rho < 1" in [one["range"] for one in adadelta["hyper_parameters"]]
    assert adadelta["formula"][-1] == "params = params + lr * delta"
    assert "1212.5701" in adadelta["reference"]
    for one in optimizers:
        assert one["formula"]
        assert one["reference"]
        assert all(parameter["meaning"] and parameter["range"] for parameter in one["hyper_parameters"])
        assert {parameter["type"] for parameter in one["hyper_parameters"]} <= {"number", "boolean"}


def test_health(http: httpx.Client) -> None:
    """/livez and /readyz are 200 while the service serves, whatever Accept says: probes send anything."""
    for path, status in (("/livez", "alive"), ("/readyz", "ready")):
        answer = http.get(path, headers={"Accept": "text/plain"})
        assert (answer.status_code, answer.json()) == (200, {"status": status})


PATHS = [
    "/v1/sessions/{id}", "/v1/sessions/{id}/params", "/v1/sessions/{id}/state", "/v1/sessions", "/v1/optimizers",
    "/v1/info", "/livez", "/readyz", "/openapi.json", "/", "/docs", "/problems", "/problems/not-found",
    "/assets/stepd.css", "/v1/sessions/none", "/nothing",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_head_is_get_without_the_body(session: Handle, path: str) -> None:
    """The same status and headers, the length of what is not sent among them."""
    session.create(params=[1.0, 2.0])
    path = path.format(id=session.id)
    get, head = session.http.get(path), session.http.head(path)
    assert head.status_code == get.status_code
    assert head.content == b""
    changing = {"date", "x-request-id", "server-timing"}
    assert {name: value for name, value in head.headers.items() if name not in changing} == {
        name: value for name, value in get.headers.items() if name not in changing
    }
    # A problem has its request id in it, which is as long each time.
    assert int(head.headers["content-length"]) == len(get.content)


def test_head_has_no_body_whatever_serves_the_application(server: Running) -> None:
    """The application itself sends none: not every server would take one away."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {"type": "http", "method": "HEAD", "path": "/livez", "headers": [], "query_string": b"", "root_path": ""}
    asyncio.run(server.app(scope, receive, send))
    assert sent[0]["status"] == 200
    assert int(dict(sent[0]["headers"])[b"content-length"]) > 0
    assert b"".join(message["body"] for message in sent[1:]) == b""


def test_head_with_conditions(session: Handle) -> None:
    """HEAD with the current tag is 304."""
    session.create(params=[1.0])
    assert session.http.head(session.path + "/params", headers={"If-None-Match": session.tag()}).status_code == 304
