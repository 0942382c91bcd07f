"""The catalogue of optimizers as a document: what GET /v1/optimizers answers and its documentation shows."""

from __future__ import annotations

from typing import Any

from stepd.optimizers import CATALOGUE
from stepd.optimizers.contract import HyperParameter, Rule


def catalogue_document() -> dict[str, Any]:
    """See models.OptimizerList."""
    return {"optimizers": [_rule_document(rule) for rule in CATALOGUE.values()]}


def _rule_document(rule: Rule) -> dict[str, Any]:
    return {
        "name": rule.name,
        "hyper_parameters": [_hyper_parameter_document(parameter) for parameter in rule.hyper_parameters],
        "state": [{"name": slot.name, "meaning": slot.meaning} for slot in rule.slots],
        "formula": list(rule.formula),
        "reference": rule.reference,
    }


def _hyper_parameter_document(parameter: HyperParameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "type": "boolean" if parameter.is_switch else "number",
        "default": parameter.default,
        "range": parameter.range,
        "meaning": parameter.meaning,
    }
