"""What the service is and whether it is well: catalogue, info, health."""

from __future__ import annotations

from typing import Any

import stepd
from stepd.api.answers import Answer, json_answer
from stepd.api.call import Call
from stepd.api.catalogue import catalogue_document
from stepd.api.formats import DOCUMENT, FORMATS, agree
from stepd.api.headers import MAX_HEAD_BYTES, MAX_KEY, MAX_PAGE_SIZE, query
from stepd.api.models import MAX_LABEL_NAME, MAX_LABEL_VALUE, MAX_LABELS, MAX_TTL_S
from stepd.api.openapi.operations import INFO, LIVEZ, OPTIMIZERS, READYZ
from stepd.api.routing import DirectRoute
from stepd.api.service import Service
from stepd.errors import NotReady
from stepd.records import DURABILITIES
from stepd.values import DTYPES, MAX_RANK, MAX_TENSOR_NAME


def operations_routes(service: Service) -> list[DirectRoute]:
    async def optimizers(call: Call) -> Answer:
        agree(call, service.settings, DOCUMENT)
        query(call.query_string, ())
        return json_answer(catalogue_document())

    async def info(call: Call) -> Answer:
        agree(call, service.settings, DOCUMENT)
        query(call.query_string, ())
        return json_answer(info_document(service))

    async def livez(call: Call) -> Answer:
        return json_answer({"status": "alive"})

    async def readyz(call: Call) -> Answer:
        if not service.ready:
            raise NotReady("the service is starting or stopping; ask again, or ask another one")
        trouble = await service.engine.trouble()
        if trouble is not None:
            raise NotReady(f"sessions that are kept can't be changed: {trouble.detail}")
        return json_answer({"status": "ready"})

    return [
        DirectRoute("GET", "/v1/optimizers", optimizers, OPTIMIZERS),
        DirectRoute("GET", "/v1/info", info, INFO),
        DirectRoute("GET", "/livez", livez, LIVEZ),
        DirectRoute("GET", "/readyz", readyz, READYZ),
    ]


def info_document(service: Service) -> dict[str, Any]:
    """What GET /v1/info says."""
    settings = service.settings
    return {
        "version": stepd.__version__,
        "driver": {"serving": service.drivers.current.name, "compiled": service.drivers.compiled},
        "formats": list(FORMATS),
        "dtypes": list(DTYPES),
        "durability": settings.durability,
        "durabilities": ["memory"] if settings.store_address is None else list(DURABILITIES),
        "limits": {
            "max_json_bytes": settings.max_json_bytes,
            "max_session_bytes": settings.max_session_bytes,
            "max_in_flight_bytes": settings.max_in_flight_bytes,
            "max_tensors": settings.max_tensors,
            "max_rank": MAX_RANK,
            "max_tensor_name": MAX_TENSOR_NAME,
            "max_wait_s": settings.max_wait_s,
            "max_page_size": MAX_PAGE_SIZE,
            "max_idempotency_key": MAX_KEY,
            "max_labels": MAX_LABELS,
            "max_label_name": MAX_LABEL_NAME,
            "max_label_value": MAX_LABEL_VALUE,
            "max_ttl_s": MAX_TTL_S,
            "max_head_bytes": MAX_HEAD_BYTES,
            "keys_per_session": settings.keys_per_session,
        },
    }
