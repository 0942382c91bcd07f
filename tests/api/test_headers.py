"""What requests say in headers: entity tags, keys, request ids; strict, refused by name, the same on every verb."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.api.raw import Wire
from tests.server import Handle, Running

Verb = Callable[[Handle, dict[str, str] | list[tuple[str, str]]], httpx.Response]


def _step(session: Handle, headers: Any) -> httpx.Response:
    return session.http.post(session.path + "/step", json={"grads": [1.0, 1.0]}, headers=headers)


def _put_params(session: Handle, headers: Any) -> httpx.Response:
    return session.put_params([7.0, 7.0], headers)


def _put_state(session: Handle, headers: Any) -> httpx.Response:
    return session.put_state(session.state().json(), headers)


def _reset(session: Handle, headers: Any) -> httpx.Response:
    return session.reset(headers)


def _delete(session: Handle, headers: Any) -> httpx.Response:
    return session.delete(headers)


CHANGES = pytest.mark.parametrize("verb", [_step, _put_params, _put_state, _reset, _delete])
STALE = '"aaaaaaaaaaaaa-0"'


@pytest.fixture
def made(session: Handle) -> Handle:
    """A session that has taken a step."""
    session.create(params=[1.0, 2.0])
    session.step([0.5, -0.5])
    return session


@CHANGES
@pytest.mark.parametrize("form", ["{tag}", "*", STALE + ", {tag}", "{tag}," + STALE, '"", {tag} ,', "  {tag}"])
def test_if_match_lets_the_current_state_pass(made: Handle, verb: Verb, form: str) -> None:
    """The tag as ETag gave it, * for any state, or a list that has it."""
    answer = verb(made, {"If-Match": form.format(tag=made.tag()).strip()})
    assert answer.status_code in (200, 204)


@CHANGES
@pytest.mark.parametrize("form", [STALE, "W/{tag}", '"*"', "", f'{STALE}, "b", W/{STALE}', "{early}"])
def test_if_match_stops_anything_else(made: Handle, verb: Verb, form: str) -> None:
    """412 with where the session is now; a weak tag never matches; nothing changes."""
    early = made.tag().replace('-1"', '-0"')
    before = made.state()
    refused = verb(made, {"If-Match": form.format(tag=made.tag(), early=early)})
    assert refused.status_code == 412
    problem = refused.json()
    assert problem["code"] == "precondition-failed"
    assert problem["etag"] == refused.headers["etag"] == before.headers["etag"]
    assert problem["step"] == 1
    assert made.state().content == before.content


@CHANGES
@pytest.mark.parametrize("form", ["abc-1", '"a', 'a"', '"a" "b"', "*, *", '"a b"', "'a'", 'w/"a"', '"a"x', "1"])
def test_a_malformed_if_match_is_refused(made: Handle, verb: Verb, form: str) -> None:
    """400 invalid-header names the header and what it must look like; nothing changes."""
    before = made.state()
    for name in ("If-Match", "If-None-Match"):
        refused = verb(made, {name: form})
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid-header")
        assert name.lower() in refused.json()["detail"].lower()
    assert made.state().content == before.content


@CHANGES
def test_several_if_match_lines_are_one_list(made: Handle, verb: Verb) -> None:
    """RFC 9110, 5.3: the lines of a list header belong together."""
    assert verb(made, [("If-Match", STALE), ("If-Match", made.tag())]).status_code in (200, 204)


@CHANGES
def test_if_none_match_stops_the_states_that_it_names(made: Handle, verb: Verb) -> None:
    """On a change `*` and the current tag are 412, weak or not; another tag lets it pass."""
    before = made.state()
    for form in ("*", made.tag(), f"W/{made.tag()}", f"{STALE}, {made.tag()}"):
        refused = verb(made, {"If-None-Match": form})
        assert (refused.status_code, refused.json()["code"]) == (412, "precondition-failed")
    assert made.state().content == before.content
    assert verb(made, {"If-None-Match": STALE}).status_code in (200, 204)


def test_every_answer_about_a_session_has_its_tag(made: Handle) -> None:
    """Created, found, stepped, replayed, read, replaced, restored, reset: ETag is where the session is now."""
    state = made.state().json()
    for verb in (
        made.get,
        lambda: made.create(params=[1.0, 2.0]),
        lambda: made.step([0.5, -0.5], key="a"),
        lambda: made.step([0.5, -0.5], key="a"),
        lambda: made.step([0.5, -0.5], headers={"Prefer": "return=minimal"}),
        made.params,
        lambda: made.params({"If-None-Match": made.tag()}),
        lambda: made.params(wait_for_step=1),
        made.state,
        lambda: made.put_params([1.0, 2.0]),
        lambda: made.put_state(state),
        made.reset,
        lambda: made.step([0.5, -0.5], if_match=STALE),
        lambda: made.create(params=[1.0, 2.0, 3.0]),
    ):
        answer = verb()
        assert answer.headers.get("etag") == made.tag(), f"{answer.request.method} {answer.request.url}: {answer.text}"


@pytest.mark.parametrize(
    ("method", "place", "body"),
    [
        ("PUT", "", {"params": [1.0, 2.0]}),
        ("PUT", "/params", {"params": [1.0, 2.0]}),
        (
            "PUT",
            "/state",
            {"optimizer": {"name": "sgd"}, "step": 0, "params": [1.0], "state": {"momentum_buffer": [0]}},
        ),
        ("POST", "/reset", None),
        ("DELETE", "", None),
        ("GET", "", None),
        ("GET", "/params", None),
        ("GET", "/state", None),
    ],
)
def test_a_key_is_for_steps_only(made: Handle, method: str, place: str, body: Any) -> None:
    """Elsewhere it is 400 key-not-supported, which says what to use instead; nothing changes."""
    before = made.state()
    refused = made.http.request(method, made.path + place, json=body, headers={"Idempotency-Key": "a"})
    assert (refused.status_code, refused.json()["code"]) == (400, "key-not-supported")
    assert "If-Match" in refused.json()["detail"]
    assert made.state().content == before.content


@pytest.mark.parametrize(
    "key", ["", '""', "a b", 'a"b', '"a', 'a"', "k" * 256, '"' + "k" * 256 + '"', "ü", '"ü"', '"a\\x"']
)
def test_a_malformed_key_is_refused(made: Handle, key: str) -> None:
    """1 to 255 printable ASCII characters, bare or in double quotes: else 400, and nothing is applied."""
    before = made.state()
    refused = made.http.post(
        made.path + "/step", json={"grads": [1.0, 1.0]}, headers={"Idempotency-Key": key.encode("latin-1")}
    )
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid-header")
    assert "Idempotency-Key" in refused.json()["detail"]
    assert made.state().content == before.content


def test_two_keys_are_refused(made: Handle) -> None:
    """A step has one key."""
    refused = _step(made, [("Idempotency-Key", "a"), ("Idempotency-Key", "b")])
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid-header")
    assert "several" in refused.json()["detail"]


def test_blanks_around_values_are_no_part_of_them(server: Running, made: Handle) -> None:
    """Header values may have blanks and tabs around them."""
    body = b'{"grads": [1, 1]}'
    with Wire(server.port) as wire:
        for replayed in (None, "true"):
            wire.request(
                "POST", made.path + "/step", "Content-Type:  application/json ", 'Idempotency-Key: \t "a"  ', body=body
            )
            answer = wire.answer()
            assert (answer.status, answer.headers.get("idempotent-replayed")) == (200, replayed)


def test_header_names_have_no_case(server: Running, made: Handle) -> None:
    """IF-MATCH is If-Match."""
    with Wire(server.port) as wire:
        wire.request("POST", made.path + "/reset", f"IF-MATCH: {STALE}")
        assert wire.answer().status == 412
