"""What the OpenAPI document says of each operation: one constant per route, in the order of the examples' story."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from stepd.api import formats, models
from stepd.api.catalogue import catalogue_document
from stepd.api.formats import DOCUMENT, PARAMS, STATE, Form
from stepd.api.openapi import examples
from stepd.api.openapi.links import AFTER_LIST, AFTER_PARAMS, AFTER_SESSION, AFTER_STATE
from stepd.api.openapi.parameters import (
    AT_STEP,
    CREATE_ONLY,
    IDEMPOTENCY_KEY,
    IF_MATCH,
    IF_NONE_MATCH,
    INCARNATION,
    LABEL,
    LR,
    PAGE_SIZE,
    PAGE_TOKEN,
    PREFER,
    SESSION_ID,
    TIMEOUT_S,
    WAIT_FOR_STEP,
)
from stepd.api.openapi.responses import OF_MINIMAL_STEP, OF_SESSION, OF_STEP, headers, problem
from stepd.api.openapi.schemas import Json, reference
from stepd.wire.json import MEDIA_TYPE as JSON

# As generators know it.
BINARY: Json = {"type": "string", "format": "binary"}

READ = (400, 404, 406)
WRITE = (*READ, 403, 412, 413, 415, 422, 503)


def _operation(
    operation_id: str,
    summary: str,
    description: str,
    *,
    answer: type[BaseModel] | None = None,
    example: Any = None,
    status: int = 200,
    also: dict[int, str] | None = None,
    head: tuple[str, ...] = ("Vary",),
    heads: dict[int, tuple[str, ...]] | None = None,
    links: Json | None = None,
    body: type[BaseModel] | None = None,
    request: Any = None,
    takes: tuple[Json, ...] = (),
    problems: tuple[int, ...] = (),
    tag: str = "sessions",
    form: Form | None = None,
    gives: tuple[str, ...] = DOCUMENT,
) -> Json:
    """An Operation Object.

    `answer` and `links` are those of 200 and 201, `head` names the headers of each answer that is no problem; `heads`
    those of a status that has others. `form` and `gives` say which formats there are; models describe JSON.
    """
    responses: Json = {}
    for number, meaning in sorted({status: summary, **(also or {})}.items()):
        responses[str(number)] = response = {
            "description": meaning,
            "headers": headers((heads or {}).get(number, head)),
        }
        if answer is not None and number in (200, 201):
            response["content"] = _content(answer, example, gives)
            if links is not None:
                response["links"] = links
    for number in sorted({*problems, 500}):
        responses[str(number)] = problem(number)
    operation: Json = {"operationId": operation_id, "summary": summary, "description": description, "tags": [tag]}
    if takes:
        operation["parameters"] = list(takes)
    if body is not None:
        takes_formats = DOCUMENT if form is None else form.takes
        operation["requestBody"] = {"required": True, "content": _content(body, request, takes_formats)}
    return operation | {"responses": responses}


def _content(model: type[BaseModel], example: Any, media_types: tuple[str, ...]) -> Json:
    """Media types by name; what is in a binary one no schema says, but docs/protocol.md."""
    content: Json = {media_type: {"schema": dict(BINARY)} for media_type in media_types}
    content[JSON] = {"schema": reference(model.__name__), "example": example}
    return content


# Every model that an operation refers to.
DOCUMENTED_MODELS: tuple[type[BaseModel], ...] = (
    models.CreateBody, models.StepBody, models.ParamsBody, models.CheckpointBody, models.StepOnceBody,
    models.SessionDocument, models.SessionList, models.ParamsDocument, models.CheckpointDocument,
    models.StepOnceDocument, models.ForkBody, models.HistoryDocument,
    models.OptimizerList, models.InfoDocument, models.HealthDocument, models.Problem,
)  # fmt: skip

CREATE_UNDER_ID = _operation(
    "create_session_under_id", "Create a session under a chosen id",
    "201 where it is new, 200 where it exists and was created from the same spec: nothing is reset. Send `params`, or "
    "`shape` for zeros, or neither: then the session is unshaped until its first step that carries params.",
    answer=models.SessionDocument, example=examples.SESSION, status=201,
    also={200: "It exists, created from the same spec"}, head=OF_SESSION, links=AFTER_SESSION,
    body=models.CreateBody, request=examples.CREATE, takes=(SESSION_ID, CREATE_ONLY, IF_MATCH),
    problems=(400, 403, 406, 409, 412, 413, 415, 422, 503, 507),
    form=formats.OF_CREATE,
)  # fmt: skip
CREATE = _operation(
    "create_session", "Create a session under an id that the service makes",
    "Location names it. Sent again it makes another session, so clients do not retry it.",
    answer=models.SessionDocument, example=examples.NAMED, status=201, head=(*OF_SESSION, "Location"),
    links=AFTER_SESSION, body=models.CreateBody,
    request={"optimizer": {"name": "sgd", "momentum": 0.9}, "shape": {"w": [64, 10], "b": [10]}, "dtype": "float32"},
    problems=(400, 403, 406, 412, 413, 415, 422, 503, 507),
    form=formats.OF_CREATE,
)  # fmt: skip
STEP = _operation(
    "step", "Take a step: gradients in, params out",
    "With `params`, these replace the session's in the same atomic step, before the rule. Send If-Match and an "
    "Idempotency-Key: then the step is taken once, however often it is sent.",
    answer=models.ParamsDocument, example={"step": 1, "params": examples.STEPPED},
    also={204: "Taken; with `Prefer: return=minimal`"}, head=OF_STEP, heads={204: OF_MINIMAL_STEP}, links=AFTER_PARAMS,
    body=models.StepBody, request={"grads": [0.5, -0.5]},
    takes=(SESSION_ID, LR, IF_MATCH, IDEMPOTENCY_KEY, PREFER), problems=(*WRITE, 507), tag="steps",
    form=formats.OF_STEP, gives=PARAMS,
)  # fmt: skip
SNAPSHOT = _operation(
    "snapshot", "Write the session down now",
    "200 when the session as it is now is in the store. One that is kept in memory alone is 422 not-durable.",
    answer=models.SessionDocument, example=examples.STEPPED_SESSION, head=OF_SESSION, links=AFTER_SESSION,
    takes=(SESSION_ID,), problems=(*READ, 403, 422, 503, 507),
    tag="params and state",
)  # fmt: skip
STEPS = _operation(
    "steps", "List the steps that were taken",
    "Those that the journal keeps, in order, of the current incarnation unless another is named.",
    answer=models.HistoryDocument, example=examples.HISTORY,
    takes=(SESSION_ID, INCARNATION, PAGE_SIZE, PAGE_TOKEN), problems=(*READ, 413, 422, 503),
    tag="history",
)  # fmt: skip
FORK = _operation(
    "fork", "Go on from a state of this session in a new one",
    "The new session has the params, slots and step of that state, and other hyper-parameters where asked. Its id is "
    "chosen or made; where it exists already the answer is 409.",
    answer=models.SessionDocument, example=examples.FORKED, status=201, head=(*OF_SESSION, "Location"),
    links=AFTER_SESSION, body=models.ForkBody, request={"id": "run-7-again", "at_step": 1, "optimizer": {"lr": 0.5}},
    takes=(SESSION_ID,), problems=(400, 403, 404, 406, 409, 413, 415, 422, 503, 507),
    form=formats.OF_FORK, tag="history",
)  # fmt: skip
GET_PARAMS = _operation(
    "get_params", "Read the params, or wait for them",
    "With `wait_for_step` the answer comes when that step is taken, the incarnation changes, the time is over or the "
    "service drains: then with what is there.",
    answer=models.ParamsDocument, example={"step": 1, "params": examples.STEPPED},
    also={304: "The caller has this state"}, head=OF_SESSION, links=AFTER_PARAMS,
    takes=(SESSION_ID, IF_NONE_MATCH, WAIT_FOR_STEP, TIMEOUT_S),
    problems=(*READ, 413, 422, 503), tag="params and state",
    gives=PARAMS,
)  # fmt: skip
GET_STATE = _operation(
    "get_state", "Read the whole session as a checkpoint",
    "Params, slots, step and optimizer, with a digest over their bytes. PUT state takes it as it is.",
    answer=models.CheckpointDocument, example=examples.CHECKPOINT, head=OF_SESSION, links=AFTER_STATE,
    also={304: "The caller has this state"}, takes=(SESSION_ID, AT_STEP, INCARNATION, IF_NONE_MATCH),
    problems=(*READ, 413, 422, 503, 507),
    tag="params and state",
    gives=STATE,
)  # fmt: skip
PUT_PARAMS = _operation(
    "put_params", "Replace the params", "Slots and step stay; the incarnation is new.",
    answer=models.SessionDocument, example=examples.STEPPED_SESSION, head=OF_SESSION, links=AFTER_SESSION,
    body=models.ParamsBody, request={"params": [1.0, 2.0]}, takes=(SESSION_ID, IF_MATCH), problems=(*WRITE, 507),
    tag="params and state",
    form=formats.OF_PARAMS,
)  # fmt: skip
PUT_STATE = _operation(
    "put_state", "Restore a checkpoint, here or under a new id",
    "Shape, dtype, optimizer and digest are checked, never skipped. `ttl_s` and `labels` hold where it creates.",
    answer=models.SessionDocument, example=examples.RESTORED, also={201: "Created from it"},
    head=OF_SESSION, links=AFTER_SESSION, body=models.CheckpointBody, request=examples.CHECKPOINT,
    takes=(SESSION_ID, IF_MATCH, CREATE_ONLY), problems=(400, 403, 406, 412, 413, 415, 422, 503, 507),
    tag="params and state",
    form=formats.OF_STATE,
)  # fmt: skip
RESET = _operation(
    "reset", "Set the slots to zero and the step to 0", "Params and shape stay; the incarnation is new.",
    answer=models.SessionDocument, example=examples.RESET, head=OF_SESSION, links=AFTER_SESSION,
    takes=(SESSION_ID, IF_MATCH), problems=(*READ, 403, 412, 507),
    tag="params and state",
)  # fmt: skip
GET_SESSION = _operation(
    "get_session", "Read what a session is", "The optimizer resolved in full, tensors, step, incarnation, times.",
    answer=models.SessionDocument, example=examples.RESET, head=OF_SESSION, links=AFTER_SESSION,
    takes=(SESSION_ID,), problems=(*READ, 413, 503),
)  # fmt: skip
LIST = _operation(
    "list_sessions", "List sessions", "Ids in order, a page at a time.",
    answer=models.SessionList, example={"sessions": [examples.RESET], "next_page_token": None}, links=AFTER_LIST,
    takes=(PAGE_SIZE, PAGE_TOKEN, LABEL), problems=(400, 406, 413, 503),
)  # fmt: skip
DELETE = _operation(
    "delete_session", "Delete a session", "Its id is free again.",
    status=204, also={204: "Deleted"}, head=(), takes=(SESSION_ID, IF_MATCH), problems=(*READ, 403, 412),
)  # fmt: skip
STEP_ONCE = _operation(
    "step_once", "Take a step without a session",
    "State in, state out; `state` absent means zeros. The same rules and the same bits.",
    answer=models.StepOnceDocument, example={"params": examples.STEPPED, "state": examples.STATE},
    body=models.StepOnceBody,
    request={"optimizer": {"name": "adadelta"}, "params": [1.0, 2.0], "grads": [0.5, -0.5]},
    problems=(400, 403, 406, 413, 415, 422, 503, 507), tag="steps",
    form=formats.OF_STEP_ONCE, gives=STATE,
)  # fmt: skip
OPTIMIZERS = _operation(
    "list_optimizers", "The catalogue of optimizers", "Hyper-parameters with ranges and defaults, slots, formula.",
    answer=models.OptimizerList, example=catalogue_document(), problems=(400, 406), tag="service",
)  # fmt: skip
INFO = _operation(
    "info", "What the service is", "Version, driver, formats, limits, durability.",
    answer=models.InfoDocument, example=examples.INFO, problems=(400, 406), tag="service",
)  # fmt: skip
LIVEZ = _operation(
    "livez", "Whether the process is alive", "Always 200.",
    answer=models.HealthDocument, example={"status": "alive"}, tag="service",
)  # fmt: skip
READYZ = _operation(
    "readyz", "Whether requests should come here", "503 before start-up has ended, and from SIGTERM on.",
    answer=models.HealthDocument, example={"status": "ready"}, problems=(503,), tag="service",
)  # fmt: skip
