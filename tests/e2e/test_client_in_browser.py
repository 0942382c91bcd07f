"""/client.js in a real browser: a page of the service's own origin optimizes with it, under the pages' own policy."""

import queue
from pathlib import Path
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from stepd import Adadelta
from stepd.api.routes.pages import POLICY
from tests.e2e.browser import PATIENCE_S, opened
from tests.server import running

STEPS = 5
PAGE = '<!doctype html><html lang="en"><title>t</title><script type="module" src="/page.js"></script></html>'
SCRIPT = f"""
const tell = (what) => fetch("/told", {{ method: "POST", body: JSON.stringify(what) }});
const hex = (byte) => byte.toString(16).padStart(2, "0");
const bits = (values) => Array.from(new Uint8Array(values.buffer), hex).join("");
try {{
  const {{ Adadelta, Client, SessionNotFound }} = await import("/client.js");
  const told = {{}};
  const client = new Client();
  for (const Data of [Float64Array, Float32Array]) {{
    const params = new Data([1, -0, 2, 1e-310, 3, 1e-40]);
    const optimizer = Adadelta({{ rho: 0.9 }});
    const session = await client.session(`browser-${{Data.name}}`, {{ optimizer, params, shape: [2, 3] }});
    for (let step = 0; step < {STEPS}; step++) await session.step(session.params.map((value) => 2 * value - 1));
    told[Data.name] = {{ params: bits(session.params), accDelta: bits((await session.state()).state.acc_delta) }};
  }}
  const error = await client.session("nobody").catch((reason) => reason);
  told.error = [error instanceof SessionNotFound, error.name, error.code, SessionNotFound.code];
  await tell(told);
}} catch (error) {{
  await tell({{ failed: String(error?.stack ?? error) }});
}}
"""


def test_a_page_of_the_service_optimizes_with_the_textbooks_bits(tmp_path: Path) -> None:
    """The page imports /client.js, makes sessions without saying where, steps them, and has the textbook's bits."""
    told: queue.Queue[Any] = queue.Queue()

    async def page(request: Request) -> Response:
        return HTMLResponse(PAGE, headers=POLICY)

    async def script(request: Request) -> Response:
        return Response(SCRIPT, media_type="text/javascript")

    async def tell(request: Request) -> Response:
        told.put(await request.json())
        return Response()

    with running() as server:
        server.app.router.routes.extend(
            [Route("/page", page), Route("/page.js", script), Route("/told", tell, methods=["POST"])]
        )
        with opened(f"{server.url}/page", tmp_path):
            shown = told.get(timeout=PATIENCE_S)
        sessions = server.http.get("/v1/sessions").json()["sessions"]
    assert "failed" not in shown, shown
    for name, dtype in (("Float64Array", np.float64), ("Float32Array", np.float32)):
        optimizer = Adadelta(rho=0.9)
        params = np.array([1, -0.0, 2, 1e-310, 3, 1e-40], dtype)
        for _ in range(STEPS):
            params = optimizer.update(params, 2 * params - 1)
        assert shown[name] == {
            "params": params.tobytes().hex(),
            "accDelta": optimizer.state["acc_delta"].tobytes().hex(),
        }
    assert shown["error"] == [True, "SessionNotFound", "session-not-found", "session-not-found"]
    assert {one["id"]: (one["step"], one["shape"], one["dtype"]) for one in sessions} == {
        "browser-Float64Array": (STEPS, [2, 3], "float64"),
        "browser-Float32Array": (STEPS, [2, 3], "float32"),
    }
