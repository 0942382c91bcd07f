"""The Python client: what it adds to a bare httpx call of the same bytes."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import numpy as np

from benchmarks.effort import Effort
from benchmarks.machine import LOAD_CORE, on_cores
from benchmarks.results import Figure, Measured, Table
from benchmarks.rounds import ratio, seconds_per_call, spread
from benchmarks.servers import Server, stepd
from benchmarks.stepper import Stepper
from benchmarks.steps import Body, create
from benchmarks.wording import say_ratio, say_time
from stepd_client import Client, Session

HOW = """A step of 1,000 values by the Python client, in the format that it chooses itself, beside a call of httpx
that sends the same body and headers (a fresh key and the last tag, as the client does) and reads the answer without
looking into it. Both block, and keep their connection. A socket that sends the same bytes shows what is left without
any of httpx."""

FIGURES = ("client.overhead",)

SIZE = 1_000


class Recorder(httpx.BaseTransport):
    """Passes requests on, and keeps the last."""

    def __init__(self) -> None:
        self._transport = httpx.HTTPTransport()
        self.last: httpx.Request | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """As every transport does."""
        self.last = request
        return self._transport.handle_request(request)

    def close(self) -> None:
        """As every transport does."""
        self._transport.close()


def run(effort: Effort) -> Measured:
    """Measures everything of this part."""
    print("client: a step of 1,000 values", flush=True)
    grads = np.random.default_rng(SIZE).standard_normal(SIZE)
    with stepd() as server, on_cores(LOAD_CORE):
        sent = _what_the_client_sends(server, grads)
        create(server, ["bare", "socket"], SIZE)
        body = Body(SIZE, sent.headers["content-type"], sent.content)
        with (
            Client(server.url) as client,
            httpx.Client(base_url=server.url, trust_env=False) as http,
            Stepper(server, "socket", body, keyed=True) as stepper,
        ):
            session: Session = client.session("client", params=np.zeros(SIZE))
            turns = {
                "Python client": lambda: session.step(grads),
                "httpx": _bare(http, sent),
                "socket": stepper.step,
            }
            times = seconds_per_call(turns, effort.rounds, effort.call_s)
    rows = tuple(
        (name, say_time(spread(of).median), say_ratio(ratio(of, times["httpx"]))) for name, of in times.items()
    )
    note = f"The client sends {len(sent.content):,} bytes of {sent.headers['content-type']}."
    table = Table("A step of 1,000 values", ("Sent by", "Time", "Of httpx"), rows, note)
    return Measured({"client.overhead": Figure.of(ratio(times["Python client"], times["httpx"]))}, (table,))


def _what_the_client_sends(server: Server, grads: np.ndarray) -> httpx.Request:
    recorder = Recorder()
    with Client(server.url, transport=recorder) as client:
        client.session("recorded", params=np.zeros(SIZE)).step(grads)
    assert recorder.last is not None
    return recorder.last


def _bare(http: httpx.Client, sent: httpx.Request) -> Callable[[], object]:
    path = "/v1/sessions/bare/step"
    headers = {name: value for name, value in sent.headers.items() if name not in ("host", "content-length")}
    etag = http.get("/v1/sessions/bare").headers["etag"]
    steps = 0

    def step() -> bytes:
        nonlocal etag, steps
        steps += 1
        fresh = {**headers, "if-match": etag, "idempotency-key": f"{steps:032d}"}
        answer = http.post(path, content=sent.content, headers=fresh)
        assert answer.status_code == 200, answer.text
        etag = answer.headers["etag"]
        return answer.content

    return step
