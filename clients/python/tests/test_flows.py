"""Flows run by hand: the client's logic needs no client, no socket and no clock."""

import ast
import inspect
from pathlib import Path

import numpy as np
import orjson
import pytest

import stepd_client
from stepd_client import flows, requests, service
from stepd_client.answers import Validator
from stepd_client.formats import payload
from stepd_client.held import Held
from stepd_client.values import FLOAT64
from stepd_client.wire import Answer

PACKAGE = Path(stepd_client.__file__).parent


def held():
    return Held("run", {"name": "sgd"}, FLOAT64, (2,), Validator('"abc-3"', "abc", 3), np.array([1.0, 2.0]))


def run(flow, *answers):
    """Feeds the answers to a flow; gives the requests that it made and its result."""
    made = [next(flow)]
    try:
        for answer in answers:
            made = [*made, flow.send(answer)]
    except StopIteration as finished:
        return made, finished.value
    raise AssertionError(f"the flow wants more answers: {made[-1]}")


def test_a_step_is_one_request_and_its_answer():
    """A step's request says from which state, under which key, with which learning rate, and wants what answer."""
    answer = Answer(200, {"etag": '"abc-4"'}, b'{"step":4,"params":[0.5,1.5]}')
    session = held()
    (request,), result = run(flows.step(session, [0.5, 0.5], [1.0, 1.0], 1e-3, True), answer)
    assert (request.method, request.path, request.query) == ("POST", "/v1/sessions/run/step", (("lr", "0.001"),))
    assert request.headers["if-match"] == '"abc-3"'
    assert len(request.headers["idempotency-key"]) == 32
    assert "prefer" not in request.headers
    assert orjson.loads(request.body) == {"grads": [0.5, 0.5], "params": [1.0, 1.0]}
    assert result == [0.5, 1.5] == session.given()
    assert session.validator == ('"abc-4"', "abc", 4)
    (quiet,), nothing = run(flows.step(session, [0.5, 0.5], None, None, False), Answer(204, {"etag": '"abc-5"'}, b""))
    assert (quiet.headers["prefer"], quiet.query, nothing) == ("return=minimal", (), None)
    assert quiet.headers["idempotency-key"] != request.headers["idempotency-key"]


def params_answer(step, took_s, status=200, life="abc"):
    return Answer(status, {"etag": f'"{life}-{step}"'}, b'{"step":%d,"params":[0.5,1.5]}' % step, took_s=took_s)


def test_a_long_wait_is_made_of_several_requests():
    """Each asks for what is left, 30 s at most, and for a 304 while what is held is current."""
    session = held()
    waits, result = run(
        flows.wait_for_step(session, 6, 70.0),
        params_answer(3, 30.5, 304),
        params_answer(5, 30.0),
        params_answer(5, 9.4, 304),
        params_answer(6, 0.1),
    )
    times = [float(dict(request.query)["timeout_s"]) for request in waits]
    assert times == [request.wait_s for request in waits] == [30.0, 30.0, 9.5, pytest.approx(0.1)]
    assert {dict(request.query)["wait_for_step"] for request in waits} == {"6"}
    assert [request.headers["if-none-match"] for request in waits] == ['"abc-3"', '"abc-3"', '"abc-5"', '"abc-5"']
    assert result == pytest.approx([0.5, 1.5])
    assert session.validator.step == 6


def test_a_wait_whose_time_is_over_gives_what_is_there():
    """Without the step, the params held are the result, and the step number tells that it was not taken."""
    session = held()
    (request,), result = run(flows.wait_for_step(session, 9, 20.0), params_answer(3, 20.1, 304))
    assert (result.tolist(), session.validator.step) == ([1.0, 2.0], 3)
    assert dict(request.query)["timeout_s"] == "20.0"


def test_a_service_that_drains_is_not_asked_to_wait_again():
    """An answer that comes long before it was asked for, without the step, ends the wait: the service shuts down."""
    session = held()
    (_,), result = run(flows.wait_for_step(session, 9, None), params_answer(4, 12.0))
    assert (result.tolist(), session.validator.step) == ([0.5, 1.5], 4)


def test_another_life_ends_a_wait_that_was_not_cut_short():
    """After a full wait that shows another life, which may be another session, nothing more is waited for."""
    session = held()
    info = {"id": "run", "optimizer": {"name": "sgd"}, "dtype": "float32", "shape": [2], "size": 2, "step": 1}
    info |= {"incarnation": "new", "bytes": 9, "created_at": "", "updated_at": "", "ttl_s": None, "expires_at": None}
    info |= {"labels": {}, "durability": "memory", "restored_from": None, "forked_from": None, "steps_since_restore": 0}
    described = Answer(200, {"etag": '"new-1"'}, orjson.dumps(info))
    made, result = run(flows.wait_for_step(session, 9, None), params_answer(1, 30.1, life="new"), described)
    assert [request.path for request in made] == ["/v1/sessions/run/params", "/v1/sessions/run"]
    assert (result.tolist(), result.dtype, session.validator.etag) == ([0.5, 1.5], np.dtype("float32"), '"new-1"')


