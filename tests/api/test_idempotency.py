"""Idempotency-Key: a step with a key is taken once, however often it is sent, as long as the key is remembered."""

import json
from typing import Any

import httpx
import pytest

from tests.server import Handle, Servers

JSON = {"Content-Type": "application/json"}


def replayed(answer: httpx.Response) -> bool:
    return answer.headers.get("idempotent-replayed") == "true"


def test_a_repeated_key_applies_nothing(session: Handle) -> None:
    """The second time is 200 with the same answer, and says so."""
    session.create(params=[1.0, 2.0])
    first = session.step([0.5, -0.5], key="a")
    again = session.step([0.5, -0.5], key="a")
    assert not replayed(first)
    assert replayed(again)
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["stepd-step"] == again.headers["stepd-applied-step"] == "1"
    assert session.get().json()["step"] == 1


def test_a_replay_after_further_steps_has_the_current_params(session: Handle) -> None:
    """It gives what is there now, and Stepd-Applied-Step says which step took these gradients."""
    session.create(params=[1.0, 2.0])
    session.step([9.0, 9.0])
    session.step([0.5, -0.5], key="a")
    last = session.step([1.0, 1.0])
    again = session.step([0.5, -0.5], key="a")
    assert replayed(again)
    assert again.json() == last.json()
    assert again.headers["etag"] == last.headers["etag"]
    assert (again.headers["stepd-step"], again.headers["stepd-applied-step"]) == ("3", "2")


def test_replays_and_preferences_are_independent(session: Handle) -> None:
    """A step that was answered with params may be replayed as 204, and the other way round."""
    session.create(params=[1.0, 2.0])
    full = session.step([0.5, -0.5], key="a")
    minimal = session.step([0.5, -0.5], key="a", headers={"Prefer": "return=minimal"})
    assert (minimal.status_code, minimal.content, replayed(minimal)) == (204, b"", True)
    assert minimal.headers["stepd-applied-step"] == "1"
    assert minimal.headers["etag"] == full.headers["etag"]
    session.step([1.0, 1.0], key="b", headers={"Prefer": "return=minimal"})
    again = session.step([1.0, 1.0], key="b")
    assert (again.status_code, replayed(again)) == (200, True)
    assert again.json() == session.params().json()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("abc", '"abc"'),
        ('"abc"', "abc"),
        ("a\\b", '"a\\\\b"'),
        ("8c7d-4e", '"8c7d-4e"'),
        ("!#$%&'()*+,-./:;<=>?@[]^_`{|}~", '"!#$%&\'()*+,-./:;<=>?@[]^_`{|}~"'),
        ("k" * 255, '"' + "k" * 255 + '"'),
        ('"with space"', '"with space"'),
        ('"a \\" b"', '"a \\" b"'),
    ],
)
def test_bare_and_quoted_are_one_key(session: Handle, first: str, second: str) -> None:
    """`a` and `"a"` (RFC 8941) name the same step."""
    session.create(params=[1.0])
    assert session.step([0.5], key=first).status_code == 200
    assert replayed(session.step([0.5], key=second))
    assert session.get().json()["step"] == 1


def test_keys_are_told_apart_by_case_and_by_session(session: Handle) -> None:
    """`a` and `A` are two keys, and so is `a` of another session."""
    session.create(params=[1.0])
    other = Handle(session.http, session.id + "-other")
    other.create(params=[1.0])
    for answer in (session.step([0.5], key="a"), session.step([0.5], key="A"), other.step([0.5], key="a")):
        assert not replayed(answer)
    assert (session.get().json()["step"], other.get().json()["step"]) == (2, 1)


@pytest.mark.parametrize(
    "other",
    [
        {"grads": [0.5, -0.25]},
        {"grads": [0.5, 0.5]},
        {"grads": [0.5, -0.5], "lr": 2},
        {"grads": [0.5, -0.5], "lr": 1},
        {"grads": [0.5, -0.5], "params": [1.0, 2.0]},
    ],
)
def test_a_key_with_other_content_is_refused(session: Handle, other: dict[str, Any]) -> None:
    """Other gradients, another lr, params where there were none: 422 key-reused, and nothing changes."""
    session.create(params=[1.0, 2.0])
    session.step([0.5, -0.5], key="a")
    before = session.state()
    refused = session.step(**other, key="a")
    assert (refused.status_code, refused.json()["code"]) == (422, "key-reused")
    assert "step 1" in refused.json()["detail"]
    assert session.state().content == before.content


def test_a_zero_and_its_negative_are_other_content(session: Handle) -> None:
    """-0.0 and 0.0 differ in a bit, and the rule carries it on."""
    session.create(params=[0.0])
    session.step([0.0], key="a")
    assert session.step([-0.0], key="a").json()["code"] == "key-reused"


