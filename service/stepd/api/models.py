"""Control bodies (checked by pydantic) and the documents that answers hold (for OpenAPI). Vectors pass by these models.

A vector stands here as `Tensors`, which pydantic lets pass: nested arrays of finite numbers in C order, or an object of
such by tensor name. Names and descriptions of the fields are those of docs/protocol.md, which is made from them.
"""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, WithJsonSchema

from stepd.api.openapi.schemas import ID, beside_models
from stepd.errors import MAX_FIELD_ERRORS, FieldError, InvalidField, MissingField, UnknownField
from stepd.records import Durability
from stepd.values import MAX_STEP

MAX_LABELS = 16
MAX_LABEL_NAME = 63
MAX_LABEL_VALUE = 255
DIGEST = "^sha-256:[0-9a-f]{64}$"
LABEL_NAME = "^[^=]+$"
MAX_TTL_S = 10 * 365 * 86_400  # ten years: beyond it a date no longer means much

Tensors = Annotated[Any, WithJsonSchema(beside_models("Tensors"))]
Shape = Annotated[Any, WithJsonSchema(beside_models("Shape"))]
Dtype = Annotated[Literal["float64", "float32"], Field(description="what values are held and computed in")]
GivenDtype = Annotated[Dtype, Field(description="what values are held and computed in; float64 where it is left out")]
OptimizerFields = Annotated[dict[str, Any], WithJsonSchema(beside_models("Optimizer"))]
ResolvedOptimizer = Annotated[
    dict[str, Any],
    WithJsonSchema(beside_models("ResolvedOptimizer")),
    Field(description="`name` and every hyper-parameter, resolved"),
]
State = Annotated[
    dict[str, Any],
    WithJsonSchema(beside_models("State")),
    Field(description="each slot of the optimizer by its name, shaped as params"),
]
Step = Annotated[int, Field(ge=0, le=MAX_STEP, description="the number of steps taken")]
Labels = Annotated[
    dict[
        Annotated[str, Field(min_length=1, max_length=MAX_LABEL_NAME, pattern=LABEL_NAME)],
        Annotated[str, Field(max_length=MAX_LABEL_VALUE)],
    ],
    Field(max_length=MAX_LABELS),
    # pydantic says of names no more than their pattern, and nothing of other names.
    WithJsonSchema(
        {
            "type": "object",
            "maxProperties": MAX_LABELS,
            "propertyNames": {"minLength": 1, "maxLength": MAX_LABEL_NAME, "pattern": LABEL_NAME},
            "additionalProperties": {"type": "string", "maxLength": MAX_LABEL_VALUE},
        }
    ),
]
Ttl = Annotated[float, Field(gt=0, le=MAX_TTL_S)]
Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]


def _params_or_shape(schema: dict[str, Any]) -> None:
    """Both at once are refused. Said with `not`, Swagger UI shows the whole body as one that can't be."""
    schema["dependentSchemas"] = {"shape": {"properties": {"params": False}}}


class Control(BaseModel):
    """What of a body is no vector. Unknown fields are refused; nothing is coerced."""

    model_config = ConfigDict(extra="forbid", strict=True)

    def has(self, name: str) -> bool:
        """Whether the body has this field, be it null."""
        return name in self.model_fields_set


class CreateBody(Control):
    """Create. `params`, or `shape` for zeros, or neither: then the session is unshaped."""

    model_config = ConfigDict(json_schema_extra=_params_or_shape)

    optimizer: OptimizerFields = Field(
        default_factory=lambda: {"name": "adadelta"},
        description="`name` and any hyper-parameters; GET /v1/optimizers lists them; adadelta where it is left out",
    )
    params: Tensors = Field(None, description="the first params, which also give names and shapes")
    shape: Shape = Field(None, description="a list of lengths, or an object of such by tensor name: params are zeros")
    dtype: GivenDtype = "float64"
    ttl_s: Ttl | None = Field(None, description="seconds without a successful request until it is deleted; null: never")
    labels: Labels = Field(default_factory=dict, description="for finding sessions again; at most 16")
    durability: Durability | None = Field(None, description="instead of the service's own; 422 without a store")


