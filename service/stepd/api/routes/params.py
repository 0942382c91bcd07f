"""GET and PUT params: read them, wait for them, replace them."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import ClientDisconnect

from stepd.api.answers import Answer, about_answer, session_headers
from stepd.api.call import Call
from stepd.api.encoding import ENCODE_PARAMS, answer_bytes
from stepd.api.formats import DOCUMENT, OF_PARAMS, PARAMS, agree
from stepd.api.headers import DEFAULT_WAIT_S, preconditions, query, seconds, session_key, whole_number
from stepd.api.models import ParamsBody, validated
from stepd.api.openapi.operations import GET_PARAMS, PUT_PARAMS
from stepd.api.routing import DirectRoute
from stepd.api.service import Service, timed_encode
from stepd.errors import InvalidQuery
from stepd.values import MAX_STEP, SessionKey, Values


def params_routes(service: Service) -> list[DirectRoute]:
    async def get_params(call: Call) -> Answer:
        key = session_key(call.session_id)
        async with service.engine.using(key) as before:
            conditions = preconditions(call.headers)
            agreed = agree(call, service.settings, PARAMS, tensors=before.tensors)
            asked = _wait_asked_for(service, call)
            if asked is not None and not conditions.are_of_another_life(before.incarnation):
                await _wait(service, key, call, *asked)
            async with service.engine.using(key) as layout:
                if layout != before:  # there was a wait: what can be given may be another
                    agreed = agree(call, service.settings, PARAMS, tensors=layout.tensors)
                service.reserve(call, answer_bytes(agreed.answer, layout.tensors))
                with timed_encode(call):
                    read = await service.engine.params(key, ENCODE_PARAMS[agreed.answer], conditions)
        if read.encoded is None:
            return Answer(304, session_headers(read.tag))
        return Answer(200, session_headers(read.tag), read.encoded, agreed.answer)

    async def put_params(call: Call) -> Answer:
        key = session_key(call.session_id)
        async with service.engine.using(key) as layout:
            agreed = agree(call, service.settings, DOCUMENT, OF_PARAMS, layout.tensors)
            query(call.query_string, ())
            conditions = preconditions(call.headers)
            reservation = service.reserve(call, 0)

            def decode(document: Any) -> Values:
                body = validated(ParamsBody, document)
                return service.decode(body.params, "params", layout.dtype, layout.tensors)

            params = await service.read(call, agreed, OF_PARAMS, decode, reservation, layout)
            return about_answer(await service.engine.put_params(key, params, conditions))

    return [
        DirectRoute("GET", "/v1/sessions/{session_id}/params", get_params, GET_PARAMS),
        DirectRoute("PUT", "/v1/sessions/{session_id}/params", put_params, PUT_PARAMS),
    ]


def _wait_asked_for(service: Service, call: Call) -> tuple[int, float] | None:
    """The step to wait for and for how many seconds at most; None: answer at once. Raises InvalidQuery."""
    given = dict(query(call.query_string, ("wait_for_step", "timeout_s")))
    if "wait_for_step" not in given:
        if "timeout_s" in given:
            raise InvalidQuery("timeout_s goes with wait_for_step")
        return None
    step = whole_number("wait_for_step", given["wait_for_step"], 0, MAX_STEP)
    longest = service.settings.max_wait_s
    if "timeout_s" not in given:
        return step, min(DEFAULT_WAIT_S, longest)
    return step, seconds("timeout_s", given["timeout_s"], longest)


async def _wait(service: Service, key: SessionKey, call: Call, step: int, timeout_s: float) -> None:
    """Long-poll: returns when the engine's wait is over; raises ClientDisconnect when the caller has gone."""
    waiting = asyncio.ensure_future(service.engine.wait(key, step, timeout_s))
    gone = asyncio.ensure_future(_disconnected(call))
    try:
        await asyncio.wait((waiting, gone), return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            raise ClientDisconnect
        waiting.result()
    finally:
        waiting.cancel()
        gone.cancel()
        await asyncio.gather(waiting, gone, return_exceptions=True)


async def _disconnected(call: Call) -> None:
    while (await call.receive())["type"] != "http.disconnect":
        pass
