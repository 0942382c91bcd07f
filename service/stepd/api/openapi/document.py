"""The OpenAPI document as a whole: what each route says of itself, with the schemas and headers that it refers to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

import stepd
from stepd.api.openapi.operations import DOCUMENTED_MODELS
from stepd.api.openapi.parameters import TIMEOUT_S
from stepd.api.openapi.responses import HEADERS
from stepd.api.openapi.schemas import BESIDE_MODELS, Json, components, reference
from stepd.api.routing import DirectRoute
from stepd.settings import Settings

DESCRIPTION = (
    "An optimizer that any program can call: it keeps optimizer state per session, takes gradients over HTTP and gives "
    "updated parameters back. Results are exact to the bit."
)
TAGS = ("sessions", "steps", "params and state", "history", "service")


class _Schemas(GenerateJsonSchema):
    """No title for fields, which would say their names again; no defaults, which generators take as required."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's form
        return False

    def default_schema(self, schema: Any) -> Json:
        return self.generate_inner(schema["schema"])


def document_of(routes: Iterable[DirectRoute], settings: Settings) -> Json:
    """The document of a service with these routes and limits."""
    paths: Json = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _limited(route.operation, settings)
    _, schemas = models_json_schema(
        [(model, "validation") for model in DOCUMENTED_MODELS],
        ref_template=reference("{model}")["$ref"],
        schema_generator=_Schemas,
    )
    return {
        "openapi": "3.1.0",
        "info": {"title": "stepd", "version": stepd.__version__, "description": DESCRIPTION},
        "tags": [{"name": tag} for tag in TAGS],
        "paths": paths,
        "components": {
            "schemas": _with_references(schemas["$defs"]) | components(settings.max_tensors),
            "headers": HEADERS,
        },
    }


def _limited(operation: Json, settings: Settings) -> Json:
    """The operation, how long it may wait filled in: a setting."""
    if TIMEOUT_S not in operation.get("parameters", ()):
        return operation
    schema = TIMEOUT_S["schema"] | {"maximum": settings.max_wait_s}
    takes = [one | {"schema": schema} if one is TIMEOUT_S else one for one in operation["parameters"]]
    return operation | {"parameters": takes}


def _with_references(given: Any) -> Any:
    """Schemas of models, in which `beside_models` leads to the components."""
    if isinstance(given, dict):
        return {name: _with_references(value) for name, value in given.items()}
    if isinstance(given, list):
        return [_with_references(value) for value in given]
    if isinstance(given, str) and given.startswith(BESIDE_MODELS):
        return reference(given.removeprefix(BESIDE_MODELS))["$ref"]
    return given
