"""POST step: gradients in, params out; with a session, and without one."""

from __future__ import annotations

from typing import Any

from stepd.api.answers import VARY, Answer, session_headers
from stepd.api.call import Call
from stepd.api.encoding import ENCODE_ONCE, ENCODE_PARAMS, answer_bytes, nothing
from stepd.api.formats import OF_STEP, OF_STEP_ONCE, PARAMS, STATE, agree
from stepd.api.headers import idempotency_key, number, preconditions, prefers_minimal, query, session_key
from stepd.api.models import StepBody, StepOnceBody, validated
from stepd.api.openapi.operations import STEP, STEP_ONCE
from stepd.api.routing import DirectRoute
from stepd.api.service import Service
from stepd.engine.contract import Layout, StepRequest
from stepd.errors import HyperParameterInvalid
from stepd.optimizers import Optimizer, resolve
from stepd.sessions.session import vector_bytes
from stepd.values import DTYPES, Checkpoint, FloatArray, Values

_FIELDS = frozenset(StepBody.model_fields)


def steps_routes(service: Service) -> list[DirectRoute]:
    async def step(call: Call) -> Answer:
        key = session_key(call.session_id)
        async with service.engine.using(key) as layout:
            optimizer, tensors = layout.optimizer, layout.tensors
            agreed = agree(call, service.settings, PARAMS, OF_STEP, tensors, key=True)
            minimal = prefers_minimal(call.headers)
            # Beside the session: the new params and slots, where they can't take the place of the old at once.
            taking = 0 if tensors is None else vector_bytes(optimizer, tensors)
            reservation = service.reserve(call, taking + (0 if minimal else answer_bytes(agreed.answer, tensors)))
            lr_text = dict(query(call.query_string, ("lr",))).get("lr")
            idempotency, conditions = idempotency_key(call.headers), preconditions(call.headers)

            def decode(document: Any) -> StepRequest:
                lr = None if lr_text is None else _lr(lr_text, layout)
                grads, params = _vectors(service, document, layout)
                return StepRequest(grads, params, lr, idempotency, conditions)

            request = await service.read(call, agreed, OF_STEP, decode, reservation, layout)
            if tensors is None:
                given = request.grads.tensors
                reservation.grow(
                    vector_bytes(optimizer, given) + (0 if minimal else answer_bytes(agreed.answer, given))
                )
            answer = await service.engine.step(key, request, nothing if minimal else ENCODE_PARAMS[agreed.answer])
        call.step_s, call.encode_s = answer.step_s, answer.encode_s
        headers = session_headers(answer.tag)
        headers.append((b"stepd-step", b"%d" % answer.step))
        headers.append((b"stepd-applied-step", b"%d" % answer.applied_step))
        if answer.replayed:
            headers.append((b"idempotent-replayed", b"true"))
        if minimal:
            headers.append((b"preference-applied", b"return=minimal"))
            return Answer(204, headers)
        return Answer(200, headers, answer.encoded, agreed.answer)

    async def step_once(call: Call) -> Answer:
        agreed = agree(call, service.settings, STATE, OF_STEP_ONCE)
        query(call.query_string, ())
        reservation = service.reserve(call, 0)

        def decode(document: Any) -> tuple[Optimizer, Values, Values, dict[str, FloatArray] | None]:
            body = validated(StepOnceBody, document)
            dtype = DTYPES[body.dtype]
            optimizer = resolve(body.optimizer, dtype)
            params = service.decode(body.params, "params", dtype)
            grads = service.decode(body.grads, "grads", dtype, params.tensors)
            state = None if body.state is None else service.decode_state(body.state, optimizer, params.tensors)
            return optimizer, params, grads, state

        optimizer, params, grads, slots = await service.read(call, agreed, OF_STEP_ONCE, decode, reservation)
        tensors = params.tensors
        vectors = 1 + len(optimizer.rule.slots)
        reservation.grow(2 * vector_bytes(optimizer, tensors) + answer_bytes(agreed.answer, tensors, vectors))
        if slots is None:
            slots = {name: tensors.zeros() for name in optimizer.rule.slot_names}
        start = Checkpoint(optimizer.resolved(), tensors, 0, params.flat, slots)
        answer = await service.engine.step_once(optimizer, start, grads, ENCODE_ONCE[agreed.answer])
        call.step_s, call.encode_s = answer.step_s, answer.encode_s
        return Answer(200, (VARY,), answer.encoded, agreed.answer)

    return [
        DirectRoute("POST", "/v1/sessions/{session_id}/step", step, STEP),
        DirectRoute("POST", "/v1/step", step_once, STEP_ONCE),
    ]


def _vectors(service: Service, document: Any, layout: Layout) -> tuple[Values, Values | None]:
    if type(document) is not dict or document.keys() - _FIELDS or "grads" not in document:
        validated(StepBody, document)  # says what is wrong
    params = None
    if "params" in document:
        params = service.decode(document["params"], "params", layout.dtype, layout.tensors)
    expected = layout.tensors if params is None else params.tensors
    return service.decode(document["grads"], "grads", layout.dtype, expected), params


def _lr(text: str, layout: Layout) -> float:
    value = number("lr", text)
    try:
        return layout.optimizer.check_lr(value, layout.dtype)
    except HyperParameterInvalid as invalid:  # it stands in the query: there is no place in the body to point at
        raise HyperParameterInvalid(f"in the query, {invalid.detail}") from None
