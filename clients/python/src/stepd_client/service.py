"""What is asked of the service apart from any session object, as flows (wire.py).

That is the list of sessions, a step without a session, the catalogue, the service itself.

Values are checked before the first request is yielded: a ValueError or TypeError means that nothing was sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from stepd_client import requests
from stepd_client.answers import contents_of, document_of, info_of, unexpected_member, unreadable, values_of
from stepd_client.formats import Format, is_binary, payload, roles_of, size_of
from stepd_client.info import SessionInfo
from stepd_client.optimizers import Optimizer, optimizer_document
from stepd_client.safetensors import Contents
from stepd_client.values import DType, Form, dtype_named, give, take
from stepd_client.wire import Answer, Flow


def page(
    label: Mapping[str, str], page_size: int | None, page_token: str | None
) -> Flow[tuple[list[SessionInfo], str | None]]:
    """One page of sessions and the token of the next, None after the last."""
    answer = yield requests.list_sessions(label, page_size, page_token)
    document = document_of(answer)
    sessions, following = document.get("sessions"), document.get("next_page_token")
    if not isinstance(sessions, list) or not (following is None or isinstance(following, str)):
        raise unexpected_member(answer, "sessions")
    return [info_of(answer, session) for session in sessions], following or None


def step_once(
    optimizer: Optimizer | Mapping[str, Any],
    params: Any,
    grads: Any,
    state: Mapping[str, Any] | None,
    dtype: npt.DTypeLike | None,
    chosen_format: Format,
) -> Flow[tuple[Any, dict[str, Any]]]:
    """The stateless form; params and slots come back in the form of the params."""
    chosen = dtype_named(dtype, params)
    arrays, form = take("params", params, chosen)
    document: dict[str, Any] = {"optimizer": optimizer_document(optimizer), "dtype": chosen.name}
    vectors = {"params": arrays, "grads": take("grads", grads, chosen)[0]}
    slots = None if state is None else {slot: take(slot, values, chosen)[0] for slot, values in state.items()}
    # That there are no slots is not the same as that none are given; safetensors can't tell the two apart.
    binary = slots != {} and is_binary(chosen_format, size_of(arrays))
    answer = yield requests.step_once(payload(document, vectors, slots, binary=binary))
    contents = contents_of(answer)
    if contents is not None:
        return _stepped(answer, contents, chosen, form)
    result = document_of(answer)
    new_params = values_of(answer, result, "params", chosen)
    new_state = result.get("state")
    if not isinstance(new_state, dict):
        raise unexpected_member(answer, "state")
    new_slots = {slot: give(values_of(answer, new_state, slot, chosen), form) for slot in new_state}
    return give(new_params, form), new_slots


def _stepped(answer: Answer, contents: Contents, dtype: DType, form: Form) -> tuple[Any, dict[str, Any]]:
    try:
        roles = roles_of(contents.tensors, dtype)
    except ValueError as error:
        raise unreadable(answer, error) from None
    if "params" not in roles:
        raise unexpected_member(answer, "params")
    given = {role: give(arrays, form) for role, arrays in roles.items()}
    return given.pop("params"), given


def optimizers() -> Flow[dict[str, Any]]:
    """GET the catalogue, as it comes."""
    return document_of((yield requests.optimizers()))


def info() -> Flow[dict[str, Any]]:
    """GET what the service is, as it comes."""
    return document_of((yield requests.info()))
