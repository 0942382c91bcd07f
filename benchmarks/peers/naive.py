"""The naive service: what a user writes who wants an optimizer behind HTTP and has an afternoon.

FastAPI with a pydantic body, the textbook class in NumPy, sessions in a dict. It checks no shape, knows no retries,
and answers 500 where stepd explains. Its handlers are `async`: that is faster here than threads, and needs no lock.
`python -m benchmarks.peers.naive` serves it on a free port.
"""

import numpy as np
from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.peers.serving import serve
from benchmarks.peers.textbook import Adadelta, Vector


class Create(BaseModel):
    """The body of a creation."""

    params: list[float]


class Step(BaseModel):
    """The body of a step."""

    grads: list[float]
    params: list[float] | None = None


app = FastAPI()
sessions: dict[str, tuple[Adadelta, Vector]] = {}


@app.put("/sessions/{session_id}")
async def create(session_id: str, body: Create):  # noqa: ANN201 - a declared answer is validated too, which is slower
    """A session with zero state."""
    sessions[session_id] = Adadelta(), np.array(body.params)
    return {"id": session_id}


@app.post("/sessions/{session_id}/step")
async def step(session_id: str, body: Step):  # noqa: ANN201 - as above
    """Gradients in, params out."""
    optimizer, params = sessions[session_id]
    if body.params is not None:
        params = np.array(body.params)
    params = optimizer.update(params, np.array(body.grads))
    sessions[session_id] = optimizer, params
    return {"params": params.tolist()}


if __name__ == "__main__":
    serve(app)
