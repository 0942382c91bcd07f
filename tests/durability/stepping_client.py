"""A client that steps one session as clients should: a key and If-Match on every step, sent again until it is known.

The gradients of each step follow from its number, so that whoever knows how many steps there were can take them again.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import httpx
import numpy as np
import numpy.typing as npt

from stepd.optimizers.textbook import Adadelta

RAW = "application/octet-stream"
PATIENCE_S = 60.0
# A large step may meet many kills in a row.
STEP_PATIENCE_S = 600.0
Vector = npt.NDArray[np.float64]


@dataclass
class SteppingClient:
    """`acknowledged` counts the steps that were answered, `sent` the requests that this took."""

    url: str
    name: str
    size: int
    raw: bool
    acknowledged: int = 0
    sent: int = 0
    replays: int = 0
    _tag: str = ""
    _stop: threading.Event = field(default_factory=threading.Event)

    def grads(self, step: int) -> Vector:
        """The gradients of the step of that number."""
        return np.random.default_rng([self.size, step]).standard_normal(self.size)

    def create(self) -> None:
        """Makes the session, of zeros."""
        with self._http() as http:
            answer = http.put(f"/v1/sessions/{self.name}", json={"shape": [self.size]}).raise_for_status()
        self._tag = answer.headers["etag"]

    def run(self, steps: int | None = None) -> None:
        """Steps until so many steps are acknowledged, or until told to stop."""
        with self._http() as http:
            while not self._stop.is_set() and (steps is None or self.acknowledged < steps):
                self._step(http, self.acknowledged + 1)

    def stop(self) -> None:
        """Ends `run` once the step under way is known."""
        self._stop.set()

    def _http(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, trust_env=False, timeout=PATIENCE_S)

    def _step(self, http: httpx.Client, number: int) -> None:
        grads, headers = self.grads(number), {"Idempotency-Key": f"{self.name}-{number}", "If-Match": self._tag}
        content, body = grads.tobytes(), {"grads": grads.tolist()}
        end = time.monotonic() + STEP_PATIENCE_S
        while True:
            assert time.monotonic() < end, f"step {number} of {self.name} was not answered"
            self.sent += 1
            try:
                path = f"/v1/sessions/{self.name}/step"
                if self.raw:
                    answer = http.post(path, content=content, headers={**headers, "Content-Type": RAW})
                else:
                    answer = http.post(path, json=body, headers=headers)
            except httpx.TransportError:
                time.sleep(0.02)  # the service is being started: there is nobody to ask when it is there
                continue
            if answer.status_code != 503:
                break
        assert answer.status_code == 200, answer.text
        assert int(answer.headers["stepd-applied-step"]) == number
        assert int(answer.headers["stepd-step"]) == number, "a step was taken twice, or by somebody else"
        self.replays += answer.headers.get("idempotent-replayed") == "true"
        self._tag, self.acknowledged = answer.headers["etag"], number

    def verify(self) -> None:
        """The session is where this client believes it, bit for bit what its gradients make of zeros."""
        with self._http() as http:
            state = http.get(f"/v1/sessions/{self.name}/state").raise_for_status().json()
        assert state["step"] == self.acknowledged
        textbook, params = Adadelta(), np.zeros(self.size)
        for number in range(1, self.acknowledged + 1):
            params = textbook.update(params, self.grads(number))
        if textbook.state is not None:
            for name, slot in textbook.state.items():
                assert np.array(state["state"][name]).tobytes() == slot.tobytes(), f"{self.name}: {name} differs"
        assert np.array(state["params"]).tobytes() == params.tobytes(), f"{self.name}: params differ"
