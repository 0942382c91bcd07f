"""What a request says in path, query and headers, as OpenAPI parameters; patterns and bounds are the code's own."""

from __future__ import annotations

from typing import Any

from stepd.api.headers import (
    BARE_KEY_CHARACTER,
    DEFAULT_PAGE_SIZE,
    DEFAULT_WAIT_S,
    ENTITY_TAG_CHARACTERS,
    MAX_KEY,
    MAX_PAGE_SIZE,
    MAX_QUERY_FIELDS,
    QUOTED_KEY_CHARACTER,
)
from stepd.api.openapi.schemas import ID, Json, hyper_parameter
from stepd.optimizers.contract import learning_rate
from stepd.values import MAX_STEP

EXAMPLE_ID = "run-7"

_TAG = rf'(?:W/)?"{ENTITY_TAG_CHARACTERS}"'
_TAGS: Json = {"type": "string", "pattern": rf"^(?:\*|(?:{_TAG}[ \t]*(?:,[ \t]*|$))*)$"}
_KEY: Json = {
    "type": "string",
    "pattern": f'^(?:{BARE_KEY_CHARACTER}{{1,{MAX_KEY}}}|"{QUOTED_KEY_CHARACTER}{{1,{MAX_KEY}}}")$',
}


def _parameter(name: str, place: str, description: str, schema: Json, example: Any = None) -> Json:
    parameter: Json = {"name": name, "in": place, "description": description, "schema": schema}
    if place == "path":
        parameter["required"] = True
    if example is not None:
        parameter["example"] = example
    return parameter


SESSION_ID = _parameter(
    "session_id", "path", "1 to 64 letters, digits, '.', '_', '-'; the first a letter or digit", ID, EXAMPLE_ID
)
IF_MATCH = _parameter(
    "If-Match", "header", "act only from exactly this state: an entity tag as ETag gave it, a list, or *", _TAGS
)
IF_NONE_MATCH = _parameter(
    "If-None-Match", "header", "entity tags that the caller has: 304 where one is the current", _TAGS
)
CREATE_ONLY = _parameter("If-None-Match", "header", "`*`: 412 where the session exists", _TAGS)
IDEMPOTENCY_KEY = _parameter(
    "Idempotency-Key", "header", "one key per step, the same when it is resent: it is then taken once", _KEY
)
PREFER = _parameter("Prefer", "header", "`return=minimal`: 204 without params", {"type": "string"})
LR = _parameter(
    "lr", "query", "this step's learning rate instead of the session's", hyper_parameter(learning_rate(0.0))
)
WAIT_FOR_STEP = _parameter(
    "wait_for_step", "query", "wait until the session has taken so many steps",
    {"type": "integer", "minimum": 0, "maximum": MAX_STEP},
)  # fmt: skip
TIMEOUT_S = _parameter(  # the document has the service's own max_wait_s as maximum
    "timeout_s", "query", f"how long to wait at most; {DEFAULT_WAIT_S:g} unless given", {"type": "number", "minimum": 0}
)
AT_STEP = _parameter(
    "at_step", "query", "the state after that step instead of the newest",
    {"type": "integer", "minimum": 0, "maximum": MAX_STEP},
)  # fmt: skip
INCARNATION = _parameter(
    "incarnation", "query", "an earlier life of the session instead of this one", {"type": "string", "minLength": 1}
)
PAGE_SIZE = _parameter(
    "page_size", "query", f"entries per page; {DEFAULT_PAGE_SIZE} unless given",
    {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE},
)  # fmt: skip
PAGE_TOKEN = _parameter("page_token", "query", "next_page_token of the page before", {"type": "string", "minLength": 1})
LABEL = _parameter(
    "label", "query", "name=value; may be there several times, all must hold",
    {"type": "array", "items": {"type": "string", "pattern": "="}, "maxItems": MAX_QUERY_FIELDS - 2}, ["run=7"],
)  # fmt: skip
