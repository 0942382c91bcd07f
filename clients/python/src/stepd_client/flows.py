"""What each operation asks of the service and makes of the answers, as flows (wire.py). Whoever runs them does the I/O.

Values are checked before the first request is yielded: a ValueError or TypeError means that nothing was sent. A flow
changes what it is handed (`Held`) only after the answer that it needs has been read in full.
"""

from __future__ import annotations

import math
import operator
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from stepd_client import requests
from stepd_client.answers import (
    checked,
    document_of,
    info_of,
    session_of,
    unexpected_member,
    validator_of,
    values_of,
)
from stepd_client.checkpoint import Checkpoint
from stepd_client.errors import InvalidQuery, SessionExpired, SessionHasNoShape, SessionNotFound
from stepd_client.held import Held
from stepd_client.info import SessionInfo
from stepd_client.optimizers import Adadelta, Optimizer, optimizer_document
from stepd_client.values import copied, dtype_named, encode, give, shape_of, take
from stepd_client.wire import Answer, Flow

# What one request waits at most. Services allow 60 s unless told otherwise; proxies tend to give up after as many.
LONGEST_WAIT_S = 30.0
LARGEST_STEP = 2**53

ShapeLike = int | Sequence[int] | Mapping[str, int | Sequence[int]]


def open_session(
    session_id: str | None,
    *,
    optimizer: Optimizer | Mapping[str, Any] | None,
    params: Any,
    shape: ShapeLike | None,
    dtype: npt.DTypeLike | None,
    ttl_s: float | None,
    labels: Mapping[str, str] | None,
) -> Flow[Held]:
    """Create, or attach to what is there."""
    if session_id is not None and optimizer is None and params is None and shape is None:
        if dtype is not None or ttl_s is not None or labels is not None:
            raise ValueError("dtype, ttl_s and labels are for creating; that takes an optimizer, params or a shape too")
        return (yield from attach(session_id))
    if params is not None and shape is not None:
        raise ValueError("params and shape exclude one another: params have a shape")
    chosen = dtype_named(dtype, params)
    document: dict[str, Any] = {
        "optimizer": optimizer_document(Adadelta() if optimizer is None else optimizer),
        "dtype": chosen.name,
    }
    arrays = form = None
    if params is not None:
        arrays, form = take("params", params, chosen)
        arrays = copied(arrays)
        document["params"] = encode(arrays)
    if shape is not None:
        document["shape"] = _shape_document(shape)
    document.update(_extras(ttl_s, labels))

    answer = yield requests.create(session_id, document)
    held = Held.of(session_of(answer), answer)
    held.form = form
    if answer.status != 201:
        yield from _fetch_where_shaped(held)
    elif arrays is None:
        held.see_zeros()
    else:
        held.arrays = arrays
    return held


def attach(session_id: str) -> Flow[Held]:
    """GET what is there, and its params where it has a shape."""
    answer = yield requests.describe(session_id)
    held = Held.of(session_of(answer), answer)
    yield from _fetch_where_shaped(held)
    return held


def _fetch_where_shaped(held: Held) -> Flow[None]:
    if held.shape is not None:
        yield from _resync(held)


def describe(session_id: str) -> Flow[SessionInfo]:
    """GET what the session is; changes nothing held."""
    return session_of((yield requests.describe(session_id)))


def step(held: Held, grads: Any, params: Any, lr: float | None, return_params: bool) -> Flow[Any]:
    """One step from the state held; a key of its own makes it safe to resend."""
    given, form = take("grads", grads, held.dtype)
    document = {"grads": encode(given)}
    if params is not None:
        document["params"] = encode(take("params", params, held.dtype)[0])
    if lr is not None and not math.isfinite(lr):
        raise ValueError(f"lr is {lr}; it must be finite")
    answer = yield requests.step(
        held.id,
        document,
        etag=held.validator.etag,
        key=uuid.uuid4().hex,
        lr=lr,
        return_params=return_params,
    )
    if checked(answer).status == 204:
        held.see(answer, None, form)
        # A first step with params gives the session its shape.
        held.shape = held.shape or shape_of(given)
        return None
    arrays = values_of(answer, document_of(answer), "params", held.dtype)
    held.see(answer, arrays, form)
    return held.given()


