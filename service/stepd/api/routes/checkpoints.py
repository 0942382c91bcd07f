"""GET and PUT state, POST reset: a session's whole state out, in, and back to zero."""

from __future__ import annotations

from functools import partial
from typing import Any

from stepd.api.answers import Answer, about_answer, session_headers
from stepd.api.body import refuse_body
from stepd.api.call import Call
from stepd.api.encoding import ENCODE_STATE, answer_bytes
from stepd.api.formats import DOCUMENT, OF_STATE, STATE, agree
from stepd.api.headers import preconditions, query, session_key, whole_number
from stepd.api.models import CheckpointBody, validated
from stepd.api.openapi.operations import GET_STATE, PUT_STATE, RESET, SNAPSHOT
from stepd.api.routing import DirectRoute
from stepd.api.service import Service, timed_encode
from stepd.engine.contract import Restoration
from stepd.optimizers import resolve
from stepd.sessions.session import vector_bytes
from stepd.values import DTYPES, MAX_STEP, Checkpoint


def checkpoint_routes(service: Service) -> list[DirectRoute]:
    async def get_state(call: Call) -> Answer:
        key = session_key(call.session_id)
        async with service.engine.using(key) as layout:
            agreed = agree(call, service.settings, STATE)
            given = dict(query(call.query_string, ("at_step", "incarnation")))
            vectors = 1 + len(layout.optimizer.rule.slots)
            reservation = service.reserve(call, answer_bytes(agreed.answer, layout.tensors, vectors))
            encode = ENCODE_STATE[agreed.answer]
            if given:
                at = whole_number("at_step", given["at_step"], 0, MAX_STEP) if "at_step" in given else None
                # Beside the session: its state then, which is made anew.
                reservation.grow(0 if layout.tensors is None else vector_bytes(layout.optimizer, layout.tensors))
                with timed_encode(call):
                    then = await service.engine.checkpoint_at(key, at, given.get("incarnation"), encode)
                return Answer(200, session_headers(then.tag), then.encoded, agreed.answer)
            with timed_encode(call):
                read = await service.engine.checkpoint(key, encode, preconditions(call.headers))
        if read.encoded is None:
            return Answer(304, session_headers(read.tag))
        return Answer(200, session_headers(read.tag), read.encoded, agreed.answer)

    async def put_state(call: Call) -> Answer:
        key = session_key(call.session_id)
        agreed = agree(call, service.settings, DOCUMENT, OF_STATE)
        query(call.query_string, ())
        conditions = preconditions(call.headers)
        reservation = service.reserve(call, 0)
        restoration = await service.read(call, agreed, OF_STATE, partial(_decode, service), reservation)
        about, created = await service.engine.restore(key, restoration, conditions)
        return about_answer(about, 201 if created else 200)

    async def reset(call: Call) -> Answer:
        key = session_key(call.session_id)
        async with service.engine.using(key):
            agree(call, service.settings, DOCUMENT)
            query(call.query_string, ())
            await refuse_body(call)
            return about_answer(await service.engine.reset(key, preconditions(call.headers)))

    async def snapshot(call: Call) -> Answer:
        key = session_key(call.session_id)
        async with service.engine.using(key):
            agree(call, service.settings, DOCUMENT)
            query(call.query_string, ())
            await refuse_body(call)
            return about_answer(await service.engine.snapshot(key))

    return [
        DirectRoute("POST", "/v1/sessions/{session_id}/snapshot", snapshot, SNAPSHOT),
        DirectRoute("GET", "/v1/sessions/{session_id}/state", get_state, GET_STATE),
        DirectRoute("PUT", "/v1/sessions/{session_id}/state", put_state, PUT_STATE),
        DirectRoute("POST", "/v1/sessions/{session_id}/reset", reset, RESET),
    ]


def _decode(service: Service, document: Any) -> Restoration:
    body = validated(CheckpointBody, document)
    dtype = DTYPES[body.dtype]
    optimizer = resolve(body.optimizer, dtype)
    params = service.decode(body.params, "params", dtype)
    slots = service.decode_state(body.state, optimizer, params.tensors)
    checkpoint = Checkpoint(optimizer.resolved(), params.tensors, body.step, params.flat, slots)
    return Restoration(optimizer, checkpoint, body.digest, body.ttl_s, body.labels, body.durability)
