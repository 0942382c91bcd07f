"""What Schemathesis is given for sequences of requests: vectors that fit one another, so that sessions really step.

Drawn at every rank and length, params and gradients would hardly ever have one shape, and every step would be refused.
Here the document is narrowed, never widened, before requests are drawn from it: what is sent is still what the
service's own document allows. Other shapes are drawn where requests are drawn one at a time.
"""

from __future__ import annotations

from typing import Any

import schemathesis

from tests.api.schemathesis_hooks import expected_refusal

__all__ = ["expected_refusal"]

PAIR = {"type": "array", "items": {"type": "number", "minimum": -1e3, "maximum": 1e3}, "minItems": 2, "maxItems": 2}
NARROWED: dict[str, dict[str, Any]] = {
    "params": PAIR,
    "grads": PAIR,
    "shape": {"type": "array", "items": {"const": 2}, "minItems": 1, "maxItems": 1},
    "ttl_s": {"type": "number", "minimum": 60, "maximum": 600},
}


@schemathesis.hook
def before_load_schema(context: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:
    """Every tensor that is sent has two values; a session has a shape from the start, and lives for a while."""
    schemas = raw_schema["components"]["schemas"]
    for name, schema in schemas.items():
        if name.endswith("Body"):
            properties = schema["properties"]
            properties |= {field: NARROWED[field] for field in properties.keys() & NARROWED.keys()}
    schemas["CreateBody"]["required"] = ["params"]
    for path in raw_schema["paths"].values():
        for operation in path.values():
            content = operation.get("requestBody", {}).get("content", {})
            for media_type in content.keys() - {"application/json"}:
                del content[media_type]  # bytes drawn at random are no values that fit
            for response in operation["responses"].values():
                links = response.get("links", {})
                if "Restore" in links:  # what else a checkpoint leads to, other answers lead to as well
                    response["links"] = links = {"Restore": links["Restore"]}
                for link in links.values():
                    link["x-schemathesis"] = {"merge_body": False}  # what a link hands over is the whole body
