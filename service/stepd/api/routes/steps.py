"""POST step: gradients in, params out; with a session, and without one."""

from __future__ import annotations

from stepd.api.answers import VARY, Answer, encode_once, encode_params, session_headers
from stepd.api.call import Call
from stepd.api.headers import idempotency_key, number, preconditions, prefers_minimal, query, session_key
from stepd.api.models import StepBody, StepOnceBody
from stepd.api.openapi.operations import STEP, STEP_ONCE
from stepd.api.routing import DirectRoute
from stepd.api.service import Service, answer_bytes
from stepd.engine.contract import About, StepRequest
from stepd.errors import HyperParameterInvalid
from stepd.optimizers import Optimizer, resolve
from stepd.sessions.session import vector_bytes
from stepd.values import DTYPES, Checkpoint, Values


def steps_routes(service: Service) -> list[DirectRoute]:
    async def step(call: Call) -> Answer:
        key = session_key(call.session_id)
        async with service.engine.using(key) as about:
            service.judge_format(call, body=True, key=True)
            minimal = prefers_minimal(call.headers)
            # Beside the session: the new params and slots, until they take the place of the old.
            computing = 0 if about.tensors is None else vector_bytes(about.optimizer, about.tensors)
            reservation = service.reserve(call, computing + (0 if minimal else answer_bytes(about.tensors)))
            lr_text = dict(query(call.query_string, ("lr",))).get("lr")
            idempotency, conditions = idempotency_key(call.headers), preconditions(call.headers)

            def decode(body: StepBody) -> StepRequest:
                lr = None if lr_text is None else _lr(lr_text, about)
                grads, params = _vectors(service, body, about)
                return StepRequest(grads, params, lr, idempotency, conditions)

            step_request = await service.read(call, StepBody, reservation, decode)
            if about.tensors is None:
                tensors = step_request.grads.tensors
                reservation.grow(vector_bytes(about.optimizer, tensors) + (0 if minimal else answer_bytes(tensors)))
            answer = await service.engine.step(key, step_request, _nothing if minimal else encode_params)
        call.step_s, call.encode_s = answer.step_s, answer.encode_s
        headers = session_headers(answer.tag)
        headers.append((b"stepd-step", b"%d" % answer.step))
        headers.append((b"stepd-applied-step", b"%d" % answer.applied_step))
        if answer.replayed:
            headers.append((b"idempotent-replayed", b"true"))
        if minimal:
            headers.append((b"preference-applied", b"return=minimal"))
            return Answer(204, headers)
        return Answer(200, headers, answer.encoded)

    async def step_once(call: Call) -> Answer:
        service.judge_format(call, body=True)
        query(call.query_string, ())
        reservation = service.reserve(call, 0)

        def decode(body: StepOnceBody) -> tuple[Optimizer, Checkpoint, Values]:
            dtype = DTYPES[body.dtype]
            optimizer = resolve(body.optimizer, dtype)
            params = service.decode(body.params, "params", dtype)
            tensors = params.tensors
            grads = service.decode(body.grads, "grads", dtype, tensors)
            before_and_after = 2 * vector_bytes(optimizer, tensors)
            reservation.grow(before_and_after + answer_bytes(tensors, 1 + len(optimizer.rule.slots)))
            if body.state is None:
                slots = {name: tensors.zeros() for name in optimizer.rule.slot_names}
            else:
                slots = service.decode_state(body.state, optimizer, tensors)
            return optimizer, Checkpoint(optimizer.resolved(), tensors, 0, params.flat, slots), grads

        optimizer, start, grads = await service.read(call, StepOnceBody, reservation, decode)
        answer = await service.engine.step_once(optimizer, start, grads, encode_once)
        call.step_s, call.encode_s = answer.step_s, answer.encode_s
        return Answer(200, (VARY,), answer.encoded)

    return [
        DirectRoute("POST", "/v1/sessions/{session_id}/step", step, STEP),
        DirectRoute("POST", "/v1/step", step_once, STEP_ONCE),
    ]


def _vectors(service: Service, body: StepBody, about: About) -> tuple[Values, Values | None]:
    params = None
    if body.has("params"):
        params = service.decode(body.params, "params", about.dtype, about.tensors)
    expected = about.tensors if params is None else params.tensors
    return service.decode(body.grads, "grads", about.dtype, expected), params


def _lr(text: str, about: About) -> float:
    value = number("lr", text)
    try:
        return about.optimizer.check_lr(value, about.dtype)
    except HyperParameterInvalid as invalid:  # it stands in the query: there is no place in the body to point at
        raise HyperParameterInvalid(f"in the query, {invalid.detail}") from None


def _nothing(step: int, params: Values) -> bytes:
    return b""