def test_what_a_service_allows_is_asked_for_where_it_is_less():
    """A service that refuses to wait 30 s is asked how long it may be, and waited on in parts of that length."""
    refused = Answer(400, {"content-type": "application/problem+json"}, b'{"code":"invalid-query"}')
    allowed = Answer(200, {}, b'{"limits":{"max_wait_s":2.5}}')
    made, _ = run(
        flows.wait_for_step(held(), 9, 4.0), refused, allowed, params_answer(3, 2.5, 304), params_answer(9, 0.1)
    )
    assert [(request.path, dict(request.query).get("timeout_s")) for request in made] == [
        ("/v1/sessions/run/params", "4.0"),
        ("/v1/info", None),
        ("/v1/sessions/run/params", "2.5"),
        ("/v1/sessions/run/params", "1.5"),
    ]
    for limits in (b"{}", b'{"limits":{"max_wait_s":60}}', b'{"limits":{"max_wait_s":"x"}}'):
        with pytest.raises(stepd_client.InvalidQuery):
            run(flows.wait_for_step(held(), 9, 4.0), refused, Answer(200, {}, limits))


@pytest.mark.parametrize(
    ("step", "timeout_s"), [(-1, None), (2**53 + 1, None), (1.0, None), ("1", None), (1, -0.1), (1, float("nan"))]
)
def test_a_wait_for_nothing_that_can_be_is_refused(step, timeout_s):
    """Steps are whole numbers from 0, times are from 0 seconds: anything else never reaches the service."""
    with pytest.raises((TypeError, ValueError)):
        next(flows.wait_for_step(held(), step, timeout_s))


def test_a_step_that_fails_changes_nothing_held():
    """An error leaves the view of the session as it was."""
    session = held()
    answer = Answer(422, {"content-type": "application/problem+json"}, b'{"code":"step-not-finite"}')
    with pytest.raises(stepd_client.StepNotFinite):
        run(flows.step(session, np.ones(2), None, None, True), answer)
    assert (session.validator.etag, session.given().tolist(), session.form) == ('"abc-3"', [1.0, 2.0], None)


def test_pages_end_where_the_service_says_so():
    """The token of the next page is passed on as it is; null ends."""
    answer = Answer(200, {}, b'{"sessions":[],"next_page_token":"n"}')
    (first,), (found, token) = run(service.page({"run": "a=b"}, 7, "t=="), answer)
    assert first.query == (("label", "run=a=b"), ("page_size", "7"), ("page_token", "t=="))
    assert (found, token) == ([], "n")
    for body in (b"{}", b'{"sessions":{}}', b'{"sessions":[],"next_page_token":3}'):
        with pytest.raises(stepd_client.UnexpectedAnswer):
            run(service.page({}, None, None), Answer(200, {}, body))


def test_what_changes_a_session_is_repeatable_only_with_if_match():
    """A request that changes something and may be repeated names the state that it applies to."""
    values = payload({}, {"params": np.array([1.0])}, binary=False)
    conditional = [
        requests.step("run", values, etag='"abc-3"', key="k", lr=None, return_params=True),
        requests.put_params("run", values, '"abc-3"'),
        requests.put_state("run", values, '"abc-3"'),
        requests.reset("run", '"abc-3"'),
        requests.delete("run", '"abc-3"'),
    ]
    for request in conditional:
        assert (request.repeatable, request.headers["if-match"]) == (True, '"abc-3"')
    assert requests.put_state("run", values, None).headers["if-none-match"] == "*"
    assert not requests.create(None, values).repeatable
    for request in (
        requests.create("run", values),
        requests.step_once(values),
        requests.get_params("run", binary=True),
    ):
        assert request.repeatable


def test_requests_do_not_show_values_or_keys():
    """The repr of a request, which may end up in a log, has neither body nor headers."""
    values = payload({}, {"grads": np.array([0.654321])}, binary=False)
    request = requests.step("run", values, etag='"abc-3"', key="secret", lr=None, return_params=True)
    assert b"0.654321" in request.body
    assert "secret" not in repr(request)
    assert "0.654321" not in repr(request)


def imports(path):
    """The top-level names of all modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


def test_only_the_client_does_io():
    """httpx and clocks are used where requests are sent or a service runs, files in files.py: the rest is logic."""
    io_modules = {"httpx", "time", "pathlib", "tempfile", "socket", "logging", "asyncio", "threading"}
    users = {path.name for path in PACKAGE.glob("*.py") if io_modules & set(imports(path))}
    assert users == {"client.py", "connecting.py", "sending.py", "files.py", "asgi.py", "local.py"}


def test_nothing_of_the_service_is_imported():
    """The client stands alone: only a local client, when it is made, imports the service that it is to run."""
    users = {path.name for path in PACKAGE.glob("*.py") if "stepd" in set(imports(path))}
    assert users == {"local.py"}
    at_import = ast.parse((PACKAGE / "local.py").read_text("utf-8")).body
    assert not any(
        "stepd." in ast.unparse(line) for line in at_import if isinstance(line, (ast.Import, ast.ImportFrom))
    )


def test_every_module_says_what_belongs_in_it_and_stays_short():
    """Each file begins with a docstring and has at most 400 lines."""
    for path in PACKAGE.glob("*.py"):
        text = path.read_text("utf-8")
        assert ast.get_docstring(ast.parse(text))
        assert len(text.splitlines()) <= 400


def test_every_public_method_is_documented():
    """Each public class, method and property has a docstring; methods with errors of their own name them."""
    for name in stepd_client.__all__:
        exported = getattr(stepd_client, name)
        assert inspect.getdoc(exported), name
        members = {member: value for member, value in vars(exported).items() if not member.startswith("_")}
        for member, value in members.items():
            if inspect.isfunction(value) or isinstance(value, (property, classmethod)):
                assert inspect.getdoc(value), f"{name}.{member}"