class CheckpointBody(Control):
    """PUT state: a checkpoint as GET state gave it."""

    optimizer: OptimizerFields = Field(description="`name` and hyper-parameters; must be the session's where it exists")
    dtype: GivenDtype = "float64"
    step: Step
    params: Tensors = Field(description="the params")
    state: State
    digest: str | None = Field(None, pattern=DIGEST, description="checked where it is there")
    ttl_s: Ttl | None = Field(None, description="as in create, where PUT state creates")
    labels: Labels = Field(default_factory=dict, description="as in create, where PUT state creates")
    durability: Durability | None = Field(None, description="as in create, where PUT state creates")


class ForkBody(Control):
    """POST fork: a new session that goes on from a state of this one."""

    id: Annotated[str, WithJsonSchema(ID)] | None = Field(None, description="of the new session; made where left out")
    at_step: Step | None = Field(None, description="the step to go on from; the current one where it is left out")
    incarnation: str | None = Field(None, description="whose step that is; the current one where it is left out")
    optimizer: dict[str, Any] = Field(
        default_factory=dict, description="hyper-parameters that are to be other than this session's"
    )
    ttl_s: Ttl | None = Field(None, description="as in create")
    labels: Labels = Field(default_factory=dict, description="as in create")
    durability: Durability | None = Field(None, description="as in create")


class StepBody(Control):
    """POST step."""

    grads: Tensors = Field(description="gradients, shaped as params")
    params: Tensors = Field(None, description="replace the session's params in the same atomic step, before the rule")


class ParamsBody(Control):
    """PUT params."""

    params: Tensors = Field(description="params to replace the session's")


class StepOnceBody(Control):
    """POST /v1/step, without a session."""

    optimizer: OptimizerFields = Field(
        default_factory=lambda: {"name": "adadelta"}, description="as in create; adadelta where it is left out"
    )
    dtype: GivenDtype = "float64"
    params: Tensors = Field(description="the params before the step")
    grads: Tensors = Field(description="gradients, shaped as params")
    state: State | None = Field(None, description="each slot by its name, shaped as params; zeros where it is left out")


class SessionDocument(BaseModel):
    """What a session is: the answer of create, GET session, PUT params, PUT state and reset."""

    id: Annotated[str, WithJsonSchema(ID)] = Field(description="as chosen, or as the service made it")
    optimizer: ResolvedOptimizer
    dtype: Dtype
    shape: Shape | None = Field(description="as create takes it; null while unshaped")
    size: int | None = Field(ge=1, description="values in all tensors; null while unshaped")
    step: Step
    incarnation: str = Field(min_length=1, description="new at create, reset, PUT params and PUT state")
    bytes: int = Field(ge=1, description="memory that it takes: arrays, labels, keys")
    created_at: Time = Field(description="RFC 3339, UTC")
    updated_at: Time = Field(description="when it last changed")
    ttl_s: Ttl | None = Field(description="as given; null: it never expires")
    expires_at: Time | None = Field(description="if it is not used again")
    labels: Labels = Field(description="as given")
    durability: Durability = Field(description="what outlives the process: nothing, the last snapshot, every step")
    restored_from: str | None = Field(
        description="the checkpoint that PUT state brought: its digest where it came with one, `@`, its step"
    )
    forked_from: str | None = Field(description="id, `@` and entity tag of the session that it was forked from")
    steps_since_restore: int = Field(ge=0, description="steps since it was created, reset, restored or forked")


class SessionList(BaseModel):
    """GET /v1/sessions: a page, ids in order."""

    sessions: list[SessionDocument] = Field(description="up to page_size of them")
    next_page_token: str | None = Field(description="send it back as page_token for the next page; null: the last")


class PastStepDocument(BaseModel):
    """One step of the journal."""

    step: Step = Field(description="the number that it led to")
    time: Time = Field(description="RFC 3339, UTC")
    grad_norm: float | None = Field(ge=0, description="Euclidean norm of the gradients as sent; null beyond float64")
    update_norm: float | None = Field(ge=0, description="of the change of the params; null beyond float64")
    lr: float | None = Field(description="of this step, where it had one of its own")
    worker: str | None = Field(description="who took it, where it said so")
    key: str | None = Field(description="its Idempotency-Key")


