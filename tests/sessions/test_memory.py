"""What a session is counted for is at least what it takes: measured, over many sessions of each kind."""

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from stepd.sessions.session import Session
from stepd.sessions.table import SessionTable
from stepd.values import KeyRecord, Values, fingerprint
from stepd.wire.json import parse
from tests.sessions.runs import DRIVER, make_session, values

COUNT = 400


def taken(fill: Callable[[int], Any]) -> float:
    """Bytes that stay allocated for each of many calls."""
    gc.collect()
    tracemalloc.start()
    try:
        kept = [fill(number) for number in range(COUNT)]
        gc.collect()
        return (tracemalloc.get_traced_memory()[0] - kept.__sizeof__()) / COUNT
    finally:
        tracemalloc.stop()


def fresh(given: Any) -> Any:
    """As the wire gives it: no text and no number is shared with another session."""
    return parse(orjson.dumps(given))


def rank_8(length: int) -> Any:
    return [[[[[[[[1.5] * length]]]]]]]


# What each session is made from, by its number: whatever may differ from session to session differs.
KINDS: dict[str, Callable[[int], dict[str, Any]]] = {
    "unshaped": lambda _: {},
    "small": lambda _: {"params": [1.5]},
    "a shape of its own": lambda number: {"params": [1.5] * (300 + number)},
    "rank 8": lambda number: {"params": rank_8(300 + number)},
    "hyper-parameters of its own": lambda number: {
        "params": rank_8(300 + number), "lr": 1.5 + number, "rho": 0.5 + number * 1e-9, "eps": 1.5e-9 + number * 1e-12,
        "weight_decay": 1e-3 + number * 1e-9, "maximize": True,
    },
    "those of another rule": lambda number: {
        "params": rank_8(300 + number), "rule": "sgd", "lr": 1.5 + number, "momentum": 0.5 + number * 1e-9,
        "weight_decay": 1e-3 + number * 1e-9, "nesterov": True,
    },
    "labels": lambda number: {"labels": {f"{'k' * 50}{number:05}{i}": "v" * 250 + f"{number:05}" for i in range(16)}},
    "short labels": lambda number: {"labels": {f"{number:05}{i}": f"{number:05}" for i in range(16)}},
    "labels beyond ASCII": lambda number: {
        "labels": {f"{'😀' * 50}{number:05}{i}": "😀" * 250 + f"{number:05}" for i in range(16)}
    },
    "named": lambda number: {"params": {f"{number:05}{i:02}": 1.5 for i in range(30)}},
    "named of rank 8": lambda number: {"params": {f"{number:05}{i:02}": rank_8(1) for i in range(30)}},
    "named, of length": lambda number: {"params": {f"{number:05}{i:02}": [[1.5] * (300 + number)] for i in range(20)}},
    "long names": lambda number: {"params": {f"{'😀' * 120}{number:05}{i:02}": [1.5] for i in range(30)}},
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_an_idle_session_takes_no_more_than_it_is_counted_for(kind: Callable[[int], dict[str, Any]]) -> None:
    """A session of each kind that took a step with a key, in a table, with a ttl: the count covers all of it."""
    table = SessionTable(10**12)

    def make(number: int) -> Session:
        session = make_session(name=f"{number:064}", ttl_s=60.5 + number, **fresh(kind(number)))
        table.add(session, now=float(number))
        if session.state.tensors is not None:
            grads = values(fresh(kind(number)["params"]))
            print_ = fingerprint(Values(session.state.tensors, grads.flat), None, None)
            prepared = session.prepare_step(DRIVER, grads, key=f"key-{number}", fingerprint=print_)
            table.resize(session.growth(prepared), 0.0)
            session.commit(prepared, float(number))
        return session

    measured = taken(make)
    counted = table.used_bytes / COUNT
    assert measured <= counted, f"takes {measured:.0f} bytes, counted for {counted:.0f}"


@pytest.mark.parametrize("length", [1, 36, 255])
def test_a_key_takes_no_more_than_it_is_counted_for(length: int) -> None:
    """Keys of any length, remembered and forgotten many times over."""
    sessions = [make_session(key_limit=64, name=f"{number}") for number in range(COUNT)]

    def remember(number: int) -> None:
        for turn in range(100):
            key = f"{number * 1000 + turn:0{length}}"[-length:] if length > 1 else chr(33 + turn % 90)
            if key not in sessions[number].keys.records:
                record = KeyRecord(sessions[number].state.incarnation, 10**6 + turn, (turn << 64).to_bytes(16, "big"))
                sessions[number].keys.remember(key, record)

    measured = taken(remember)
    counted = sum(session.keys.nbytes for session in sessions) / COUNT
    assert len(sessions[0].keys.records) == 64
    assert measured <= counted, f"takes {measured / 64:.0f} bytes a key, counted for {counted / 64:.0f}"
