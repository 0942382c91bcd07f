"""What the OpenAPI document says of each operation: one constant per route, with an example that a test runs.

The examples read as one story, in the order of the file: session `run-7` is created, stepped, read and deleted. They
are real: a test tells the story to a service and compares what it answers.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

import stepd
from stepd.api import models
from stepd.api.catalogue import catalogue_document
from stepd.api.problems import MEDIA_TYPE as PROBLEM_MEDIA_TYPE
from stepd.wire.json import MEDIA_TYPE

Json = dict[str, Any]

PROBLEM_MEANING = {
    400: "Malformed: body, header, query or id",
    403: "A browser sent it for a page of another origin",
    404: "No such session, or it has expired",
    406: "No format that Accept names can be given",
    409: "The id is taken by a session of another spec",
    412: "The session is not in the state that the request names",
    413: "The request is larger than the service takes",
    415: "The body's format is not read",
    422: "Understood, and impossible",
    503: "Not now; see Retry-After",
    507: "Sessions may take no more memory",
}

READ = (400, 404, 406)
WRITE = (*READ, 403, 412, 413, 415, 422, 503)

EXAMPLE_ID = "run-7"


def _parameter(name: str, place: str, description: str, schema: Json | None = None, example: Any = None) -> Json:
    parameter: Json = {"name": name, "in": place, "description": description, "schema": schema or {"type": "string"}}
    if place == "path":
        parameter["required"] = True
    if example is not None:
        parameter["example"] = example
    return parameter


SESSION_ID = _parameter(
    "session_id", "path", "1 to 64 letters, digits, '.', '_', '-'; the first a letter or digit",
    {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"}, EXAMPLE_ID,
)  # fmt: skip
IF_MATCH = _parameter(
    "If-Match", "header", "act only from exactly this state: an entity tag as ETag gave it, a list, or *"
)
IF_NONE_MATCH = _parameter("If-None-Match", "header", "entity tags that the caller has: 304 where one is the current")
CREATE_ONLY = _parameter("If-None-Match", "header", "`*`: 412 where the session exists")
IDEMPOTENCY_KEY = _parameter(
    "Idempotency-Key", "header", "one key per step, the same when it is resent: it is then taken once",
    {"type": "string", "minLength": 1, "maxLength": 255},
)  # fmt: skip
PREFER = _parameter("Prefer", "header", "`return=minimal`: 204 without params")
LR = _parameter("lr", "query", "this step's learning rate instead of the session's", {"type": "number", "minimum": 0})
WAIT_FOR_STEP = _parameter(
    "wait_for_step", "query", "wait until the session has taken so many steps", {"type": "integer", "minimum": 0}
)
TIMEOUT_S = _parameter(
    "timeout_s", "query", "how long to wait at most; 30 unless given", {"type": "number", "minimum": 0, "maximum": 60}
)
PAGE_SIZE = _parameter(
    "page_size", "query", "sessions per page; 100 unless given", {"type": "integer", "minimum": 1, "maximum": 1000}
)
PAGE_TOKEN = _parameter("page_token", "query", "next_page_token of the page before")
LABEL = _parameter("label", "query", "name=value; may be there several times, all must hold", None, "run=7")


def _operation(
    operation_id: str,
    summary: str,
    description: str,
    *,
    answer: type[BaseModel] | None = None,
    example: Any = None,
    status: int = 200,
    also: dict[int, str] | None = None,
    body: type[BaseModel] | None = None,
    request: Any = None,
    parameters: tuple[Json, ...] = (),
    problems: tuple[int, ...] = (),
    tag: str = "sessions",
) -> dict[str, Any]:
    """The keyword arguments of a DirectRoute."""
    responses: dict[int | str, Json] = {}
    for number, meaning in {status: summary, **(also or {})}.items():
        responses[number] = {"description": meaning}
        if answer is not None and number in (200, 201):
            responses[number]["content"] = {MEDIA_TYPE: {"schema": _reference(answer), "example": example}}
    for code in sorted({*problems, 500}):
        meaning = PROBLEM_MEANING.get(code, "The service failed")
        content = {PROBLEM_MEDIA_TYPE: {"schema": _reference(models.Problem)}}
        responses[code] = {"description": meaning, "content": content}
    extra: Json = {"parameters": list(parameters)} if parameters else {}
    if body is not None:
        extra["requestBody"] = {
            "required": True,
            "content": {MEDIA_TYPE: {"schema": _reference(body), "example": request}},
        }
    return {
        "operation_id": operation_id,
        "summary": summary,
        "description": description,
        "status_code": status,
        "responses": responses,
        "openapi_extra": extra,
        "tags": [tag],
        "response_model": None,
        "response_description": summary,
    }


def _reference(model: type[BaseModel]) -> Json:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


# Every model that an operation refers to; the application adds their schemas to the document.
DOCUMENTED_MODELS: tuple[type[BaseModel], ...] = (
    models.CreateBody, models.StepBody, models.ParamsBody, models.CheckpointBody, models.StepOnceBody,
    models.SessionDocument, models.SessionList, models.ParamsDocument, models.CheckpointDocument,
    models.StepOnceDocument, models.OptimizerList, models.InfoDocument, models.HealthDocument, models.Problem,
)  # fmt: skip

_OPTIMIZER: Json = {
    "name": "adadelta", "lr": 1.0, "rho": 0.95, "eps": 1e-06, "weight_decay": 0.0, "maximize": False,
}  # fmt: skip
_SESSION: Json = {
    "id": EXAMPLE_ID, "optimizer": _OPTIMIZER, "dtype": "float64", "shape": [2], "size": 2, "step": 0,
    "incarnation": "mfrggzdfmztwq", "bytes": 3316, "created_at": "2026-01-01T12:00:00.000Z",
    "updated_at": "2026-01-01T12:00:00.000Z", "ttl_s": 3600.0, "expires_at": "2026-01-01T13:00:00.000Z",
    "labels": {"run": "7"}, "durability": "memory",
}  # fmt: skip
_CREATE: Json = {
    "optimizer": {"name": "adadelta", "rho": 0.95}, "params": [1.0, 2.0], "ttl_s": 3600, "labels": {"run": "7"},
}  # fmt: skip
# A session with named tensors, under an id that the service made.
_NAMED: Json = {
    **_SESSION, "id": "2fn6zq7k5dw4r3x1y0c8b9a7me", "dtype": "float32", "shape": {"b": [10], "w": [64, 10]},
    "size": 650, "optimizer": {
        "name": "sgd", "lr": 0.001, "momentum": 0.9, "nesterov": False, "weight_decay": 0.0, "maximize": False,
    },
    "bytes": 8980, "ttl_s": None, "expires_at": None, "labels": {},
}  # fmt: skip
_STEPPED = [0.9955280429197062, 2.004471957080294]
_STATE: Json = {
    "square_avg": [0.012500000000000011, 0.012500000000000011],
    "acc_delta": [9.999200063994882e-07, 9.999200063994882e-07],
}  # fmt: skip
_DIGEST = "sha-256:094a443b51e5d034fbd83f5e32b102b23ec0b46c4a7514cefa3aee5b86cba7bd"
_INFO: Json = {
    "version": stepd.__version__, "driver": {"serving": "compiled", "compiled": "serving"},
    "formats": [MEDIA_TYPE], "dtypes": ["float64", "float32"], "durability": "memory",
    "limits": {
        "max_json_bytes": 16777216, "max_session_bytes": 4294967296, "max_in_flight_bytes": 2147483648,
        "max_tensors": 4096, "max_rank": 8, "max_tensor_name": 128, "max_wait_s": 60.0, "max_page_size": 1000,
        "max_idempotency_key": 255, "max_labels": 16, "max_label_name": 63, "max_label_value": 255,
        "max_ttl_s": 315360000, "max_head_bytes": 65536, "keys_per_session": 64,
    },
}  # fmt: skip

CREATE_UNDER_ID = _operation(
    "create_session_under_id", "Create a session under a chosen id",
    "201 where it is new, 200 where it exists and was created from the same spec: nothing is reset. Send `params`, or "
    "`shape` for zeros, or neither: then the session is unshaped until its first step that carries params.",
    answer=models.SessionDocument, example=_SESSION, status=201, also={200: "It exists, created from the same spec"},
    body=models.CreateBody, request=_CREATE, parameters=(SESSION_ID, CREATE_ONLY, IF_MATCH),
    problems=(400, 403, 406, 409, 412, 413, 415, 422, 503, 507),
)  # fmt: skip
CREATE = _operation(
    "create_session", "Create a session under an id that the service makes",
    "Location names it. Sent again it makes another session, so clients do not retry it.",
    answer=models.SessionDocument, example=_NAMED, status=201, body=models.CreateBody,
    request={"optimizer": {"name": "sgd", "momentum": 0.9}, "shape": {"w": [64, 10], "b": [10]}, "dtype": "float32"},
    problems=(400, 403, 406, 412, 413, 415, 422, 503, 507),
)  # fmt: skip
STEP = _operation(
    "step", "Take a step: gradients in, params out",
    "With `params`, these replace the session's in the same atomic step, before the rule. Send If-Match and an "
    "Idempotency-Key: then the step is taken once, however often it is sent.",
    answer=models.ParamsDocument, example={"step": 1, "params": _STEPPED},
    also={204: "Taken; with `Prefer: return=minimal`"}, body=models.StepBody, request={"grads": [0.5, -0.5]},
    parameters=(SESSION_ID, LR, IF_MATCH, IDEMPOTENCY_KEY, PREFER), problems=(*WRITE, 507), tag="steps",
)  # fmt: skip
GET_PARAMS = _operation(
    "get_params", "Read the params, or wait for them",
    "With `wait_for_step` the answer comes when that step is taken, the incarnation changes, the time is over or the "
    "service drains: then with what is there.",
    answer=models.ParamsDocument, example={"step": 1, "params": _STEPPED},
    also={304: "The caller has this state"}, parameters=(SESSION_ID, IF_NONE_MATCH, WAIT_FOR_STEP, TIMEOUT_S),
    problems=(*READ, 413, 422, 503), tag="params and state",
)  # fmt: skip
GET_STATE = _operation(
    "get_state", "Read the whole session as a checkpoint",
    "Params, slots, step and optimizer, with a digest over their bytes. PUT state takes it as it is.",
    answer=models.CheckpointDocument, parameters=(SESSION_ID, IF_NONE_MATCH),
    example={"optimizer": _OPTIMIZER, "dtype": "float64", "step": 1, "params": _STEPPED, "state": _STATE,
             "digest": _DIGEST},
    also={304: "The caller has this state"}, problems=(*READ, 413, 422, 503, 507), tag="params and state",
)  # fmt: skip
PUT_PARAMS = _operation(
    "put_params", "Replace the params", "Slots and step stay; the incarnation is new.",
    answer=models.SessionDocument, example={**_SESSION, "step": 1}, body=models.ParamsBody,
    request={"params": [1.0, 2.0]}, parameters=(SESSION_ID, IF_MATCH), problems=(*WRITE, 507), tag="params and state",
)  # fmt: skip
PUT_STATE = _operation(
    "put_state", "Restore a checkpoint, here or under a new id",
    "Shape, dtype, optimizer and digest are checked, never skipped. `ttl_s` and `labels` hold where it creates.",
    answer=models.SessionDocument, example={**_SESSION, "step": 1}, status=200, also={201: "Created from it"},
    body=models.CheckpointBody, request={"optimizer": _OPTIMIZER, "dtype": "float64", "step": 1, "params": _STEPPED,
                                         "state": _STATE, "digest": _DIGEST},
    parameters=(SESSION_ID, IF_MATCH, CREATE_ONLY), problems=(400, 403, 406, 412, 413, 415, 422, 503, 507),
    tag="params and state",
)  # fmt: skip
RESET = _operation(
    "reset", "Set the slots to zero and the step to 0", "Params and shape stay; the incarnation is new.",
    answer=models.SessionDocument, example=_SESSION, parameters=(SESSION_ID, IF_MATCH), problems=(*READ, 403, 412, 507),
    tag="params and state",
)  # fmt: skip
GET_SESSION = _operation(
    "get_session", "Read what a session is", "The optimizer resolved in full, tensors, step, incarnation, times.",
    answer=models.SessionDocument, example=_SESSION, parameters=(SESSION_ID,), problems=(*READ, 413, 503),
)  # fmt: skip
LIST = _operation(
    "list_sessions", "List sessions", "Ids in order, a page at a time.",
    answer=models.SessionList, example={"sessions": [_SESSION], "next_page_token": None},
    parameters=(PAGE_SIZE, PAGE_TOKEN, LABEL), problems=(400, 406, 413, 503),
)  # fmt: skip
DELETE = _operation(
    "delete_session", "Delete a session", "Its id is free again.",
    status=204, also={204: "Deleted"}, parameters=(SESSION_ID, IF_MATCH), problems=(*READ, 403, 412),
)  # fmt: skip
STEP_ONCE = _operation(
    "step_once", "Take a step without a session",
    "State in, state out; `state` absent means zeros. The same rules and the same bits.",
    answer=models.StepOnceDocument, example={"params": _STEPPED, "state": _STATE}, body=models.StepOnceBody,
    request={"optimizer": {"name": "adadelta"}, "params": [1.0, 2.0], "grads": [0.5, -0.5]},
    problems=(400, 403, 406, 413, 415, 422, 503, 507), tag="steps",
)  # fmt: skip
OPTIMIZERS = _operation(
    "list_optimizers", "The catalogue of optimizers", "Hyper-parameters with ranges and defaults, slots, formula.",
    answer=models.OptimizerList, example=catalogue_document(), problems=(400, 406), tag="service",
)  # fmt: skip
INFO = _operation(
    "info", "What the service is", "Version, driver, formats, limits, durability.",
    answer=models.InfoDocument, example=_INFO, problems=(400, 406), tag="service",
)  # fmt: skip
LIVEZ = _operation(
    "livez", "Whether the process is alive", "Always 200.",
    answer=models.HealthDocument, example={"status": "alive"}, tag="service",
)  # fmt: skip
READYZ = _operation(
    "readyz", "Whether requests should come here", "503 before start-up has ended, and from SIGTERM on.",
    answer=models.HealthDocument, example={"status": "ready"}, problems=(503,), tag="service",
)  # fmt: skip
