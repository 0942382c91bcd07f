"""Create, list, read and delete sessions."""

from __future__ import annotations

import base64
from functools import partial
from typing import Any

from stepd.api.answers import Answer, about_answer, json_answer, session_document
from stepd.api.body import refuse_body
from stepd.api.call import Call
from stepd.api.formats import DOCUMENT, OF_CREATE, agree
from stepd.api.headers import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, preconditions, query, session_key, whole_number
from stepd.api.models import CreateBody, validated
from stepd.api.openapi.operations import CREATE, CREATE_UNDER_ID, DELETE, GET_SESSION, LIST
from stepd.api.routing import DirectRoute
from stepd.api.service import Service, document_bytes
from stepd.engine.contract import About, Creation
from stepd.errors import FieldError, InvalidField, InvalidQuery
from stepd.optimizers import resolve
from stepd.values import DEFAULT_TENANT, DTYPES, SESSION_ID, SessionKey, new_session_id
from stepd.wire.arrays import decode_shape


def sessions_routes(service: Service) -> list[DirectRoute]:
    async def created(call: Call, key: SessionKey) -> tuple[About, bool]:
        agreed = agree(call, service.settings, DOCUMENT, OF_CREATE)
        query(call.query_string, ())
        conditions = preconditions(call.headers)
        reservation = service.reserve(call, 0)
        creation = await service.read(call, agreed, OF_CREATE, partial(_decode, service), reservation)
        return await service.engine.create(key, creation, conditions)

    async def create_under_id(call: Call) -> Answer:
        about, is_new = await created(call, session_key(call.session_id))
        return about_answer(about, 201 if is_new else 200)

    async def create(call: Call) -> Answer:
        key = SessionKey(DEFAULT_TENANT, new_session_id())
        about, _ = await created(call, key)
        return about_answer(about, 201, [(b"location", f"/v1/sessions/{key.id}".encode())])

    async def list_sessions(call: Call) -> Answer:
        agree(call, service.settings, DOCUMENT)
        pairs = query(call.query_string, ("page_size", "page_token"), repeated="label")
        labels: dict[str, str] = {}
        for label in (text for name, text in pairs if name == "label"):
            name, equals, value = label.partition("=")
            if not equals or labels.setdefault(name, value) != value:
                raise InvalidQuery(f"label is {label[:60]!r}; it must be name=value, one per name")
        given = dict(pairs)
        size = DEFAULT_PAGE_SIZE
        if "page_size" in given:
            size = whole_number("page_size", given["page_size"], 1, MAX_PAGE_SIZE)
        after = _id_of_token(given["page_token"]) if "page_token" in given else ""
        page, following = await service.engine.list(DEFAULT_TENANT, after, size, labels)
        service.reserve(call, sum(map(document_bytes, page)))
        token = None if following is None else base64.urlsafe_b64encode(following.encode()).decode()
        return json_answer({"sessions": [session_document(about) for about in page], "next_page_token": token})

    async def get_session(call: Call) -> Answer:
        key = session_key(call.session_id)
        async with service.engine.using(key):
            agree(call, service.settings, DOCUMENT)
            query(call.query_string, ())
            about = await service.engine.describe(key)
            service.reserve(call, document_bytes(about))
            return about_answer(about)

    async def delete(call: Call) -> Answer:
        key = session_key(call.session_id)
        async with service.engine.using(key):
            agree(call, service.settings, DOCUMENT)
            query(call.query_string, ())
            await refuse_body(call)
            await service.engine.delete(key, preconditions(call.headers))
        return Answer(204, ())

    return [
        DirectRoute("PUT", "/v1/sessions/{session_id}", create_under_id, CREATE_UNDER_ID),
        DirectRoute("POST", "/v1/sessions", create, CREATE),
        DirectRoute("GET", "/v1/sessions", list_sessions, LIST),
        DirectRoute("GET", "/v1/sessions/{session_id}", get_session, GET_SESSION),
        DirectRoute("DELETE", "/v1/sessions/{session_id}", delete, DELETE),
    ]


def _decode(service: Service, document: Any) -> Creation:
    body = validated(CreateBody, document)
    dtype = DTYPES[body.dtype]
    optimizer = resolve(body.optimizer, dtype)
    tensors = params = None
    if body.has("shape"):
        if body.has("params"):
            detail = "params and shape are both there; send params, or a shape to start from zeros"
            raise InvalidField(detail, errors=[FieldError("/shape", detail)])
        tensors = decode_shape(body.shape, dtype, max_tensors=service.settings.max_tensors)
    elif body.has("params"):
        values = service.decode(body.params, "params", dtype)
        tensors, params = values.tensors, values.flat
    return Creation(optimizer, dtype, tensors, params, body.ttl_s, body.labels, body.durability)


def _id_of_token(token: str) -> str:
    try:
        after = base64.urlsafe_b64decode(token.encode()).decode()
    except ValueError:  # of base64 and of UTF-8
        after = ""
    if not SESSION_ID.match(after):
        raise InvalidQuery(f"page_token is {token[:40]!r}; send back a next_page_token as it came")
    return after
