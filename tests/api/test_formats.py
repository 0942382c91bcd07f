"""Vectors in every format, in and out, chosen independently of each other: the same values bit for bit."""

from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from tests.api.formats import FORMATS, JSON, RAW, SAFETENSORS, bits_of, body, metadata_of, send
from tests.exact import FORMATS as FLOATS
from tests.server import Handle, Running

DTYPES = ("float64", "float32")


def extremes(dtype: str) -> Any:
    """Zeros of both signs, subnormals, the smallest normal, the largest, and some that no short decimal is."""
    of = FLOATS[dtype]
    values = [0.0, -0.0, of.smallest, -of.smallest, of.smallest_normal, of.largest, -of.largest, 0.1, -1 / 3]
    return np.array(values, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("answered", FORMATS)
@pytest.mark.parametrize("sent", FORMATS)
def test_params_come_back_to_the_bit(session: Handle, sent: str, answered: str, dtype: str) -> None:
    """What PUT params takes in one format GET params gives in any."""
    values = extremes(dtype)
    session.create(shape=[len(values)], dtype=dtype)
    assert send(session, "PUT /params", body(sent, {"params": values}), sent).status_code == 200
    answer = session.params({"Accept": answered})
    assert (answer.status_code, answer.headers["content-type"], answer.headers["vary"]) == (200, answered, "Accept")
    assert bits_of(answer, dtype) == values.tobytes().hex()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("answered", FORMATS)
@pytest.mark.parametrize("sent", FORMATS)
def test_a_step_is_the_same_in_every_format(server: Running, sent: str, answered: str, dtype: str) -> None:
    """Gradients in one format, params out in another: the bits, the headers and the state of a step in JSON."""
    grads = np.array([0.1, -1 / 3, -0.0, FLOATS[dtype].smallest, 1e-20, 7.0], dtype)
    plain, other = server.session(), server.session()
    for handle in (plain, other):
        handle.create(params=[[1.0, -2.0, 0.1], [0.0, -0.0, 5.5]], dtype=dtype)
    grads = grads.reshape(2, 3)
    want = send(plain, "POST /step", body(JSON, {"grads": grads}), JSON)
    have = send(other, "POST /step", body(sent, {"grads": grads}), sent, answered)
    assert (have.status_code, have.headers["content-type"]) == (200, answered)
    assert bits_of(have, dtype) == bits_of(want, dtype)
    assert [have.headers[name] for name in ("stepd-step", "stepd-applied-step", "vary")] == ["1", "1", "Accept"]
    assert have.headers["etag"] == other.tag()
    assert other.state().json()["digest"] == plain.state().json()["digest"]


@pytest.mark.parametrize("media_type", FORMATS)
@pytest.mark.parametrize("accept", [None, "*/*", "application/*"])
def test_the_answer_has_the_format_of_the_request(session: Handle, media_type: str, accept: str | None) -> None:
    """Unless Accept says otherwise."""
    session.create(params=[1.0, 2.0])
    request = session.http.build_request(
        "POST",
        session.path + "/step",
        content=body(media_type, {"grads": np.ones(2)}),
        headers={"Content-Type": media_type, "Accept": accept or ""},
    )
    if accept is None:
        del request.headers["accept"]
    assert session.http.send(request).headers["content-type"] == media_type


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("with_params", [False, True])
def test_tensors_are_matched_by_name(server: Running, turned: bool, with_params: bool) -> None:
    """Whatever their order in the file, numbers of rank 0 among them; with params, too."""
    grads = {"w": np.array([[0.5, -0.5], [2.0, 0.1]]), "b": np.array(3.0), "a": np.array([7.0])}
    params = {"w": np.array([[1.0, 2.0], [3.0, 4.0]]), "b": np.array(5.0), "a": np.array([-6.0])}
    roles = {"grads": grads, "params": params} if with_params else {"grads": grads}
    plain, other = server.session(), server.session()
    for handle in (plain, other):
        handle.create(shape={"w": [2, 2], "b": [], "a": [1]})
    want = send(plain, "POST /step", body(JSON, roles), JSON)
    content = body(SAFETENSORS, roles)
    if turned:  # the library writes them in an order of its own: turn the header's entries around, values stay
        length = int.from_bytes(content[:8], "little")
        text = content[8 : 8 + length].strip()
        entries = text[1:-1].split(b"},")
        text = b"{" + b"},".join(entry.rstrip(b"}") for entry in reversed(entries)) + b"}}"
        content = len(text).to_bytes(8, "little") + text + content[8 + length :]
    have = send(other, "POST /step", content, SAFETENSORS)
    assert have.status_code == want.status_code == 200, have.text
    assert safetensors.numpy.load(have.content)["params/b"].shape == ()
    assert bits_of(have, "float64") == bits_of(want, "float64")


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_first_step_of_an_unshaped_session_comes_as_tensors(session: Handle, dtype: str) -> None:
    """safetensors says its shapes, so it can give a session its own."""
    session.create(dtype=dtype)
    ones = np.ones((2, 3), dtype)
    answer = send(session, "POST /step", body(SAFETENSORS, {"grads": ones, "params": ones}), SAFETENSORS, JSON)
    assert (answer.status_code, answer.json()["step"]) == (200, 1)
    assert session.get().json()["shape"] == [2, 3]


def test_params_are_sent_back_as_they_came(session: Handle) -> None:
    """What GET params gives PUT params takes, metadata and all; a step's file may have what GET state says."""
    session.create(params={"w": [[1.0, 2.0]], "b": 0.5})
    session.step({"w": [[0.1, 0.2]], "b": 0.3})
    given = session.params({"Accept": SAFETENSORS})
    about = session.get()
    assert metadata_of(given) == {"step": "1", "incarnation": about.json()["incarnation"]}
    assert given.headers["etag"] == about.headers["etag"]
    assert send(session, "PUT /params", given.content, SAFETENSORS).status_code == 200
    again = session.params({"Accept": SAFETENSORS})
    assert bits_of(again, "float64") == bits_of(given, "float64")
    assert metadata_of(again)["step"] == "1"
    told = metadata_of(session.state({"Accept": SAFETENSORS}))
    grads = {"grads": {"w": np.ones((1, 2)), "b": np.array(1.0)}}
    assert send(session, "POST /step", body(SAFETENSORS, grads, told), SAFETENSORS).status_code == 200


@pytest.mark.parametrize("place", ["here", "elsewhere"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("named", [False, True], ids=["unnamed", "named"])
def test_a_checkpoint_is_sent_back_as_it_came(server: Running, dtype: str, named: bool, place: str) -> None:
    """What GET state gives PUT state takes; the same optimizer, step, slots and digest, in JSON too."""
    session = server.session()
    params: Any = {"w": [[1.0, -2.0]], "b": 0.5} if named else [1.0, -0.0, 3.0]
    session.create(params=params, dtype=dtype, optimizer={"name": "adadelta", "rho": 0.9})
    session.step(params)
    plain = session.state().json()
    given = session.state({"Accept": SAFETENSORS})
    assert (given.status_code, given.headers["content-type"]) == (200, SAFETENSORS)
    told = metadata_of(given)
    assert (told["step"], told["digest"]) == ("1", plain["digest"])
    for role in ("params", "square_avg", "acc_delta"):
        assert bits_of(given, dtype, role) == bits_of(session.state(), dtype, role)
    target = session if place == "here" else server.session()
    restored = send(target, "PUT /state", given.content, SAFETENSORS)
    assert restored.status_code == (200 if place == "here" else 201)
    assert restored.headers["content-type"] == JSON
    assert target.state().json() == plain


def test_a_checkpoint_in_json_goes_in_as_tensors_and_back(server: Running) -> None:
    """A state is one state in both formats: labels and ttl_s can come with either."""
    one, other = server.session(), server.session()
    one.create(params=[1.0, 2.0], optimizer={"name": "sgd", "momentum": 0.5})
    one.step([0.5, 0.25])
    state = one.state().json()
    roles = {"params": np.array(state["params"]), "momentum_buffer": np.array(state["state"]["momentum_buffer"])}
    told = {"optimizer": '{"name": "sgd", "momentum": 0.5}', "step": "1", "digest": state["digest"],
            "labels": '{"a": "b"}', "ttl_s": "3600", "format": "np"}  # fmt: skip
    created = send(other, "PUT /state", body(SAFETENSORS, roles, told), SAFETENSORS)
    assert (created.status_code, created.json()["labels"], created.json()["ttl_s"]) == (201, {"a": "b"}, 3600.0)
    assert other.state().json() == state


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_session_is_created_from_tensors(session: Handle, dtype: str) -> None:
    """dtype and shapes are the file's; asked for again in JSON it is the same spec."""
    params = {"w": np.array([[1.0, -0.0]], dtype), "b": np.array(0.1, dtype)}
    told = {"optimizer": '{"name": "sgd", "lr": 0.5}', "labels": '{"run": "7"}', "ttl_s": "60"}
    created = send(session, "PUT ", body(SAFETENSORS, {"params": params}, told), SAFETENSORS)
    document = created.json()
    assert (created.status_code, document["dtype"], document["shape"]) == (201, dtype, {"b": [], "w": [1, 2]})
    assert (document["optimizer"]["lr"], document["labels"], document["ttl_s"]) == (0.5, {"run": "7"}, 60.0)
    again = body(JSON, {"params": params}, optimizer={"name": "sgd", "lr": 0.5}, dtype=dtype)
    assert send(session, "PUT ", again, JSON).status_code == 200


@pytest.mark.parametrize("with_state", [False, True])
@pytest.mark.parametrize("answered", [JSON, SAFETENSORS])
@pytest.mark.parametrize("sent", [JSON, SAFETENSORS])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_step_without_a_session(http: Any, sent: str, answered: str, dtype: str, with_state: bool) -> None:
    """State in, state out, in either format: the bits are those of JSON."""
    roles = {"params": np.array([1.0, -0.1], dtype), "grads": np.array([0.3, -0.0], dtype)}
    slots = {"square_avg": np.array([0.1, 0.2], dtype), "acc_delta": np.array([0.3, 0.0], dtype)}
    fields: dict[str, Any] = {"optimizer": {"name": "adadelta", "rho": 0.9}, "dtype": dtype}
    if with_state:
        fields["state"] = {name: slot.astype(np.float64).tolist() for name, slot in slots.items()}
    plain = body(JSON, roles, **fields)
    told = {"optimizer": '{"name": "adadelta", "rho": 0.9}'}
    content = plain if sent == JSON else body(SAFETENSORS, roles | (slots if with_state else {}), told)
    want = http.post("/v1/step", content=plain, headers={"Content-Type": JSON})
    have = http.post("/v1/step", content=content, headers={"Content-Type": sent, "Accept": answered})
    assert (have.status_code, have.headers["content-type"]) == (200, answered), have.text
    for role in ("params", "square_avg", "acc_delta"):
        assert bits_of(have, dtype, role) == bits_of(want, dtype, role)


@pytest.mark.parametrize("first", FORMATS)
@pytest.mark.parametrize("second", FORMATS)
def test_a_step_is_resent_in_another_format(session: Handle, first: str, second: str) -> None:
    """What a key stands for are the values, so it is a replay; other values are refused in every format."""
    session.create(params=[1.0, 2.0], dtype="float32")
    grads, others = np.array([0.1, -0.0], "float32"), np.array([0.1, 0.0], "float32")
    taken = send(session, "POST /step", body(first, {"grads": grads}), first, JSON, Idempotency_Key="k")
    again = send(session, "POST /step", body(second, {"grads": grads}), second, JSON, Idempotency_Key="k")
    assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
    assert again.content == taken.content
    refused = send(session, "POST /step", body(second, {"grads": others}), second, JSON, Idempotency_Key="k")
    assert (refused.status_code, refused.json()["code"]) == (422, "key-reused")


@pytest.mark.parametrize("media_type", [RAW, SAFETENSORS])
def test_what_headers_and_query_say_holds_in_every_format(session: Handle, media_type: str) -> None:
    """If-Match, Prefer, lr, If-None-Match and HEAD."""
    tag = session.create(params=[1.0, 2.0], optimizer={"name": "sgd"}).headers["etag"]
    content = body(media_type, {"grads": np.ones(2)})
    minimal = send(session, "POST /step?lr=0.5", content, media_type, If_Match=tag, Prefer="return=minimal")
    assert (minimal.status_code, minimal.content) == (204, b"")
    assert "content-type" not in minimal.headers
    assert minimal.headers["preference-applied"] == "return=minimal"
    assert session.params().json() == {"step": 1, "params": [0.5, 1.5]}
    stale = send(session, "POST /step", content, media_type, If_Match=tag)
    assert (stale.status_code, stale.headers["content-type"]) == (412, "application/problem+json")
    unchanged = session.params({"Accept": media_type, "If-None-Match": session.tag()})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    params = body(media_type, {"params": np.zeros(2)})
    assert send(session, "PUT /params", params, media_type, If_Match=tag).status_code == 412
    assert send(session, "PUT /params", params, media_type, If_Match=session.tag()).status_code == 200
