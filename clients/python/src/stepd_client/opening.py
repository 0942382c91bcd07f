"""How a session object comes about, as flows (wire.py): by creating, attaching, restoring or forking.

Values are checked before the first request is yielded: a ValueError or TypeError means that nothing was sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from stepd_client import requests
from stepd_client.answers import checked, session_of, validator_of
from stepd_client.checkpoint import Checkpoint
from stepd_client.errors import SessionExpired, SessionNotFound
from stepd_client.flows import checked_step, fetch_where_shaped
from stepd_client.formats import Format, is_binary, payload, size_of
from stepd_client.held import Held
from stepd_client.info import Durability
from stepd_client.optimizers import Adadelta, Optimizer, optimizer_document
from stepd_client.values import copied, dtype_named, take
from stepd_client.wire import Flow

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
    durability: Durability | None,
    chosen_format: Format,
) -> Flow[Held]:
    """Create, or attach to what is there."""
    if session_id is not None and optimizer is None and params is None and shape is None:
        if any(given is not None for given in (dtype, ttl_s, labels, durability)):
            raise ValueError(
                "dtype, ttl_s, labels and durability are for creating; that takes an optimizer, params or a shape too"
            )
        return (yield from attach(session_id, chosen_format))
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
    if shape is not None:
        document["shape"] = _shape_document(shape)
    document.update(_extras(ttl_s, labels, durability))

    vectors = {} if arrays is None else {"params": arrays}
    binary = arrays is not None and is_binary(chosen_format, size_of(arrays))
    answer = yield requests.create(session_id, payload(document, vectors, binary=binary))
    held = Held.of(session_of(answer), answer, chosen_format)
    held.form = form
    if answer.status != 201:
        yield from fetch_where_shaped(held)
    elif arrays is None:
        held.see_zeros()
    else:
        held.arrays = arrays
    return held


def attach(session_id: str, chosen_format: Format) -> Flow[Held]:
    """GET what is there, and its params where it has a shape."""
    answer = yield requests.describe(session_id)
    held = Held.of(session_of(answer), answer, chosen_format)
    yield from fetch_where_shaped(held)
    return held


def restore_as(
    session_id: str,
    checkpoint: Checkpoint,
    ttl_s: float | None,
    labels: Mapping[str, str] | None,
    durability: Durability | None,
    chosen_format: Format,
) -> Flow[Held]:
    """Restore under an id, free or not: looks first, and says what it found, so that no step is undone unseen."""
    sent = checkpoint.payload(chosen_format)
    arrays, form = take("params", checkpoint.params, dtype_named(checkpoint.dtype))
    kept = copied(arrays)
    described = yield requests.describe(session_id)
    etag: str | None = None
    try:
        etag = validator_of(checked(described)).etag
    except (SessionNotFound, SessionExpired):
        sent = checkpoint.payload(chosen_format, _extras(ttl_s, labels, durability))
    answer = yield requests.put_state(session_id, sent, etag)
    held = Held.of(session_of(answer), answer, chosen_format)
    held.see(answer, kept, form)
    return held


def fork(
    origin: Held,
    session_id: str | None,
    *,
    at_step: int | None,
    incarnation: str | None,
    optimizer: Mapping[str, Any] | None,
    ttl_s: float | None,
    labels: Mapping[str, str] | None,
    durability: Durability | None,
) -> Flow[Held]:
    """Make another session of one that is held, and GET its params; changes nothing of the one held."""
    given = {
        "id": session_id,
        "at_step": None if at_step is None else checked_step(at_step),
        "incarnation": incarnation,
        "optimizer": None if optimizer is None else dict(optimizer),
    }
    document = {name: value for name, value in given.items() if value is not None}
    document |= _extras(ttl_s, labels, durability)
    sent = payload(document, {}, binary=False)
    answer = yield requests.fork(origin.id, sent, repeatable=session_id is not None)
    held = Held.of(session_of(answer), answer, origin.format)
    held.form = origin.form
    yield from fetch_where_shaped(held)
    return held


def _shape_document(shape: ShapeLike) -> list[int] | dict[str, list[int]]:
    if isinstance(shape, Mapping):
        return {name: _lengths(one) for name, one in shape.items()}
    return _lengths(shape)


def _lengths(shape: int | Sequence[int]) -> list[int]:
    return [int(shape)] if isinstance(shape, (int, np.integer)) else [int(length) for length in shape]


def _extras(ttl_s: float | None, labels: Mapping[str, str] | None, durability: Durability | None) -> dict[str, Any]:
    extras = {"ttl_s": ttl_s, "labels": None if labels is None else dict(labels), "durability": durability}
    return {name: value for name, value in extras.items() if value is not None}
