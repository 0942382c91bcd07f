"""What the examples of the OpenAPI document show: one story, of session `run-7`, created, stepped, read and deleted.

They are real: a test tells the story to a service and compares what it answers.
"""

from __future__ import annotations

import stepd
from stepd.api.formats import FORMATS
from stepd.api.openapi.parameters import EXAMPLE_ID
from stepd.api.openapi.schemas import Json

OPTIMIZER: Json = {
    "name": "adadelta", "lr": 1.0, "rho": 0.95, "eps": 1e-06, "weight_decay": 0.0, "maximize": False,
}  # fmt: skip
SESSION: Json = {
    "id": EXAMPLE_ID, "optimizer": OPTIMIZER, "dtype": "float64", "shape": [2], "size": 2, "step": 0,
    "incarnation": "mfrggzdfmztwq", "bytes": 2932, "created_at": "2026-01-01T12:00:00.000Z",
    "updated_at": "2026-01-01T12:00:00.000Z", "ttl_s": 3600.0, "expires_at": "2026-01-01T13:00:00.000Z",
    "labels": {"run": "7"}, "durability": "journal", "restored_from": None, "forked_from": None,
    "steps_since_restore": 0,
}  # fmt: skip
CREATE: Json = {
    "optimizer": {"name": "adadelta", "rho": 0.95}, "params": [1.0, 2.0], "ttl_s": 3600, "labels": {"run": "7"},
}  # fmt: skip
STEPPED_SESSION: Json = {**SESSION, "step": 1, "steps_since_restore": 1}
FORKED: Json = {
    **SESSION, "id": "run-7-again", "optimizer": {**OPTIMIZER, "lr": 0.5}, "step": 1,
    "forked_from": "run-7@mfrggzdfmztwq-1", "bytes": 2736, "ttl_s": None, "expires_at": None,
    "labels": {},
}  # fmt: skip
# A session with named tensors, under an id that the service made.
NAMED: Json = {
    **SESSION, "id": "2fn6zq7k5dw4r3x1y0c8b9a7me", "dtype": "float32", "shape": {"b": [10], "w": [64, 10]},
    "size": 650, "optimizer": {
        "name": "sgd", "lr": 0.001, "momentum": 0.9, "nesterov": False, "weight_decay": 0.0, "maximize": False,
    },
    "bytes": 8596, "ttl_s": None, "expires_at": None, "labels": {},
}  # fmt: skip
STEPPED = [0.9955280429197062, 2.004471957080294]
STATE: Json = {
    "square_avg": [0.012500000000000011, 0.012500000000000011],
    "acc_delta": [9.999200063994882e-07, 9.999200063994882e-07],
}  # fmt: skip
DIGEST = "sha-256:094a443b51e5d034fbd83f5e32b102b23ec0b46c4a7514cefa3aee5b86cba7bd"
CHECKPOINT: Json = {
    "optimizer": OPTIMIZER, "dtype": "float64", "step": 1, "params": STEPPED, "state": STATE, "digest": DIGEST,
}  # fmt: skip
RESTORED: Json = {**SESSION, "step": 1, "restored_from": f"{DIGEST}@1"}
RESET: Json = {**RESTORED, "step": 0}
HISTORY: Json = {
    "incarnation": "mfrggzdfmztwq", "steps": [{
        "step": 1, "time": "2026-01-01T12:00:00.000Z", "grad_norm": 0.7071067811865476,
        "update_norm": 0.006324302353301877, "lr": None, "worker": None, "key": None,
    }],
    "next_page_token": None, "incarnations": [{
        "incarnation": "mfrggzdfmztwq", "first_step": 0, "last_step": 1, "began_at": "2026-01-01T12:00:00.000Z",
    }],
}  # fmt: skip
INFO: Json = {
    "version": stepd.__version__, "driver": {"serving": "compiled", "compiled": "serving"},
    "formats": list(FORMATS), "dtypes": ["float64", "float32"], "durability": "journal",
    "durabilities": ["memory", "snapshot", "journal"],
    "limits": {
        "max_json_bytes": 16777216, "max_session_bytes": 4294967296, "max_in_flight_bytes": 2147483648,
        "max_tensors": 4096, "max_rank": 8, "max_tensor_name": 128, "max_wait_s": 60.0, "max_page_size": 1000,
        "max_idempotency_key": 255, "max_labels": 16, "max_label_name": 63, "max_label_value": 255,
        "max_ttl_s": 315360000, "max_head_bytes": 65536, "keys_per_session": 64,
    },
}  # fmt: skip
