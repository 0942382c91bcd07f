"""GET and PUT state, POST reset: a session's whole state out, in, and back to zero."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from stepd.api.answers import about_answer, encode_checkpoint, session_headers, vector_answer
from stepd.api.body import refuse_body
from stepd.api.direct import DirectRoute
from stepd.api.headers import preconditions, query, session_key
from stepd.api.models import CheckpointBody
from stepd.api.openapi.operations import GET_STATE, PUT_STATE, RESET
from stepd.api.service import Service, answer_bytes, timed_encode
from stepd.engine.contract import Restoration
from stepd.optimizers import resolve
from stepd.values import DTYPES, Checkpoint


def checkpoint_routes(service: Service) -> list[DirectRoute]:
    async def get_state(request: Request) -> Response:
        key = session_key(request.path_params["session_id"])
        async with service.engine.using(key) as about:
            service.judge_format(request, body=False)
            query(request.scope["query_string"], ())
            vectors = 1 + len(about.optimizer.rule.slots)
            service.reserve(request, answer_bytes(about.tensors, vectors))
            with timed_encode(request):
                read = await service.engine.checkpoint(key, encode_checkpoint, preconditions(request.headers))
        if read.encoded is None:
            return Response(None, 304, session_headers(read.tag))
        return vector_answer(read.encoded, session_headers(read.tag))

    async def put_state(request: Request) -> Response:
        key = session_key(request.path_params["session_id"])
        service.judge_format(request, body=True)
        query(request.scope["query_string"], ())
        conditions = preconditions(request.headers)
        reservation = service.reserve(request, 0)
        restoration = await service.read(request, CheckpointBody, reservation, partial(_decode, service))
        about, created = await service.engine.restore(key, restoration, conditions)
        return about_answer(about, 201 if created else 200)

    async def reset(request: Request) -> Response:
        key = session_key(request.path_params["session_id"])
        async with service.engine.using(key):
            service.judge_format(request, body=False)
            query(request.scope["query_string"], ())
            await refuse_body(request)
            return about_answer(await service.engine.reset(key, preconditions(request.headers)))

    return [
        DirectRoute("GET", "/v1/sessions/{session_id}/state", get_state, GET_STATE),
        DirectRoute("PUT", "/v1/sessions/{session_id}/state", put_state, PUT_STATE),
        DirectRoute("POST", "/v1/sessions/{session_id}/reset", reset, RESET),
    ]


def _decode(service: Service, body: CheckpointBody) -> Restoration:
    dtype = DTYPES[body.dtype]
    optimizer = resolve(body.optimizer, dtype)
    params = service.decode(body.params, "params", dtype)
    slots = service.decode_state(body.state, optimizer, params.tensors)
    checkpoint = Checkpoint(optimizer.resolved(), params.tensors, body.step, params.flat, slots)
    return Restoration(optimizer, checkpoint, body.digest, body.ttl_s, body.labels)
