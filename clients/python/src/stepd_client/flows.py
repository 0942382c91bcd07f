"""What each verb of a session asks of the service and makes of the answers, as flows (wire.py).

Whoever runs them does the I/O. Values are checked before the first request is yielded: a ValueError or TypeError means
that nothing was sent. A flow changes what it is handed (`Held`) only after the answer that it needs has been read in
full.
"""

from __future__ import annotations

import math
import operator
import uuid
from typing import Any

from stepd_client import requests
from stepd_client.answers import (
    checked,
    contents_of,
    document_of,
    params_of,
    session_of,
    unexpected_member,
    unreadable,
    validator_of,
)
from stepd_client.checkpoint import Checkpoint
from stepd_client.errors import InvalidQuery, SessionExpired, SessionHasNoShape, SessionNotFound
from stepd_client.formats import is_binary, payload, size_of
from stepd_client.held import Held
from stepd_client.info import SessionInfo
from stepd_client.values import copied, shape_of, take
from stepd_client.wire import Answer, Flow

# What one request waits at most. Services allow 60 s unless told otherwise; proxies tend to give up after as many.
LONGEST_WAIT_S = 30.0
LARGEST_STEP = 2**53


def fetch_where_shaped(held: Held) -> Flow[None]:
    """GET the params of a session that has a shape, and hold the state that they belong to."""
    if held.shape is not None:
        yield from _resync(held)


def describe(session_id: str) -> Flow[SessionInfo]:
    """GET what the session is; changes nothing held."""
    return session_of((yield requests.describe(session_id)))


def step(held: Held, grads: Any, params: Any, lr: float | None, return_params: bool) -> Flow[Any]:
    """One step from the state held; a key of its own makes it safe to resend."""
    given, form = take("grads", grads, held.dtype)
    vectors = {"grads": given}
    if params is not None:
        vectors["params"] = take("params", params, held.dtype)[0]
    if lr is not None and not math.isfinite(lr):
        raise ValueError(f"lr is {lr}; it must be finite")
    answer = yield requests.step(
        held.id,
        payload({}, vectors, binary=is_binary(held.format, size_of(given)), alone=held.shape),
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
    held.see(answer, params_of(answer, held.dtype, held.shape or shape_of(given)), form)
    return held.given()


def fetch_params(held: Held) -> Flow[Any]:
    """GET the params and hold the state that they belong to."""
    yield from _resync(held)
    return held.given()


def wait_for_step(held: Held, step: int, timeout_s: float | None) -> Flow[Any]:
    """Long-poll until the step is taken, another life begins, the time is over or the service drains.

    A wait that is longer than one request may be is made of several. What each answer says is held.
    """
    step = checked_step(step)
    left_s = _checked_wait(timeout_s)
    life = held.validator.incarnation
    longest_s = LONGEST_WAIT_S
    while True:
        asked_s = min(left_s, longest_s)
        # With params held, waiting in vain costs no more than a 304.
        etag = None if held.arrays is None else held.validator.etag
        answer = yield requests.wait_for_step(held.id, step, asked_s, etag, binary=held.binary)
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
    yield from _take_over(held, (yield requests.get_params(held.id, binary=held.binary)))


def _take_over(held: Held, answer: Answer) -> Flow[None]:
    """Holds what an answer to GET params says; 304 says that nothing has changed."""
    if answer.status == 304 and held.arrays is not None:
        return
    try:
        checked(answer)
    except SessionHasNoShape:
        described = yield requests.describe(held.id)
        held.become(session_of(described))
        held.see(described, None)
        if held.shape is not None:  # it was given one between the two requests
            yield from _resync(held)
        return
    # Another life may be another session altogether, of another dtype.
    same_life = validator_of(answer).incarnation == held.validator.incarnation
    if same_life:
        held.see(answer, params_of(answer, held.dtype, held.shape))
        return
    info = session_of((yield requests.describe(held.id)))
    arrays = params_of(answer, info.dtype, info.shape)
    held.become(info)
    held.see(answer, arrays)


def put_params(held: Held, params: Any) -> Flow[None]:
    """Replace the params; what was sent is what is held."""
    arrays, form = take("params", params, held.dtype)
    kept = copied(arrays)
    binary = is_binary(held.format, size_of(kept))
    sent = payload({}, {"params": kept}, binary=binary, alone=held.shape)
    answer = yield requests.put_params(held.id, sent, held.validator.etag)
    session_of(answer)
    held.see(answer, kept, form)


def state(held: Held, at_step: int | None, incarnation: str | None) -> Flow[Checkpoint]:
    """GET the checkpoint of now or of then, in the caller's form; changes nothing held."""
    at = None if at_step is None else checked_step(at_step)
    answer = yield requests.get_state(held.id, at, incarnation, binary=held.binary)
    contents = contents_of(answer)
    try:
        if contents is not None:
            return Checkpoint.of_contents(contents, held.form)
        return Checkpoint.read(document_of(answer), held.form)
    except ValueError as error:
        raise unreadable(answer, error) from None


def snapshot(session_id: str) -> Flow[SessionInfo]:
    """Have the session written to the store; changes nothing held."""
    return session_of((yield requests.snapshot(session_id)))


def restore(held: Held, checkpoint: Checkpoint) -> Flow[None]:
    """Replace the session held by a checkpoint."""
    sent = checkpoint.payload(held.format)
    arrays = copied(take("params", checkpoint.params, held.dtype)[0])
    answer = yield requests.put_state(held.id, sent, held.validator.etag)
    held.become(session_of(answer))
    held.see(answer, arrays)


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


def checked_step(step: int) -> int:
    """A number of steps. Raises ValueError or TypeError for what is none."""
    number = operator.index(step)
    if not 0 <= number <= LARGEST_STEP:
        raise ValueError(f"step is {number}; it must be from 0 to {LARGEST_STEP}")
    return number


def _checked_wait(timeout_s: float | None) -> float:
    wait_s = math.inf if timeout_s is None else float(timeout_s)
    if not wait_s >= 0:
        raise ValueError(f"timeout_s is {timeout_s}; it must be at least 0, or None to wait as long as it takes")
    return wait_s
