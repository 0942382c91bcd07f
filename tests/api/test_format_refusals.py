"""What is wrong with a binary body is refused by name over HTTP, and nothing has changed; tests/wire has more cases."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import numpy as np
import pytest

from tests.api.formats import JSON, RAW, SAFETENSORS, body, send
from tests.api.raw import Wire
from tests.server import Handle, Running
from tests.wire.tensorfiles import entry, made

ONES = np.ones(2)


@contextmanager
def unchanged(session: Handle) -> Iterator[None]:
    """What is in it is refused, and the session is afterwards what it was before, to the byte."""
    before = session.get().content, session.state().content
    yield
    assert (session.get().content, session.state().content) == before


def refused(answer: httpx.Response, status: int, code: str, *words: str) -> Any:
    """The problem, which says what was sent and what is taken."""
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), problem
    assert answer.headers["content-type"] == "application/problem+json"
    for word in words:
        assert word in problem["detail"], problem["detail"]
    return problem


@pytest.fixture
def two(session: Handle) -> Handle:
    """A session of two values that has taken a step."""
    session.create(params=[1.0, 2.0])
    session.step([0.5, 0.5])
    return session


@pytest.fixture
def named(server: Running) -> Handle:
    """A session of two tensors."""
    handle = server.session()
    handle.create(params={"w": [[1.0, 2.0]], "b": 0.5})
    return handle


@pytest.mark.parametrize("request_", ["POST /step", "PUT /params"])
def test_bytes_for_several_tensors(named: Handle, request_: str) -> None:
    """415 says where several tensors can go."""
    with unchanged(named):
        refused(send(named, request_, bytes(24), RAW), 415, "unsupported-media-type", "2", SAFETENSORS, JSON)


def test_bytes_of_several_tensors_or_of_a_state(named: Handle, two: Handle) -> None:
    """406 says what can be given."""
    for answer in (
        named.params({"Accept": RAW}),
        two.state({"Accept": RAW}),
        send(named, "POST /step", body(JSON, {"grads": {"w": [[1, 1]], "b": 1}}), JSON, RAW),
    ):
        refused(answer, 406, "not-acceptable", RAW, SAFETENSORS, JSON)
    assert named.params({"Accept": f"{RAW}, */*;q=0.1"}).headers["content-type"] == JSON
    assert named.get().json()["step"] == 0


@pytest.mark.parametrize("request_", ["PUT ", "PUT /state"])
def test_bytes_for_what_takes_more_than_values(two: Handle, request_: str) -> None:
    """A session or a checkpoint is no vector."""
    with unchanged(two):
        problem = refused(send(two, request_, bytes(16), RAW), 415, "unsupported-media-type", RAW, SAFETENSORS)
        assert f"{JSON} or {SAFETENSORS}" in problem["detail"]


@pytest.mark.parametrize("request_", ["POST /step", "PUT /params"])
def test_bytes_for_no_shape(session: Handle, request_: str) -> None:
    """422: bytes alone can't say what shape they have; what can is named."""
    session.create()
    refused(send(session, request_, bytes(16), RAW), 422, "session-has-no-shape", JSON, SAFETENSORS)
    refused(session.params({"Accept": RAW}), 406, "not-acceptable")
    assert session.get().json()["shape"] is None


