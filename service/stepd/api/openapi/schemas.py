"""JSON Schemas of what pydantic does not look at: tensors, shapes, optimizers, state.

They are made from the constants and the catalogue by which requests are judged, so that nothing is said twice. What a
schema can't say (rows of one length, shapes that fit the session, ranges after rounding to float32) is judged when the
request comes.
"""

from __future__ import annotations

import json
from typing import Any

from stepd.optimizers import CATALOGUE
from stepd.optimizers.contract import HyperParameter, Rule
from stepd.values import MAX_RANK, MAX_TENSOR_NAME, SESSION_ID

Json = dict[str, Any]

ID: Json = {"type": "string", "pattern": "^" + SESSION_ID.pattern.removesuffix(r"\Z") + "$"}
NUMBER: Json = {"type": "number", "format": "double"}
# Printable, as far as a pattern says it that every language reads: Python calls some rarer characters unprintable too.
TENSOR_NAME: Json = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_TENSOR_NAME,
    "pattern": r"^[^/\u0000-\u001f\u007f-\u00a0\u00ad]+$",
}


# pydantic lets no reference pass that it can't follow, unless it leads elsewhere; document.py turns these around.
BESIDE_MODELS = "http://components/"


def beside_models(component: str) -> Json:
    """A reference from a model to a component that is no model."""
    return {"$ref": BESIDE_MODELS + component}


def reference(component: str) -> Json:
    """A reference to a schema among the components."""
    return {"$ref": f"#/components/schemas/{component}"}


def components(max_tensors: int) -> dict[str, Json]:
    """Every schema that the models refer to, by its name."""
    rules = {rule.name.capitalize(): rule for rule in CATALOGUE.values()}
    schemas: dict[str, Json] = {
        "Tensor": {
            "description": f"Nested arrays of finite numbers, rank 1 to {MAX_RANK}, rows of one length, no length 0.",
            "anyOf": [_nested(rank) for rank in range(1, MAX_RANK + 1)],
        },
        "NamedTensors": {
            "description": "Tensors by name, each of any rank from 0.",
            **_by_name({"anyOf": [NUMBER, reference("Tensor")]}, max_tensors),
        },
        "Tensors": {
            "description": "A single unnamed tensor, or several by name.",
            "anyOf": [reference("Tensor"), reference("NamedTensors")],
        },
        "Shape": {
            "description": "The lengths of a single unnamed tensor, or of several by name.",
            "anyOf": [_lengths(least=1), _by_name(_lengths(least=0), max_tensors)],
        },
        "State": _state(),
        "Optimizer": _one_of(rules, "", "An optimizer; what is left out takes its default."),
        "ResolvedOptimizer": _one_of(rules, "Resolved", "An optimizer with every hyper-parameter filled in."),
    }
    for name, rule in rules.items():
        schemas[name] = _rule(rule, resolved=False)
        schemas[f"Resolved{name}"] = _rule(rule, resolved=True)
    return {name: {"title": name, **schema} for name, schema in schemas.items()}


def hyper_parameter(parameter: HyperParameter) -> Json:
    """The range of one hyper-parameter."""
    if parameter.is_switch:
        return {"type": "boolean"}
    lower = "exclusiveMinimum" if parameter.above_minimum else "minimum"
    upper = {} if parameter.below is None else {"exclusiveMaximum": parameter.below}
    return NUMBER | {lower: parameter.minimum} | upper


def _nested(rank: int) -> Json:
    return {"type": "array", "minItems": 1, "items": _nested(rank - 1)} if rank else NUMBER


def _by_name(schema: Json, max_tensors: int) -> Json:
    return {
        "type": "object",
        "minProperties": 1,
        "maxProperties": max_tensors,
        "propertyNames": TENSOR_NAME,
        "additionalProperties": schema,
    }


def _lengths(*, least: int) -> Json:
    lengths: Json = {"type": "array", "items": {"type": "integer", "minimum": 1}, "maxItems": MAX_RANK}
    return lengths | ({"minItems": least} if least else {})


def _state() -> Json:
    users: dict[str, list[str]] = {}
    for rule in CATALOGUE.values():
        for slot in rule.slots:
            users.setdefault(slot.name, []).append(rule.name)
    return {
        "description": "Each slot of the optimizer, and no other, shaped as params.",
        "type": "object",
        "properties": {
            name: {**reference("Tensors"), "description": f"of {' and '.join(rules)}"} for name, rules in users.items()
        },
        "additionalProperties": False,
        "minProperties": 1,
    }


def _one_of(rules: dict[str, Rule], prefix: str, description: str) -> Json:
    references = {rule.name: reference(prefix + name) for name, rule in rules.items()}
    return {
        "description": description,
        "oneOf": list(references.values()),
        "discriminator": {
            "propertyName": "name",
            "mapping": {name: schema["$ref"] for name, schema in references.items()},
        },
    }


def _rule(rule: Rule, *, resolved: bool) -> Json:
    properties: Json = {"name": {"type": "string", "const": rule.name}}
    for parameter in rule.hyper_parameters:
        default = "" if resolved else f"; {json.dumps(parameter.default)} where it is left out"
        properties[parameter.name] = {**hyper_parameter(parameter), "description": parameter.meaning + default}
    return {
        "description": rule.reference,
        "type": "object",
        "properties": properties,
        "required": list(properties) if resolved else ["name"],
        "additionalProperties": False,
    }