def fetch_params(held: Held) -> Flow[Any]:
    """GET the params and hold the state that they belong to."""
    yield from _resync(held)
    return held.given()


def wait_for_step(held: Held, step: int, timeout_s: float | None) -> Flow[Any]:
    """Long-poll until the step is taken, another life begins, the time is over or the service drains.

    A wait that is longer than one request may be is made of several. What each answer says is held.
    """
    step = _checked_step(step)
    left_s = _checked_wait(timeout_s)
    life = held.validator.incarnation
    longest_s = LONGEST_WAIT_S
    while True:
        asked_s = min(left_s, longest_s)
        # With params held, waiting in vain costs no more than a 304.
        etag = None if held.arrays is None else held.validator.etag
        answer = yield requests.wait_for_step(held.id, step, asked_s, etag)
        if answer.status == 400 and longest_s == LONGEST_WAIT_S:
            longest_s = yield from _longest_wait(answer, asked_s)
            continue
        yield from _take_over(held, answer)
        left_s -= answer.took_s
        # Far from the time that was asked for, the service ends only the waits that it can't keep: it drains.
        drains = answer.took_s < 0.9 * asked_s
        if held.validator.step >= step or held.validator.incarnation != life or left_s <= 0 or drains:
            return held.given()


def _longest_wait(answer: Answer, asked_s: float) -> Flow[float]:
    """What a service that refused to wait so long allows, in seconds; raises what the answer is if it is not that."""
    try:
        checked(answer)
    except InvalidQuery:
        limits = document_of((yield requests.info())).get("limits")
        longest_s = limits.get("max_wait_s") if isinstance(limits, dict) else None
        if not isinstance(longest_s, (int, float)) or not 0 < longest_s < asked_s:
            raise
        return float(longest_s)
    raise unexpected_member(answer, "params")


def _resync(held: Held) -> Flow[None]:
    yield from _take_over(held, (yield requests.get_params(held.id)))


def _take_over(held: Held, answer: Answer) -> Flow[None]:
    """Holds what an answer to GET params says; 304 says that nothing has changed."""
    if answer.status == 304 and held.arrays is not None:
        return
    try:
        document = document_of(answer)
    except SessionHasNoShape:
        described = yield requests.describe(held.id)
        held.become(session_of(described))
        held.see(described, None)
        if held.shape is not None:  # it was given one between the two requests
            yield from _resync(held)
        return
    # Another life may be another session altogether, of another dtype.
    same_life = validator_of(answer).incarnation == held.validator.incarnation
    info = None if same_life else session_of((yield requests.describe(held.id)))
    arrays = values_of(answer, document, "params", held.dtype if info is None else info.dtype)
    if info is not None:
        held.become(info)
    held.see(answer, arrays)


def put_params(held: Held, params: Any) -> Flow[None]:
    """Replace the params; what was sent is what is held."""
    arrays, form = take("params", params, held.dtype)
    kept = copied(arrays)
    answer = yield requests.put_params(held.id, {"params": encode(kept)}, held.validator.etag)
    session_of(answer)
    held.see(answer, kept, form)


def state(held: Held) -> Flow[Checkpoint]:
    """GET the checkpoint, in the caller's form; changes nothing held."""
    answer = yield requests.get_state(held.id)
    document = document_of(answer)
    try:
        return Checkpoint.read(document, held.form)
    except ValueError:
        raise unexpected_member(answer, "checkpoint") from None


