"""The longest labels that a session may have come with every format, however few tensors the service takes."""

import json
from typing import Any

import numpy as np
import pytest

from stepd.api.models import MAX_LABEL_NAME, MAX_LABEL_VALUE, MAX_LABELS
from tests.api.formats import SAFETENSORS, body, send
from tests.server import Servers

ONE = np.ones(1)
STATE = {"params": ONE, "square_avg": ONE, "acc_delta": ONE}


@pytest.mark.parametrize("escaped", [True, False], ids=["escaped", "as they are"])
@pytest.mark.parametrize("character", ["v", "\u00e4", "\u8a9e", "\U0001f600", '"', "\x01"], ids=ascii)
def test_the_longest_labels_come_in_safetensors(servers: Servers, character: str, escaped: bool) -> None:
    """On create and on PUT state, whatever they are made of and however it is written."""
    session = servers(max_tensors=1).session()
    labels = {f"{i:02}".ljust(MAX_LABEL_NAME, character): character * MAX_LABEL_VALUE for i in range(MAX_LABELS)}
    told = {"labels": json.dumps(labels, ensure_ascii=escaped)}
    checkpoint = told | {"optimizer": '{"name": "adadelta"}', "step": "3"}
    requests: list[tuple[str, dict[str, Any], dict[str, str]]] = [
        ("PUT ", {"params": ONE}, told),
        ("PUT /state", STATE, checkpoint),
    ]
    for request, roles, metadata in requests:
        created = send(session, request, body(SAFETENSORS, roles, metadata), SAFETENSORS)
        assert (created.status_code, created.json()["labels"]) == (201, labels)
        session.delete()


def test_the_room_for_labels_is_no_room_for_a_step(servers: Servers) -> None:
    """What has no labels has no header as long."""
    session = servers(max_tensors=1).session()
    session.create(params=[1.0])
    told = {"optimizer": json.dumps({"name": "x" * 8000})}
    refused = send(session, "PUT /params", body(SAFETENSORS, {"params": ONE}, told), SAFETENSORS)
    assert refused.status_code == 413
    session.delete()