class IncarnationDocument(BaseModel):
    """One life of a session, of which states are kept."""

    incarnation: str = Field(description="as in the entity tags of that life")
    first_step: Step = Field(description="the first step whose state can be had")
    last_step: Step = Field(description="the last one")
    began_at: Time = Field(description="RFC 3339, UTC")


class HistoryDocument(BaseModel):
    """GET steps: a page of a session's journal, in order."""

    incarnation: str = Field(description="whose steps these are")
    steps: list[PastStepDocument] = Field(description="up to page_size of them")
    next_page_token: str | None = Field(description="send it back as page_token for the next page; null: the last")
    incarnations: list[IncarnationDocument] = Field(description="all that are kept, newest first")


class ParamsDocument(BaseModel):
    """The answer of step and GET params."""

    step: Step = Field(description="the step that gave these params")
    params: Tensors = Field(description="the params")


class CheckpointDocument(BaseModel):
    """GET state: a whole session; PUT state takes it as it is."""

    optimizer: ResolvedOptimizer
    dtype: Dtype
    step: Step
    params: Tensors = Field(description="the params")
    state: State
    digest: str = Field(
        pattern=DIGEST, description="SHA-256 over the little-endian bytes of params, then each slot; names in order"
    )


class StepOnceDocument(BaseModel):
    """The answer of POST /v1/step."""

    params: Tensors = Field(description="the params after the step")
    state: State


class HyperParameterDocument(BaseModel):
    """One hyper-parameter of an optimizer."""

    name: str = Field(description="as the optimizer object takes it")
    type: Literal["number", "boolean"] = Field(description="of its value")
    default: float | bool = Field(description="where it is left out")
    range: str = Field(description="holds after rounding to the dtype")
    meaning: str = Field(description="what it does")


class SlotDocument(BaseModel):
    """One array of optimizer state."""

    name: str = Field(description="as in `state`")
    meaning: str = Field(description="what it holds")


class OptimizerDocument(BaseModel):
    """One entry of the catalogue."""

    name: str = Field(description="as `optimizer.name` takes it")
    hyper_parameters: list[HyperParameterDocument] = Field(description="with defaults and ranges")
    state: list[SlotDocument] = Field(description="the slots")
    formula: list[str] = Field(description="line by line, in the order of computation")
    reference: str = Field(description="where it was published")


class OptimizerList(BaseModel):
    """GET /v1/optimizers: the catalogue."""

    optimizers: list[OptimizerDocument] = Field(description="every optimizer")


class DriverDocument(BaseModel):
    """What runs the rules."""

    serving: Literal["blocked", "compiled"] = Field(description="the driver of the next step; the bits are the same")
    compiled: Literal["off", "not-installed", "compiling", "serving", "failed"] = Field(
        description="how far the compiled driver is; `failed`: it gave wrong bits or did not compile, see the log"
    )


class LimitsDocument(BaseModel):
    """Every limit and what happens beyond it."""

    max_json_bytes: int = Field(description="of a JSON body; beyond it 413 request-too-large")
    max_session_bytes: int = Field(description="of all sessions; beyond it 507 capacity-exceeded")
    max_in_flight_bytes: int = Field(description="of all requests; beyond it 503 over-budget, alone 413")
    max_tensors: int = Field(description="named tensors of a session; beyond it 422 invalid-tensors")
    max_rank: int = Field(description="of a tensor; beyond it 422 invalid-tensors")
    max_tensor_name: int = Field(description="characters; beyond it 422 invalid-tensors")
    max_wait_s: float = Field(description="of a long-poll; beyond it 400 invalid-query")
    max_page_size: int = Field(description="sessions; beyond it 400 invalid-query")
    max_idempotency_key: int = Field(description="characters; beyond it 400 invalid-header")
    max_labels: int = Field(description="of a session; beyond it 422 invalid-field")
    max_label_name: int = Field(description="characters; beyond it 422 invalid-field")
    max_label_value: int = Field(description="characters; beyond it 422 invalid-field")
    max_ttl_s: int = Field(description="seconds; beyond it 422 invalid-field")
    max_head_bytes: int = Field(description="of request line and headers; beyond it 400 in plain text, closed")
    keys_per_session: int = Field(description="idempotency keys remembered; beyond it the oldest is forgotten")