def restore(held: Held, checkpoint: Checkpoint) -> Flow[None]:
    """Replace the session held by a checkpoint."""
    document = checkpoint.document()
    arrays = copied(take("params", checkpoint.params, held.dtype)[0])
    answer = yield requests.put_state(held.id, document, held.validator.etag)
    held.become(session_of(answer))
    held.see(answer, arrays)


def restore_as(
    session_id: str, checkpoint: Checkpoint, ttl_s: float | None, labels: Mapping[str, str] | None
) -> Flow[Held]:
    """Restore under an id, free or not: looks first, and says what it found, so that no step is undone unseen."""
    document = checkpoint.document()
    arrays, form = take("params", checkpoint.params, dtype_named(checkpoint.dtype))
    kept = copied(arrays)
    described = yield requests.describe(session_id)
    etag: str | None = None
    try:
        etag = validator_of(checked(described)).etag
    except (SessionNotFound, SessionExpired):
        document.update(_extras(ttl_s, labels))
    answer = yield requests.put_state(session_id, document, etag)
    held = Held.of(session_of(answer), answer)
    held.see(answer, kept, form)
    return held


def reset(held: Held) -> Flow[None]:
    """Zero the optimizer state. The params stay, so those held, if any, stay true."""
    answer = yield requests.reset(held.id, held.validator.etag)
    session_of(answer)
    held.see(answer, held.arrays)


def delete(session_id: str, etag: str | None) -> Flow[None]:
    """DELETE; that nothing is there counts as done where an earlier sending may have done it."""
    answer = yield requests.delete(session_id, etag)
    try:
        checked(answer)
    except (SessionNotFound, SessionExpired) as error:
        if not error.maybe_applied:
            raise


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
) -> Flow[tuple[Any, dict[str, Any]]]:
    """The stateless form; params and slots come back in the form of the params."""
    chosen = dtype_named(dtype, params)
    arrays, form = take("params", params, chosen)
    document: dict[str, Any] = {
        "optimizer": optimizer_document(optimizer),
        "dtype": chosen.name,
        "params": encode(arrays),
        "grads": encode(take("grads", grads, chosen)[0]),
    }
    if state is not None:
        document["state"] = {slot: encode(take(slot, values, chosen)[0]) for slot, values in state.items()}
    answer = yield requests.step_once(document)
    result = document_of(answer)
    new_params = values_of(answer, result, "params", chosen)
    new_state = result.get("state")
    if not isinstance(new_state, dict):
        raise unexpected_member(answer, "state")
    slots = {slot: give(values_of(answer, new_state, slot, chosen), form) for slot in new_state}
    return give(new_params, form), slots


def optimizers() -> Flow[dict[str, Any]]:
    """GET the catalogue, as it comes."""
    return document_of((yield requests.optimizers()))


def info() -> Flow[dict[str, Any]]:
    """GET what the service is, as it comes."""
    return document_of((yield requests.info()))


def _checked_step(step: int) -> int:
    number = operator.index(step)
    if not 0 <= number <= LARGEST_STEP:
        raise ValueError(f"step is {number}; it must be from 0 to {LARGEST_STEP}")
    return number


def _checked_wait(timeout_s: float | None) -> float:
    wait_s = math.inf if timeout_s is None else float(timeout_s)
    if not wait_s >= 0:
        raise ValueError(f"timeout_s is {timeout_s}; it must be at least 0, or None to wait as long as it takes")
    return wait_s


def _shape_document(shape: ShapeLike) -> list[int] | dict[str, list[int]]:
    if isinstance(shape, Mapping):
        return {name: _lengths(one) for name, one in shape.items()}
    return _lengths(shape)


def _lengths(shape: int | Sequence[int]) -> list[int]:
    return [int(shape)] if isinstance(shape, (int, np.integer)) else [int(length) for length in shape]


def _extras(ttl_s: float | None, labels: Mapping[str, str] | None) -> dict[str, Any]:
    extras = {"ttl_s": ttl_s, "labels": None if labels is None else dict(labels)}
    return {name: value for name, value in extras.items() if value is not None}
