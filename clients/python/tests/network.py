"""A network without sockets: it plays one outcome per request, and the service's answers for it."""

import httpx
import numpy as np
import orjson

from stepd_client import RetryPolicy

SESSION = {
    "id": "run",
    "optimizer": {"name": "adadelta", "rho": 0.95},
    "dtype": "float64",
    "shape": [2],
    "size": 2,
    "step": 0,
    "incarnation": "abc",
    "bytes": 48,
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
    "ttl_s": None,
    "expires_at": None,
    "labels": {},
    "durability": "memory",
    "restored_from": None,
    "forked_from": None,
    "steps_since_restore": 0,
}


def ok(document=SESSION, step=0, status=200, incarnation="abc"):
    return httpx.Response(status, headers={"etag": f'"{incarnation}-{step}"'}, json=document)


def problem(status, code, **headers):
    body = orjson.dumps({"code": code, "detail": "because", "status": status, "etag": '"abc-9"', "step": 9})
    return httpx.Response(status, headers={"content-type": "application/problem+json", **headers}, content=body)


BAD_GATEWAY = httpx.Response(502, html="<html>Bad Gateway</html>")
LOST = httpx.ReadError("connection reset by peer")
REFUSED = httpx.ConnectError("connection refused")
LATE = httpx.ReadTimeout("timed out")


class Network:
    """Plays one outcome per request, in order, and remembers requests and pauses."""

    make = None  # what makes a client of the kind that is tested

    def __init__(self, *outcomes):
        self.outcomes = list(outcomes)
        self.requests = []
        self.pauses = []

    def __call__(self, request):
        self.requests.append(request)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        # A new one: reading it binds it to the client that does.
        return httpx.Response(outcome.status_code, headers=outcome.headers, content=outcome.content)

    @property
    def lines(self):
        return [f"{request.method} {request.url.path}" for request in self.requests]

    def client(self, **options):
        options = {"retry": RetryPolicy(random=lambda: 0.0)} | options
        return self.through("http://stepd.test", sleep=self.pauses.append, **options)

    def through(self, *given, **options):
        """A client of whichever address, all of whose requests come here."""
        return self.make(*given, transport=httpx.MockTransport(self), **options)

    def session(self, **options):
        """A session of two params at step 0; the creating request is not remembered."""
        self.outcomes.insert(0, ok(status=201))
        session = self.client(**options).session("run", params=np.array([1.0, 2.0]))
        self.requests.clear()
        return session