class InfoDocument(BaseModel):
    """GET /v1/info: what the service is."""

    version: str = Field(description="of stepd")
    driver: DriverDocument = Field(description="what runs the rules")
    formats: list[str] = Field(description="media types that bodies and answers can have")
    dtypes: list[str] = Field(description="what sessions can hold")
    durability: Durability = Field(description="of sessions that don't say themselves")
    durabilities: list[Durability] = Field(description="what sessions may ask for")
    limits: LimitsDocument = Field(description="every limit")


class HealthDocument(BaseModel):
    """/livez and /readyz."""

    status: Literal["alive", "ready"] = Field(description="how the service is")


class FieldErrorDocument(BaseModel):
    """One place in the body."""

    pointer: str = Field(description="JSON pointer (RFC 6901)")
    detail: str = Field(description="what is wrong there")


class Problem(BaseModel):
    """Every error, as application/problem+json (RFC 9457)."""

    type: str = Field(pattern="^/problems/", description="path of a page that explains it, on the same service")
    title: str = Field(description="the code in words")
    status: int = Field(ge=400, le=599, description="as the answer's")
    detail: str = Field(description="this case, with the numbers, and what to do")
    code: str = Field(pattern="^[a-z]+(-[a-z0-9]+)*$", description="stable; the table of codes lists them all")
    request_id: str = Field(description="as X-Request-ID")
    errors: list[FieldErrorDocument] = Field(
        default_factory=list, max_length=MAX_FIELD_ERRORS, description="ten at most"
    )
    etag: str | None = Field(None, description="with 412 and 409: the session's current entity tag")
    step: int | None = Field(None, description="with 412 and 409: the session's current step")
    fields: list[str] | None = Field(None, description="with 409: what differs")
    allow: list[str] | None = Field(None, description="with 405: the methods that the path takes")


ControlModel = TypeVar("ControlModel", bound=Control)


def validated(model: type[ControlModel], document: Any) -> ControlModel:
    """The control body, vectors in it passed through unlooked at. Raises UnknownField, MissingField, InvalidField."""
    _refuse_too_many(model, document)
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first, *_ = problems = error.errors(include_url=False, include_context=False)
        kind = {"extra_forbidden": UnknownField, "missing": MissingField}.get(first["type"], InvalidField)
        fields = [
            FieldError.at(
                *_place(problem["loc"]), detail=_said(problem["type"], problem["msg"], problem.get("input"), model)
            )
            for problem in problems[:MAX_FIELD_ERRORS]
        ]
        where = ".".join(str(part)[:40] for part in _place(first["loc"])) or "the body"
        raise kind(f"{where}: {fields[0].detail}", errors=fields) from None


def _refuse_too_many(model: type[Control], document: Any) -> None:
    """Refuses what pydantic would look at name by name, making an error of each, however many there are."""
    if not isinstance(document, dict):
        return
    if len(document) > len(model.model_fields):
        unknown = list(islice((name for name in document if name not in model.model_fields), MAX_FIELD_ERRORS))
        said = _said("extra_forbidden", "", None, model)
        raise UnknownField(f"{unknown[0][:40]}: {said}", errors=[FieldError.at(name, detail=said) for name in unknown])
    labels = document.get("labels")
    if isinstance(labels, dict) and len(labels) > MAX_LABELS:
        detail = f"labels: there are {len(labels)}; a session has at most {MAX_LABELS}"
        raise InvalidField(detail, errors=[FieldError.at("labels", detail=detail)])


def _place(loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Where in the body: pydantic names a field's bad key by one part more."""
    return loc[:-1] if len(loc) == 3 and loc[-1] == "[key]" else loc


def _said(kind: str, message: str, given: object, model: type[Control]) -> str:
    if kind == "extra_forbidden":
        hint = "; lr goes into the query: ?lr=0.1" if model is StepBody else ""
        return f"there is no such field here; the body takes {', '.join(model.model_fields)}{hint}"
    if kind == "missing":
        return "this field must be there"
    if kind in ("model_type", "model_attributes_type"):
        return "the body must be an object"
    shown = f"; it is {given!r}"[:60] if isinstance(given, (str, int, float, bool)) or given is None else ""
    return message[0].lower() + message[1:] + shown
