"""What Schemathesis is given beside the document: the check that an allowed request meets expected refusals only."""

from __future__ import annotations

import schemathesis

from tests.api.expected_refusals import codes


@schemathesis.check
def expected_refusal(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> bool | None:
    """Statuses are too coarse: of the many codes that are 422, an allowed request may meet those of the table only."""
    if response.status_code < 400 or case.meta is None or not case.meta.generation.mode.is_positive:
        return None
    operation_id = case.operation.definition.raw["operationId"]
    code = response.json().get("code")
    assert code in codes(operation_id), f"{operation_id} refuses what its document allows: {code}"
    return None
