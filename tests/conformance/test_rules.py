"""The rules that hold in every case, on exchanges as the proxy records them: each finds what breaks it, no more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.conformance.proxy import Exchange
from tests.conformance.rules import Rules

STEP = Exchange("POST /v1/sessions/run/step", '"a-0"', None, "key", b'{"grads":[1.0]}', 200)
RESET = Exchange("POST /v1/sessions/run/reset", '"a-0"', None, None, b"", 200)
PUT_PARAMS = Exchange("PUT /v1/sessions/run/params", '"a-0"', None, None, b'{"params":[1.0]}', 200)
PUT_STATE = Exchange("PUT /v1/sessions/run/state", None, "*", None, b"{}", 201)
DELETE = Exchange("DELETE /v1/sessions/run", '"a-0"', None, None, b"", 204)
CREATE = Exchange("POST /v1/sessions", None, None, None, b"{}", 201)
GET = Exchange("GET /v1/sessions/run/params", None, None, None, b"", 200)


def broken_by(*seen: Exchange, on_session: bool = True) -> list[str]:
    return list(Rules().broken_by(seen, on_session))


@pytest.mark.parametrize("exchange", [STEP, RESET, PUT_PARAMS, PUT_STATE, DELETE, GET], ids=lambda one: one.line)
def test_the_same_request_may_be_sent_again(exchange: Exchange) -> None:
    """Whatever became of the first sending, the same bytes again break no rule."""
    assert broken_by(exchange, replace(exchange, status=412)) == []


@pytest.mark.parametrize(
    ("exchange", "reason"),
    [
        (replace(STEP, if_match=None), "a step was sent without If-Match"),
        (replace(STEP, key=None), "a step was sent without Idempotency-Key"),
        (replace(RESET, if_match=None), "POST /v1/sessions/run/reset was sent without If-Match"),
        (replace(RESET, key="key"), "POST /v1/sessions/run/reset carries an Idempotency-Key; that is for steps"),
        (replace(PUT_PARAMS, if_match=None), "PUT /v1/sessions/run/params was sent without If-Match"),
        (
            replace(PUT_STATE, if_none_match=None),
            "PUT /v1/sessions/run/state was sent without If-Match and without If-None-Match: *",
        ),
        (replace(DELETE, if_match=None), "DELETE /v1/sessions/run was sent without If-Match from a session object"),
    ],
)
def test_what_makes_a_request_safe_to_resend_is_missed(exchange: Exchange, reason: str) -> None:
    """Each condition is looked for on each request that needs it."""
    assert broken_by(exchange) == [reason]


def test_a_fork_without_an_id_may_be_sent_once() -> None:
    """With one a second sending finds the id taken; without one it makes another session."""
    fork = Exchange("POST /v1/sessions/run/fork", None, None, None, b'{"id":"fork"}', 201)
    assert broken_by(fork, replace(fork, status=409)) == []
    unnamed = replace(fork, body=b"{}")
    assert broken_by(unnamed) == []
    assert broken_by(unnamed, unnamed) == ["a fork without an id was sent 2 times; each may have made a session"]


def test_deleting_by_id_needs_no_state() -> None:
    """Without a session object there is no state to name."""
    assert broken_by(replace(DELETE, if_match=None), on_session=False) == []


@pytest.mark.parametrize(
    "change",
    [
        {"line": "POST /v1/sessions/run/step?lr=0.5"},
        {"if_match": '"a-1"'},
        {"if_none_match": "*"},
        {"key": "another"},
        {"body": b'{"grads":[1.0] }'},
    ],
)
def test_any_difference_between_sendings_is_found(change: dict[str, str]) -> None:
    """The same request again is the same byte for byte."""
    (name,) = change
    (complaint,) = broken_by(STEP, replace(STEP, **change))
    assert f"was sent again with another {name}" in complaint


def test_reads_may_differ() -> None:
    """A wait that is made of several requests asks for less time each time."""
    assert broken_by(GET, replace(GET, line="GET /v1/sessions/run/params?timeout_s=1")) == []


def test_a_key_is_for_one_step() -> None:
    """The same key in a later command is found, even where the step looks the same."""
    rules = Rules()
    assert list(rules.broken_by([STEP, STEP], True)) == []
    (complaint,) = rules.broken_by([STEP], True)
    assert "was used for an earlier step too" in complaint


def test_a_create_under_an_id_of_the_service_is_sent_once() -> None:
    """The second might make a second session."""
    assert broken_by(CREATE, on_session=False) == []
    (complaint,) = broken_by(CREATE, CREATE, on_session=False)
    assert "POST /v1/sessions was sent 2 times" in complaint
