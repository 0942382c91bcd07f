"""Control bodies (checked by pydantic) and the documents that answers hold (for OpenAPI). Vectors pass by these models.

A vector stands here as `Tensor`: nested arrays of numbers, or an object of such by name.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stepd.errors import FieldError, InvalidField, MissingField, UnknownField

Tensor = Annotated[
    Any,
    Field(
        json_schema_extra={
            "description": "Nested arrays of finite numbers, C order; or an object of such by tensor name.",
            "anyOf": [{"type": "array", "items": {}, "minItems": 1}, {"type": "object", "minProperties": 1}],
        }
    ),
]
Dtype = Literal["float64", "float32"]
Labels = Annotated[
    dict[Annotated[str, Field(min_length=1, max_length=63)], Annotated[str, Field(max_length=255)]],
    Field(max_length=16, description="for finding sessions again; at most 16"),
]
Ttl = Annotated[
    float, Field(gt=0, allow_inf_nan=False, description="seconds without a successful request until it is deleted")
]


class Control(BaseModel):
    """What of a body is no vector. Unknown fields are refused; nothing is coerced."""

    model_config = ConfigDict(extra="forbid", strict=True)

    def has(self, name: str) -> bool:
        """Whether the body has this field, be it null."""
        return name in self.model_fields_set


class CreateBody(Control):
    """Params, or a shape for zeros, or neither: then the session is unshaped."""

    optimizer: dict[str, Any] = Field(
        default_factory=lambda: {"name": "adadelta"},
        description="name and any hyper-parameters; GET /v1/optimizers lists them",
    )
    params: Tensor = None
    shape: Any = Field(None, description="list of lengths, or an object of such by tensor name")
    dtype: Dtype = "float64"
    ttl_s: Ttl | None = None
    labels: Labels = Field(default_factory=dict)


class CheckpointBody(Control):
    """A checkpoint, out and in. `ttl_s` and `labels` hold where PUT state creates."""

    optimizer: dict[str, Any]
    dtype: Dtype = "float64"
    step: int = Field(ge=0, le=2**53)
    params: Tensor
    state: dict[str, Tensor]
    digest: str | None = Field(None, pattern="^sha-256:[0-9a-f]{64}$")
    ttl_s: Ttl | None = None
    labels: Labels = Field(default_factory=dict)


class StepBody(Control):
    """Gradients; with params, these replace the session's before the rule."""

    grads: Tensor
    params: Tensor = None


class ParamsBody(Control):
    """Params to replace the session's."""

    params: Tensor


class StepOnceBody(Control):
    """A step without a session. `state` absent: zeros."""

    optimizer: dict[str, Any] = Field(default_factory=lambda: {"name": "adadelta"})
    dtype: Dtype = "float64"
    params: Tensor
    grads: Tensor
    state: dict[str, Tensor] | None = None


class SessionDocument(BaseModel):
    """What a session is."""

    id: str
    optimizer: dict[str, Any] = Field(description="resolved in full")
    dtype: Dtype
    shape: Any = Field(description="as create takes it; null while unshaped")
    size: int | None = Field(description="values in all tensors; null while unshaped")
    step: int
    incarnation: str
    bytes: int = Field(description="memory that it takes: arrays, labels, keys")
    created_at: str
    updated_at: str
    ttl_s: float | None
    expires_at: str | None = Field(description="if it is not used again")
    labels: dict[str, str]
    durability: str


class SessionList(BaseModel):
    """A page of sessions, ids in order."""

    sessions: list[SessionDocument]
    next_page_token: str | None


class ParamsDocument(BaseModel):
    """Params and the step that gave them."""

    step: int
    params: Tensor


class CheckpointDocument(BaseModel):
    """A whole session; PUT state takes it as it is."""

    optimizer: dict[str, Any]
    dtype: Dtype
    step: int
    params: Tensor
    state: dict[str, Tensor]
    digest: str


class StepOnceDocument(BaseModel):
    """What the step without a session gave."""

    params: Tensor
    state: dict[str, Tensor]


class HyperParameterDocument(BaseModel):
    """One hyper-parameter of an optimizer."""

    name: str
    type: Literal["number", "boolean"]
    default: float | bool
    range: str
    meaning: str


class SlotDocument(BaseModel):
    """One array of optimizer state."""

    name: str
    meaning: str


class OptimizerDocument(BaseModel):
    """One entry of the catalogue."""

    name: str
    hyper_parameters: list[HyperParameterDocument]
    state: list[SlotDocument]
    formula: list[str]
    reference: str


class OptimizerList(BaseModel):
    """The catalogue."""

    optimizers: list[OptimizerDocument]


class DriverDocument(BaseModel):
    """What runs the rules."""

    serving: Literal["blocked", "compiled"]
    compiled: Literal["off", "not-installed", "compiling", "serving", "failed"]


class LimitsDocument(BaseModel):
    """Every limit; docs/protocol.md says what happens at each."""

    max_json_bytes: int
    max_session_bytes: int
    max_in_flight_bytes: int
    max_tensors: int
    max_rank: int
    max_tensor_name: int
    max_wait_s: float
    max_page_size: int
    max_idempotency_key: int
    keys_per_session: int


class InfoDocument(BaseModel):
    """What the service is."""

    version: str
    driver: DriverDocument
    formats: list[str]
    dtypes: list[Dtype]
    durability: str
    limits: LimitsDocument


class HealthDocument(BaseModel):
    """How the service is."""

    status: Literal["alive", "ready"]


class FieldErrorDocument(BaseModel):
    """One place in the body."""

    pointer: str = Field(description="JSON pointer (RFC 6901)")
    detail: str


class Problem(BaseModel):
    """RFC 9457 problem details, with our members."""

    type: str
    title: str
    status: int
    detail: str
    code: str = Field(description="stable; docs/protocol.md lists them all")
    request_id: str
    errors: list[FieldErrorDocument] = Field(default_factory=list, description="ten at most")
    etag: str | None = Field(None, description="with 412 and 409: the session's current entity tag")
    step: int | None = Field(None, description="with 412 and 409: the session's current step")
    fields: list[str] | None = Field(None, description="with 409: what differs")


ControlModel = TypeVar("ControlModel", bound=Control)


def validated(model: type[ControlModel], document: Any) -> ControlModel:
    """The control body, vectors in it passed through unlooked at. Raises UnknownField, MissingField, InvalidField."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first, *_ = problems = error.errors(include_url=False, include_context=False)
        kind = {"extra_forbidden": UnknownField, "missing": MissingField}.get(first["type"], InvalidField)
        fields = [
            FieldError.at(*problem["loc"], detail=_said(problem["type"], problem["msg"], problem.get("input"), model))
            for problem in problems[:10]
        ]
        where = ".".join(str(part)[:40] for part in first["loc"]) or "the body"
        raise kind(f"{where}: {fields[0].detail}", errors=fields) from None


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