@pytest.mark.parametrize(
    ("dtype", "first", "second"),
    [
        ("float64", '{"grads":[1,2]}', '{"grads": [1.0, 2.0e0]}'),
        ("float64", '{"grads":[1,2]}', ' {\n"grads" :\t[ 1 , 2 ] } '),
        ("float64", '{"grads":[1,2],"params":[3,4]}', '{"params":[3.0,4.0],"grads":[1.0,2.0]}'),
        ("float64", '{"grads":[0,0.1]}', '{"grads":[-0,0.1000000000000000055511151231257827]}'),
        ("float64", '{"grads":[1,1e-400]}', '{"grads":[1,0]}'),
        ("float32", '{"grads":[0.1,2]}', '{"grads":[0.10000000149011612,2]}'),
    ],
)
def test_other_spellings_of_the_same_numbers_are_the_same_content(
    session: Handle, dtype: str, first: str, second: str
) -> None:
    """What counts are the decoded values in the session's dtype, not the text."""
    session.create(params=[1.0, 2.0], dtype=dtype)
    answers = [
        session.http.post(session.path + "/step", content=body, headers={**JSON, "Idempotency-Key": "a"})
        for body in (first, second)
    ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [replayed(answer) for answer in answers] == [False, True]


def test_other_spellings_of_lr_and_other_headers_are_the_same_content(session: Handle) -> None:
    """?lr=0.5 and ?lr=5e-1 are one; a request id, Accept or Prefer is no content."""
    session.create(params=[1.0])
    session.step([0.5], lr="0.5", key="a")
    again = session.step([0.5], lr="5e-1", key="a", headers={"X-Request-ID": "x", "Accept": "application/json"})
    assert replayed(again)


def test_the_key_is_judged_before_if_match(session: Handle) -> None:
    """A resent step carries the tag it was first sent with, which is stale by then: it is a replay and no 412."""
    tag = session.create(params=[1.0, 2.0]).headers["etag"]
    first = session.step([0.5, -0.5], key="a", if_match=tag)
    again = session.step([0.5, -0.5], key="a", if_match=tag)
    assert (first.status_code, again.status_code) == (200, 200)
    assert replayed(again)
    reused = session.step([1.0, 1.0], key="a", if_match=tag)
    assert reused.json()["code"] == "key-reused"
    assert session.step([1.0, 1.0], key="b", if_match=tag).status_code == 412


@pytest.mark.parametrize(
    ("refused", "code"),
    [
        ({"grads": [1e300, 1.0]}, "step-not-finite"),
        ({"grads": [1.0]}, "shape-mismatch"),
        ({"grads": [1.0, None]}, "not-a-number"),
        ({"grads": [1.0, 1.0], "lr": -1}, "invalid-hyper-parameter"),
        ({"grads": [1.0, 1.0], "if_match": '"stale"'}, "precondition-failed"),
    ],
)
def test_only_applied_steps_are_remembered(session: Handle, refused: dict[str, Any], code: str) -> None:
    """The key of a refused step is free: the corrected step may carry it."""
    session.create(params=[1.0, 2.0])
    assert session.step(**refused, key="a").json()["code"] == code
    applied = session.step([0.5, -0.5], key="a")
    assert (applied.status_code, replayed(applied)) == (200, False)


def test_the_newest_keys_are_remembered(servers: Servers) -> None:
    """As many as /v1/info says; the oldest beyond it is forgotten, and its step would be taken again."""
    server = servers(keys_per_session=3)
    assert server.http.get("/v1/info").json()["limits"]["keys_per_session"] == 3
    session = server.session()
    session.create(params=[1.0])
    for key in "abcd":
        session.step([0.5], key=key)
        session.step([0.5])
    for key, step in (("b", "3"), ("c", "5"), ("d", "7")):
        again = session.step([0.5], key=key)
        assert replayed(again)
        assert again.headers["stepd-applied-step"] == step
    assert not replayed(session.step([0.5], key="a"))
    assert session.get().json()["step"] == 9


def test_sixty_four_keys_are_remembered_unless_set_otherwise(session: Handle) -> None:
    """The default is 64."""
    session.create(params=[1.0])
    for number in range(65):
        session.step([0.5], key=f"k{number}", headers={"Prefer": "return=minimal"})
    assert replayed(session.step([0.5], key="k1"))
    assert not replayed(session.step([0.5], key="k0"))


def _reset(session: Handle) -> httpx.Response:
    return session.reset()


def _put_params(session: Handle) -> httpx.Response:
    return session.put_params([1.0, 2.0])


def _put_state(session: Handle) -> httpx.Response:
    return session.put_state(session.state().json())


@pytest.mark.parametrize("replace", [_reset, _put_params, _put_state])
@pytest.mark.parametrize("grads", [[0.5, -0.5], [3.0, 3.0]])
def test_a_key_of_an_earlier_incarnation(session: Handle, replace: Any, grads: list[float]) -> None:
    """412 session-replaced with where the session is now, be the content the same or not; new keys work."""
    session.create(params=[1.0, 2.0])
    session.step([0.5, -0.5], key="a")
    assert replace(session).status_code == 200
    before = session.state()
    refused = session.step(grads, key="a")
    assert refused.status_code == 412
    problem = refused.json()
    assert problem["code"] == "session-replaced"
    assert problem["etag"] == refused.headers["etag"] == before.headers["etag"]
    assert problem["step"] == before.json()["step"]
    assert session.state().content == before.content
    assert session.step(grads, key="b").status_code == 200


def test_params_with_a_step_do_not_replace_the_session(session: Handle) -> None:
    """They come within the same incarnation: earlier keys are replays still."""
    session.create(params=[1.0, 2.0])
    session.step([0.5, -0.5], key="a")
    session.step([0.5, -0.5], params=[7.0, 7.0], key="b")
    assert replayed(session.step([0.5, -0.5], key="a"))


def test_keys_go_with_their_session(session: Handle) -> None:
    """A session that is created anew under the same id knows no keys of the deleted one."""
    session.create(params=[1.0])
    session.step([0.5], key="a")
    session.delete()
    session.create(params=[1.0])
    assert not replayed(session.step([0.5], key="a"))


def test_a_replay_changes_nothing(session: Handle) -> None:
    """State, times and bytes stay as they are."""
    session.create(params=[1.0, 2.0])
    session.step([0.5, -0.5], key="a")
    before, state = session.get(), session.state()
    assert replayed(session.step([0.5, -0.5], key="a"))
    assert session.get().content == before.content
    assert json.loads(session.state().content) == state.json()
