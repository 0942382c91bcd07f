"""GET and PUT state, POST reset: a session's whole state out, in, and back to zero."""

from __future__ import annotations

from functools import partial

from stepd.api.answers import Answer, about_answer, encode_checkpoint, session_headers
from stepd.api.body import refuse_body
from stepd.api.call import Call
from stepd.api.headers import preconditions, query, session_key
from stepd.api.models import CheckpointBody
from stepd.api.openapi.operations import GET_STATE, PUT_STATE, RESET
from stepd.api.routing import DirectRoute
from stepd.api.service import Service, answer_bytes, timed_encode
from stepd.engine.contract import Restoration
from stepd.optimizers import resolve
from stepd.values import DTYPES, Checkpoint


def checkpoint_routes(service: Service) -> list[DirectRoute]:
    async def get_state(call: Call) -> Answer:
        key = session_key(call.session_id)
        async with service.engine.using(key) as about:
            service.judge_format(call, body=False)
            query(call.query_string, ())
            vectors = 1 + len(about.optimizer.rule.slots)
            service.reserve(call, answer_bytes(about.tensors, vectors))
            with timed_encode(call):
                read = await service.engine.checkpoint(key, encode_checkpoint, preconditions(call.headers))
        if read.encoded is None:
            return Answer(304, session_headers(read.tag))
        return Answer(200, session_headers(read.tag), read.encoded)

    async def put_state(call: Call) -> Answer:
        key = session_key(call.session_id)
        service.judge_format(call, body=True)
        query(call.query_string, ())
        conditions = preconditions(call.headers)
        reservation = service.reserve(call, 0)
        restoration = await service.read(call, CheckpointBody, reservation, partial(_decode, service))
        about, created = await service.engine.restore(key, restoration, conditions)
        return about_answer(about, 201 if created else 200)

    async def reset(call: Call) -> Answer:
        key = session_key(call.session_id)
        async with service.engine.using(key):
            service.judge_format(call, body=False)
            query(call.query_string, ())
            await refuse_body(call)
            return about_answer(await service.engine.reset(key, preconditions(call.headers)))

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