@pytest.mark.parametrize("request_", ["POST /step", "PUT /params"])
@pytest.mark.parametrize("size", [0, 1, 8, 15, 17, 24, 100_000])
@pytest.mark.parametrize("chunked", [False, True], ids=["with-length", "chunked"])
def test_another_number_of_bytes(two: Handle, request_: str, size: int, chunked: bool) -> None:
    """422 with both numbers, however long it is and whether or not it says so before."""
    content: Any = iter([bytes(size)[: size // 2], bytes(size)[size // 2 :]]) if chunked else bytes(size)
    said = "more than 16 bytes" if chunked and size > 16 else f"{size} byte"
    with unchanged(two):
        refused(send(two, request_, content, RAW), 422, "shape-mismatch", said, "16 (2 values of float64)")


@pytest.mark.parametrize("length", [1, 15, 17, 10**15])
def test_a_length_that_can_not_be_right_is_refused_before_the_body_comes(two: Handle, length: int) -> None:
    """A caller that asks first is never told to go on."""
    port = two.http.base_url.port
    assert port is not None
    with unchanged(two), Wire(port) as wire:
        wire.request("POST", two.path + "/step", f"Content-Type: {RAW}", "Expect: 100-continue", length=length)
        answer = wire.answer()
        assert (answer.status, answer.json()["code"]) == (422, "shape-mismatch")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("media_type", [RAW, SAFETENSORS])
@pytest.mark.parametrize("size", [7, 300_000], ids=["small", "large"])
def test_what_is_not_finite(session: Handle, media_type: str, dtype: str, value: float, size: int) -> None:
    """422 with the tensor and where in it, whether or not it is looked at in a thread."""
    session.create(shape=[size], dtype=dtype)
    values = np.zeros(size, dtype)
    values[[4, 5]] = value
    for request, role in (("POST /step", "grads"), ("PUT /params", "params")):
        answer = send(session, request, body(media_type, {role: values}), media_type)
        problem = refused(answer, 422, "value-not-finite", str(value), "4")
        assert len(problem["errors"]) == 1
    assert (session.get().json()["step"], session.params().json()["params"] == [0.0] * size) == (0, True)


def test_what_is_not_finite_in_a_tensor_of_a_name(named: Handle) -> None:
    """The pointer leads to it: the tensor by its name, the index along each of its lengths."""
    grads = {"w": np.array([[1.0, np.nan]]), "b": np.array(1.0)}
    with unchanged(named):
        answer = send(named, "POST /step", body(SAFETENSORS, {"grads": grads}), SAFETENSORS)
        problem = refused(answer, 422, "value-not-finite", "w", "nan")
        assert problem["errors"][0]["pointer"].startswith("/grads/w")


ENTRY = entry([2], 0)
TWICE = b'{"grads":%b,"grads":%b}' % ((json.dumps(ENTRY).encode(),) * 2)
WRONG: dict[str, tuple[bytes, int, str, tuple[str, ...]]] = {
    "another tensor": (body(SAFETENSORS, {"grads": ONES, "momentum": ONES}), 422, "unknown-field", ("momentum",)),
    "a slot": (body(SAFETENSORS, {"grads": ONES, "square_avg": ONES}), 422, "unknown-field", ("square_avg",)),
    "none": (made({}), 422, "missing-field", ("grads",)),
    "params alone": (body(SAFETENSORS, {"params": ONES}), 422, "missing-field", ("grads",)),
    "a name too many": (body(SAFETENSORS, {"grads": {"w": ONES}}), 422, "names-mismatch", ("unnamed",)),
    "another shape": (body(SAFETENSORS, {"grads": np.ones((1, 2))}), 422, "shape-mismatch", ("[1, 2]", "[2]")),
    "another dtype": (body(SAFETENSORS, {"grads": ONES.astype("f4")}), 422, "dtype-mismatch", ("F32", "F64")),
    "whole numbers": (body(SAFETENSORS, {"grads": ONES.astype("i8")}), 422, "dtype-mismatch", ("I64", "F64")),
    "overlapping": (
        made({"grads": ENTRY, "params": entry([2], 8)}, bytes(24)), 400, "malformed-safetensors", ("safetensors",),
    ),
    "a hole": (
        made({"grads": ENTRY, "params": entry([2], 24)}, bytes(40)), 400, "malformed-safetensors", ("safetensors",),
    ),
    "bytes behind": (made({"grads": ENTRY}, bytes(17)), 400, "malformed-safetensors", ("safetensors",)),
    "cut short": (made({"grads": ENTRY}, bytes(15)), 400, "malformed-safetensors", ("safetensors",)),
    "a name twice": (made(TWICE, bytes(16)), 400, "malformed-safetensors", ("grads",)),
    "a long header": (made(b" " * (6 * 1024 + 1)), 400, "malformed-safetensors", ("6145", "6144")),
    "no header": (b"", 400, "malformed-safetensors", ("0 bytes",)),
    "JSON": (b'{"grads": [1, 1]}', 400, "malformed-safetensors", ("bytes",)),
    "other metadata": (body(SAFETENSORS, {"grads": ONES}, {"epoch": "7"}), 422, "unknown-field", ("epoch",)),
    "labels": (body(SAFETENSORS, {"grads": ONES}, {"labels": "{}"}), 422, "unknown-field", ("labels",)),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("chunked", [False, True], ids=["with-length", "chunked"])
def test_a_step_whose_file_is_wrong(two: Handle, name: str, chunked: bool) -> None:
    """By name of what is wrong, with or without a length."""
    content, status, code, words = WRONG[name]
    with unchanged(two):
        sent: Any = iter([content]) if chunked else content
        refused(send(two, "POST /step", sent, SAFETENSORS), status, code, *words)


def test_tensors_that_lack_or_add_a_name(named: Handle) -> None:
    """Both are said, with the names."""
    for grads, words in (
        ({"w": np.ones((1, 2))}, ("lacks", "'b'")),
        ({"w": np.ones((1, 2)), "b": np.array(1.0), "c": np.array(1.0)}, ("adds", "'c'")),
    ):
        with unchanged(named):
            answer = send(named, "POST /step", body(SAFETENSORS, {"grads": grads}), SAFETENSORS)
            refused(answer, 422, "names-mismatch", *words)


def test_a_checkpoint_of_other_values_than_its_digest(two: Handle) -> None:
    """The digest in the header is checked as JSON's is."""
    given = two.state({"Accept": SAFETENSORS}).content
    spoilt = given[:-8] + np.array([0.25]).tobytes()
    with unchanged(two):
        refused(send(two, "PUT /state", spoilt, SAFETENSORS), 422, "digest-mismatch")


def test_a_checkpoint_that_does_not_fit(two: Handle) -> None:
    """Slots, optimizer and dtype are judged as JSON's are."""
    told = {"optimizer": '{"name": "adadelta"}', "step": "1"}
    slots = {"square_avg": ONES, "acc_delta": ONES}
    files: dict[str, tuple[dict[str, Any], dict[str, str], int, str]] = {
        "no slots": ({"params": ONES}, told, 422, "missing-field"),
        "one slot": ({"params": ONES, "square_avg": ONES}, told, 422, "checkpoint-mismatch"),
        "another": ({"params": ONES, **slots, "sum": ONES}, told, 422, "checkpoint-mismatch"),
        "minus": ({"params": ONES, **slots, "square_avg": -ONES}, told, 422, "invalid-tensors"),
        "float32": ({"params": ONES.astype("f4"), **{n: s.astype("f4") for n, s in slots.items()}}, told, 422,
                    "checkpoint-mismatch"),
        "two dtypes": ({"params": ONES, **slots, "acc_delta": ONES.astype("f4")}, told, 422, "dtype-mismatch"),
        "step is text": ({"params": ONES, **slots}, told | {"step": "soon"}, 400, "malformed-safetensors"),
        "no step": ({"params": ONES, **slots}, {}, 422, "missing-field"),
        "optimizer": ({"params": ONES, **slots}, told | {"optimizer": '{"name": "adam"}'}, 422, "unknown-optimizer"),
    }  # fmt: skip
    for name, (roles, metadata, status, code) in files.items():
        with unchanged(two):
            answer = send(two, "PUT /state", body(SAFETENSORS, roles, metadata), SAFETENSORS)
            assert (answer.status_code, answer.json()["code"]) == (status, code), f"{name}: {answer.text}"
