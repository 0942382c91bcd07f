"""What becomes of connections in every state when SIGTERM comes: who has sent a request is answered."""

from contextlib import ExitStack

import numpy as np

from tests.api.raw import Wire
from tests.server import in_thread, running, until
from tests.test_pipelining import request

RAW = "Content-Type: application/octet-stream"
JSON = "Content-Type: application/json"
SIZE = 2_000_000


def test_whoever_has_begun_is_answered() -> None:
    """A wait, what is queued behind it, half a body that goes on, an answer that leaves slowly; the idle are closed."""
    with running() as server, ExitStack() as stack:
        session, wide = server.session(), server.session()
        session.create(params=[1.0])
        wide.create(shape=[SIZE])
        waiting, half, slow, idle, begun, refused = (stack.enter_context(Wire(server.port)) for _ in range(6))
        step = request("POST", session.path + "/step", JSON, body=b'{"grads": [0.5]}')
        waiting.send(request("GET", session.path + "/params?wait_for_step=9") + step)
        server.until_waiting(session)
        body = np.ones(SIZE).tobytes()
        half.request("POST", wide.path + "/step", RAW, "Prefer: return=minimal", body=body[:99], length=len(body))
        slow.request("GET", wide.path + "/params", RAW.replace("Content-Type", "Accept"))
        until(lambda: any(one.flow.write_paused for one in server.connections()), "one is slow")
        idle.request("GET", "/livez")
        assert idle.answer().status == 200
        begun.send(b"GET /livez HTTP/1.1\r\nHost")
        refused.request("POST", "/v1/sessions/none-such/step", RAW, body=b"x", length=1000)
        assert refused.answer().status == 404
        stopped = in_thread(server.stop)
        assert waiting.answer().json()["step"] == 0
        assert waiting.answer().json()["step"] == 1
        half.send(body[99:])
        answer = half.answer()
        assert (answer.status, answer.headers["stepd-step"]) == (204, "1")
        assert len(slow.answer().content) == 8 * SIZE
        for wire in (waiting, half, slow, idle, begun, refused):
            assert wire.ended()
        stopped()


def test_whoever_does_not_go_on_is_told_in_the_end() -> None:
    """After shutdown_s half a body is 503 and nothing of it is applied; the service ends."""
    with running(shutdown_s=1) as server, Wire(server.port) as small, Wire(server.port) as large:
        session = server.session()
        session.create(shape=[SIZE])
        small.request("POST", session.path + "/step", JSON, body=b"{", length=1000)
        large.request("POST", session.path + "/step", RAW, body=bytes(100_000), length=8 * SIZE)
        until(lambda: server.bytes_in_flight() >= 8 * SIZE, "both are in flight")
        stopped = in_thread(server.stop)
        for wire in (small, large):
            answer = wire.answer()
            assert (answer.status, answer.json()["code"]) == (503, "not-ready")
            assert wire.ended()
        stopped()
