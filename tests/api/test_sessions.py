"""Create, list, read and delete: what a session is, under which id, and when asking again changes nothing."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.server import Handle, Servers, bits

ADADELTA = {"name": "adadelta", "lr": 1.0, "rho": 0.95, "eps": 1e-6, "weight_decay": 0.0, "maximize": False}


def test_create_under_a_chosen_id(session: Handle) -> None:
    """PUT makes the session: 201, with everything that was left out filled in."""
    answer = session.create(params=[1.0, 2.0])
    assert answer.status_code == 201
    document = answer.json()
    assert document.pop("created_at") == document.pop("updated_at")
    incarnation = document.pop("incarnation")
    assert re.fullmatch("[a-z2-7]{13}", incarnation), "64 bits in base32"
    assert answer.headers["etag"] == f'"{incarnation}-0"'
    assert document.pop("bytes") > 2 * 3 * 8
    assert document == {
        "id": session.id,
        "optimizer": ADADELTA,
        "dtype": "float64",
        "shape": [2],
        "size": 2,
        "step": 0,
        "ttl_s": None,
        "expires_at": None,
        "labels": {},
        "durability": "memory",
        "restored_from": None,
        "forked_from": None,
        "steps_since_restore": 0,
    }
    assert session.get().json() == answer.json()


def test_create_under_an_id_that_the_service_makes(http: httpx.Client) -> None:
    """POST gives 128 random bits as id, named by Location; sent again it makes another session."""
    answers = [http.post("/v1/sessions", json={"params": [1.0]}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    ids = [answer.json()["id"] for answer in answers]
    assert len(set(ids)) == 2
    for answer, session_id in zip(answers, ids, strict=True):
        assert re.fullmatch("[a-z2-7]{26}", session_id)
        assert answer.headers["location"] == f"/v1/sessions/{session_id}"
        found = http.get(answer.headers["location"])
        assert found.json() == answer.json()
        assert found.headers["etag"] == answer.headers["etag"]


@pytest.mark.parametrize("session_id", ["a", "A", "0", "a.b_c-D", "x" * 64, "step", "a..", "0-0"])
def test_ids_of_every_allowed_form(http: httpx.Client, session_id: str) -> None:
    """1 to 64 letters, digits, '.', '_' and '-', the first a letter or digit."""
    assert http.put(f"/v1/sessions/{session_id}", json={}).status_code == 201
    assert http.get(f"/v1/sessions/{session_id}").json()["id"] == session_id
    assert http.delete(f"/v1/sessions/{session_id}").status_code == 204


@pytest.mark.parametrize(
    ("given", "shape", "size"),
    [
        ({"shape": [3]}, [3], 3),
        ({"shape": [2, 3]}, [2, 3], 6),
        ({"shape": [1, 1, 1, 1, 1, 1, 1, 1]}, [1] * 8, 1),
        ({"shape": {"w": [2, 3], "b": []}}, {"b": [], "w": [2, 3]}, 7),
        ({"params": [[1, 2, 3], [4, 5, 6]]}, [2, 3], 6),
        ({"params": {"w": [[1, 2], [3, 4]], "b": 0.5, "é": [1]}}, {"b": [], "w": [2, 2], "é": [1]}, 6),
        ({}, None, None),
    ],
)
def test_shapes(session: Handle, given: dict[str, Any], shape: Any, size: int | None) -> None:
    """Values, nested values, named values and shapes say what the tensors are; names are in order."""
    document = session.create(**given).json()
    assert document["shape"] == shape
    assert document["size"] == size
    if isinstance(shape, dict):
        assert list(document["shape"]) == list(shape)
    if "params" in given:
        assert session.params().json() == {"step": 0, "params": given["params"]}


def test_a_shape_starts_from_zeros(session: Handle) -> None:
    """With a shape instead of values the params are zeros, as the slots always are."""
    session.create(shape={"w": [2, 2], "b": []}, dtype="float32")
    zeros = {"b": 0.0, "w": [[0.0, 0.0], [0.0, 0.0]]}
    state = session.state().json()
    assert state["params"] == zeros
    assert state["state"] == {"square_avg": zeros, "acc_delta": zeros}
    assert state["dtype"] == "float32"


def _by_step(session: Handle) -> httpx.Response:
    return session.step([0.5, -0.5], params=[1.0, 2.0])


def _by_put_params(session: Handle) -> httpx.Response:
    return session.put_params([1.0, 2.0])


def _by_put_state(session: Handle) -> httpx.Response:
    zeros = {"square_avg": [0.0, 0.0], "acc_delta": [0.0, 0.0]}
    return session.put_state({"optimizer": {"name": "adadelta"}, "step": 0, "params": [1.0, 2.0], "state": zeros})


@pytest.mark.parametrize("way", [_by_step, _by_put_params, _by_put_state])
def test_an_unshaped_session_gets_its_shape_once(session: Handle, way: Any) -> None:
    """From its first step that carries params, from PUT params or from PUT state; then the shape is there for good."""
    session.create()
    assert session.get().json()["shape"] is None
    before = session.get().json()["bytes"]
    assert way(session).status_code == 200
    assert session.get().json()["shape"] == [2]
    assert session.get().json()["bytes"] == before + 3 * 2 * 8
    for other in (session.step([1.0] * 3, params=[1.0] * 3), session.put_params([1.0] * 3)):
        assert (other.status_code, other.json()["code"]) == (422, "shape-mismatch")


def test_the_first_step_of_an_unshaped_session_starts_from_zero_slots(http: httpx.Client, session: Handle) -> None:
    """It gives the same bits as a session that was created with these params."""
    session.create()
    first = session.step([0.5, -0.5], params=[1.0, 2.0])
    assert first.headers["etag"] == f'"{session.incarnation()}-1"'
    once = http.post("/v1/step", json={"params": [1.0, 2.0], "grads": [0.5, -0.5]}).json()
    assert bits(first.json()["params"]) == bits(once["params"])


@pytest.mark.parametrize("read", [Handle.params, Handle.state])
def test_an_unshaped_session_has_nothing_to_read(session: Handle, read: Any) -> None:
    """GET params and GET state are 422 until there is a shape; so is a step without params."""
    session.create()
    for answer in (read(session), session.step([1.0])):
        assert (answer.status_code, answer.json()["code"]) == (422, "session-has-no-shape")
    assert session.reset().status_code == 200, "there is nothing to reset, and that works"


def _after_nothing(session: Handle) -> None:
    pass


def _after_steps(session: Handle) -> None:
    session.step([1.0, 1.0])
    session.step([1.0, 1.0], key="k")


def _after_put_params(session: Handle) -> None:
    session.put_params([7.0, 7.0])


def _after_reset(session: Handle) -> None:
    session.step([1.0, 1.0])
    session.reset()


@pytest.mark.parametrize("happened", [_after_nothing, _after_steps, _after_put_params, _after_reset])
def test_put_again_finds_the_session_as_it_is_now(session: Handle, happened: Any) -> None:
    """The same spec is 200 with the session as it is, whatever happened to it; nothing is reset."""
    session.create(params=[1.0, 2.0])
    happened(session)
    before, state = session.get(), session.state()
    again = session.create(params=[1.0, 2.0])
    assert again.status_code == 200
    assert again.json() == before.json()
    assert again.headers["etag"] == before.headers["etag"]
    assert session.state().content == state.content


@pytest.mark.parametrize(
    "again",
    [
        {"params": [0, 0]},
        {"shape": [2]},
        {"shape": [2], "dtype": "float64"},
        {"shape": [2], "optimizer": {"name": "adadelta"}},
        {"shape": [2], "optimizer": {"name": "adadelta", "eps": 1e-6, "rho": 0.95, "maximize": False}},
        {"shape": [2], "labels": {"other": "1"}},
        {"shape": [2], "ttl_s": 5},
    ],
)
def test_put_again_compares_the_resolved_spec(session: Handle, again: dict[str, Any]) -> None:
    """Defaults filled in, zeros by shape or by value; labels and ttl_s are not compared and stay as they are."""
    session.create(params=[0.0, 0.0], labels={"run": "7"}, ttl_s=3600)
    answer = session.create(**again)
    assert answer.status_code == 200
    assert answer.json()["labels"] == {"run": "7"}
    assert answer.json()["ttl_s"] == 3600


@pytest.mark.parametrize(
    ("again", "fields"),
    [
        ({"params": [1.0, 3.0]}, ["params"]),
        ({"params": [1.0, 2.0, 3.0]}, ["shape"]),
        ({"params": [[1.0, 2.0]]}, ["shape"]),
        ({"params": {"w": [1.0, 2.0]}}, ["shape"]),
        ({}, ["shape"]),
        ({"shape": [2]}, ["params"]),
        ({"params": [1.0, 2.0], "dtype": "float32"}, ["dtype"]),
        ({"params": [1.0, 2.0], "optimizer": {"name": "sgd"}}, ["optimizer"]),
        ({"params": [1.0, 2.0], "optimizer": {"name": "adadelta", "rho": 0.9}}, ["optimizer"]),
        ({"params": [1.0], "dtype": "float32", "optimizer": {"name": "sgd"}}, ["optimizer", "dtype", "shape"]),
    ],
)
def test_put_of_another_spec_is_refused(session: Handle, again: dict[str, Any], fields: list[str]) -> None:
    """409 names every field that differs and where the session is; nothing changes."""
    session.create(params=[1.0, 2.0])
    session.step([1.0, 1.0])
    before, state = session.get(), session.state()
    refused = session.create(**again)
    assert refused.status_code == 409
    problem = refused.json()
    assert problem["code"] == "session-exists"
    assert problem["fields"] == fields
    assert (problem["etag"], problem["step"]) == (before.headers["etag"], 1)
    assert refused.headers["etag"] == before.headers["etag"]
    assert all(field in problem["detail"] for field in fields)
    assert session.get().content == before.content
    assert session.state().content == state.content


@pytest.mark.parametrize("shape", [[10**12], [10**18, 10**18], {"w": [10**15]}])
def test_put_of_a_huge_shape_where_a_session_exists_is_a_conflict(session: Handle, shape: Any) -> None:
    """It is compared, not made: 409 at once and not 507, whatever its size."""
    session.create(params=[1.0, 2.0])
    refused = session.create(shape=shape)
    assert (refused.status_code, refused.json().get("fields")) == (409, ["shape"])


def test_put_where_a_checkpoint_was_restored_is_refused(session: Handle) -> None:
    """What was restored was not created from a spec: 409, over a session and under a new id alike."""
    session.create(params=[1.0, 2.0])
    session.put_state(session.state().json())
    refused = session.create(params=[1.0, 2.0])
    assert (refused.status_code, refused.json()["fields"]) == (409, ["restored"])
    restored = Handle(session.http, session.id + "-copy")
    restored.put_state(session.state().json())
    refused = restored.create(params=[1.0, 2.0])
    assert (refused.status_code, refused.json()["fields"]) == (409, ["restored"])


def test_create_only(session: Handle) -> None:
    """With If-None-Match: * an existing session is 412, be it of the same spec; else it is created."""
    assert session.create({"If-None-Match": "*"}, params=[1.0]).status_code == 201
    refused = session.create({"If-None-Match": "*"}, params=[1.0])
    assert (refused.status_code, refused.json()["code"]) == (412, "precondition-failed")
    assert refused.json()["etag"] == refused.headers["etag"] == session.tag()


def test_create_with_if_match(session: Handle) -> None:
    """If-Match never creates: 412 where there is no session, 200 where it is the one named."""
    for tag in ("*", '"aaaaaaaaaaaaa-0"'):
        refused = session.create({"If-Match": tag}, params=[1.0])
        assert (refused.status_code, refused.json()["code"]) == (412, "precondition-failed")
        assert "no such session" in refused.json()["detail"]
    assert session.get().status_code == 404
    session.create(params=[1.0])
    assert session.create({"If-Match": session.tag()}, params=[1.0]).status_code == 200
    assert session.create({"If-Match": "*"}, params=[1.0]).status_code == 200
    assert session.create({"If-Match": '"aaaaaaaaaaaaa-0"'}, params=[1.0]).status_code == 412


def test_times(session: Handle) -> None:
    """created_at stays, updated_at follows changes, expires_at is ttl_s from now; all of them are in UTC."""
    session.create(params=[1.0], ttl_s=3600)
    first = session.get().json()
    times = {name: datetime.fromisoformat(first[name]) for name in ("created_at", "updated_at", "expires_at")}
    assert all(first[name].endswith("Z") for name in times)
    assert abs(times["created_at"] - datetime.now(UTC)) < timedelta(seconds=60)
    assert timedelta(seconds=3590) < times["expires_at"] - times["created_at"] < timedelta(seconds=3610)
    session.step([1.0])
    second = session.get().json()
    assert second["created_at"] == first["created_at"]
    assert second["updated_at"] >= first["updated_at"]


def test_bytes_count_arrays_labels_and_keys(session: Handle) -> None:
    """What a session takes grows with its values, its slots, its labels and its keys."""
    session.create()
    empty = session.get().json()["bytes"]
    session.delete()
    session.create(shape=[1000])
    assert session.get().json()["bytes"] == empty + 3 * 8 * 1000
    session.delete()
    session.create(shape=[1000], dtype="float32", optimizer={"name": "sgd"})
    assert session.get().json()["bytes"] == (unlabelled := empty + 2 * 4 * 1000)
    session.delete()
    session.create(shape=[1000], dtype="float32", optimizer={"name": "sgd"}, labels={"ab": "cde"})
    assert session.get().json()["bytes"] >= (without_keys := unlabelled + 5)
    session.step([1.0] * 1000, key="k" * 100)
    assert session.get().json()["bytes"] > without_keys + 100


def test_delete(session: Handle) -> None:
    """204, then 404; the id is free for another session, which has another incarnation."""
    session.create(params=[1.0, 2.0])
    before = session.incarnation()
    deleted = session.delete()
    assert (deleted.status_code, deleted.content) == (204, b"")
    for gone in (session.get(), session.delete(), session.step([1.0, 1.0]), session.params(), session.reset()):
        assert (gone.status_code, gone.json()["code"]) == (404, "session-not-found")
    assert session.create(shape={"w": [3]}).status_code == 201
    assert session.incarnation() != before


def test_delete_with_if_match(session: Handle) -> None:
    """A stale tag deletes nothing, the current one does."""
    session.create(params=[1.0])
    stale = session.tag()
    session.step([1.0])
    refused = session.delete({"If-Match": stale})
    assert (refused.status_code, refused.json()["etag"]) == (412, session.tag())
    assert session.delete({"If-Match": session.tag()}).status_code == 204


def test_list_pages(servers: Servers) -> None:
    """Pages of page_size with ids in order; the token leads on, null ends; what is made meanwhile shifts nothing."""
    http = servers(max_tensors=17).http
    ids = ["B", "a.1", "a0", "b", "b-", "c"]
    for session_id in reversed(ids):
        assert http.put(f"/v1/sessions/{session_id}", json={}).status_code == 201
    assert [one["id"] for one in http.get("/v1/sessions").json()["sessions"]] == ids
    seen, query = [], {"page_size": "2"}
    while True:
        page = http.get("/v1/sessions", params=query).json()
        assert len(page["sessions"]) == 2
        seen += [one["id"] for one in page["sessions"]]
        if page["next_page_token"] is None:
            break
        query["page_token"] = page["next_page_token"]
        http.put("/v1/sessions/0-early", json={})
    assert seen == ids
    listed = {one["id"]: one for one in http.get("/v1/sessions").json()["sessions"]}
    assert listed == {one: http.get(f"/v1/sessions/{one}").json() for one in ["0-early", *ids]}


def test_list_by_label(servers: Servers) -> None:
    """Every label asked for must hold; values may be empty or hold '='; pages count only what matches."""
    http = servers(max_tensors=18).http
    made = {"a": {"run": "7"}, "b": {"run": "7", "by": "x=y"}, "c": {"run": "8", "by": ""}, "d": {}}
    for session_id, labels in made.items():
        assert http.put(f"/v1/sessions/{session_id}", json={"labels": labels}).json()["labels"] == labels

    def found(*query: tuple[str, str]) -> list[str]:
        return [one["id"] for one in http.get("/v1/sessions", params=query).json()["sessions"]]

    assert found(("label", "run=7")) == ["a", "b"]
    assert found(("label", "run=7"), ("label", "by=x=y")) == ["b"]
    assert found(("label", "by=")) == ["c"]
    assert found(("label", "run=9")) == []
    first = http.get("/v1/sessions", params={"label": "run=7", "page_size": "1"}).json()
    assert [one["id"] for one in first["sessions"]] == ["a"]
    last = http.get("/v1/sessions", params={"label": "run=7", "page_token": first["next_page_token"]}).json()
    assert ([one["id"] for one in last["sessions"]], last["next_page_token"]) == (["b"], None)


def test_labels_of_every_size(session: Handle) -> None:
    """16 labels, names of 63 characters and values of 255, in any script."""
    labels = {f"{i:02}" + "ü" * 61: "値" * 255 for i in range(16)}
    assert session.create(labels=labels).status_code == 201
    assert session.get().json()["labels"] == labels


@pytest.mark.parametrize("name", ["adadelta", "adagrad", "rmsprop", "sgd"])
def test_every_optimizer_of_the_catalogue(http: httpx.Client, session: Handle, name: str) -> None:
    """Each can be created by its name, shows every hyper-parameter, and steps."""
    entry = next(one for one in http.get("/v1/optimizers").json()["optimizers"] if one["name"] == name)
    document = session.create(optimizer={"name": name}, params=[1.0, -1.0]).json()
    assert document["optimizer"] == {"name": name} | {one["name"]: one["default"] for one in entry["hyper_parameters"]}
    assert session.step([0.5, -0.5]).json()["params"][0] < 1.0
    assert list(session.state().json()["state"]) == [slot["name"] for slot in entry["state"]]
