"""GET steps and POST fork: what a session was, and new sessions that go on from there."""

from __future__ import annotations

from functools import partial
from typing import Any

from stepd.api.answers import Answer, about_answer, history_document, json_answer
from stepd.api.call import Call
from stepd.api.formats import DOCUMENT, OF_FORK, agree
from stepd.api.headers import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, query, session_key, whole_number
from stepd.api.models import ForkBody, validated
from stepd.api.openapi.operations import FORK, STEPS
from stepd.api.routing import DirectRoute
from stepd.api.service import Service
from stepd.engine.contract import Fork
from stepd.sessions.session import vector_bytes
from stepd.values import DEFAULT_TENANT, MAX_STEP, SessionKey, new_session_id

# What a step takes in the document of a page, its key at its longest.
STEP_BYTES = 1024


def history_routes(service: Service) -> list[DirectRoute]:
    async def steps(call: Call) -> Answer:
        key = session_key(call.session_id)
        async with service.engine.using(key):
            agree(call, service.settings, DOCUMENT)
            given = dict(query(call.query_string, ("page_size", "page_token", "incarnation")))
            size, after = DEFAULT_PAGE_SIZE, 0
            if "page_size" in given:
                size = whole_number("page_size", given["page_size"], 1, MAX_PAGE_SIZE)
            if "page_token" in given:
                after = whole_number("page_token", given["page_token"], 0, MAX_STEP)
            service.reserve(call, size * STEP_BYTES)
            history = await service.engine.history(key, given.get("incarnation"), after, size)
            return json_answer(history_document(history))

    async def fork(call: Call) -> Answer:
        key = session_key(call.session_id)
        async with service.engine.using(key) as layout:
            agreed = agree(call, service.settings, DOCUMENT, OF_FORK)
            query(call.query_string, ())
            taking = 0 if layout.tensors is None else vector_bytes(layout.optimizer, layout.tensors)
            reservation = service.reserve(call, taking)
            body = await service.read(call, agreed, OF_FORK, partial(validated, ForkBody), reservation)
            new = SessionKey(DEFAULT_TENANT, new_session_id()) if body.id is None else session_key(body.id)
            about = await service.engine.fork(key, new, _fork(body))
        return about_answer(about, 201, [(b"location", f"/v1/sessions/{new.id}".encode())])

    return [
        DirectRoute("GET", "/v1/sessions/{session_id}/steps", steps, STEPS),
        DirectRoute("POST", "/v1/sessions/{session_id}/fork", fork, FORK),
    ]


def _fork(body: ForkBody) -> Fork:
    hyper: dict[str, Any] = body.optimizer
    return Fork(body.at_step, body.incarnation, hyper, body.ttl_s, body.labels, body.durability)
