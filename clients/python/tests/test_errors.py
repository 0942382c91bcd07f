"""The error tree: one class per code of the service, every failure of the network mapped, nothing lost on the way."""

import pickle
import re

import httpx
import pytest

import stepd_client
from stepd.errors import all_errors
from stepd_client import errors
from stepd_client.answers import checked, error_of, retry_after_s
from stepd_client.error_class import all_problems, class_of
from stepd_client.problem import FieldError, Problem, read_problem
from stepd_client.sending import _failure
from stepd_client.wire import Answer, Request


def problem_answer(status, body, **headers):
    return Answer(status, {"content-type": "application/problem+json", **headers}, body)


def test_every_code_of_the_service_has_its_class_and_no_class_is_left_over():
    """The client's table is the service's: the same codes, and the same names."""
    service = {error.code: error.__name__ for error in all_errors()}
    assert {problem.known_code: problem.__name__ for problem in all_problems()} == service


def test_the_service_families_are_families_here():
    """What the service groups (Malformed, Missing, Impossible, ...) the client groups under the same name."""
    for error in all_errors():
        mine = getattr(errors, error.__name__)
        assert {parent.__name__ for parent in mine.__mro__} >= {parent.__name__ for parent in error.__mro__}


def test_the_drawn_tree_is_the_tree():
    """The tree on top of errors.py names every class under its base, with its code."""
    drawn = {}
    path = []
    for line in errors.__doc__.splitlines():
        if found := re.search(r"[├└]── (\w+)", line):
            depth = (line.index("──") - 5) // 4
            path[depth:] = [found[1]]
            drawn[found[1]] = path[depth - 1] if depth else "StepdError"
            assert line.endswith(getattr(getattr(errors, found[1]), "known_code", "")), line
    classes = {name: value for name, value in vars(errors).items() if isinstance(value, type)}
    tree = {name: value.__base__.__name__ for name, value in classes.items() if issubclass(value, errors.StepdError)}
    del tree["StepdError"]
    assert drawn == tree


@pytest.mark.parametrize(
    ("status", "family"),
    [
        (400, errors.Malformed),
        (401, errors.RequestRefused),
        (404, errors.Missing),
        (409, errors.RequestRefused),
        (412, errors.Stale),
        (422, errors.Impossible),
        (429, errors.RequestRefused),
        (500, errors.ServiceFailed),
        (503, errors.Unavailable),
        (507, errors.ServiceFailed),
    ],
)
def test_a_code_that_is_not_known_becomes_a_family_by_status(status, family):
    """A newer service's codes are still caught by the families, and keep their name."""
    assert class_of("some-new-code", status) is family
    error = error_of(problem_answer(status, b'{"code":"some-new-code","detail":"new"}'))
    assert type(error) is family
    assert error.code == "some-new-code"


def test_a_problem_carries_all_that_the_service_says():
    """Every member of the problem document becomes an attribute."""
    body = b"""{"type":"/problems/precondition-failed","title":"The session is not in the state","status":412,
        "detail":"the session is at step 4, the request names step 3","code":"precondition-failed","request_id":"r1",
        "etag":"\\"abc-4\\"","step":4,"errors":[{"pointer":"/grads/0","detail":"no"}]}"""
    error = error_of(problem_answer(412, body, **{"retry-after": "7"}))
    assert type(error) is errors.PreconditionFailed
    assert (error.code, error.status, error.request_id) == ("precondition-failed", 412, "r1")
    assert (error.etag, error.step, error.retry_after_s) == ('"abc-4"', 4, 7.0)
    assert error.errors == (FieldError("/grads/0", "no"),)
    assert error.title == "The session is not in the state"
    assert str(error) == (
        "the session is at step 4, the request names step 3 (precondition-failed, status 412, request r1)"
    )
    assert (error.resent, error.maybe_applied) == (False, False)


def test_an_exists_problem_names_the_fields_that_differ():
    """409 tells in `fields` what the session under that id was created with otherwise."""
    error = error_of(problem_answer(409, b'{"code":"session-exists","detail":"d","fields":["dtype","shape"]}'))
    assert isinstance(error, errors.SessionExists)
    assert error.fields == ("dtype", "shape")


def test_members_of_other_types_are_taken_as_absent():
    """A problem document of a proxy's making can't break the client."""
    document = {"code": 7, "detail": None, "errors": "x", "fields": [1], "step": True, "etag": 3, "title": []}
    assert read_problem(document, 400, None) == Problem("", 400)
    assert read_problem({"errors": [3, {"pointer": 1}]}, 400, None).errors == (FieldError("", ""),)


@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        (502, "text/html", b"<html>Bad Gateway</html>"),
        (404, "", b""),
        (503, "application/problem+json", b"<not json>"),
        (400, "application/problem+json", b"[]"),
        (302, "text/html", b"moved"),
        (500, "text/plain; charset=utf-8", b"\xff\xfe broken"),
    ],
)
def test_answers_of_others_are_unexpected(status, content_type, body):
    """An error without a problem document is UnexpectedAnswer, with its status and how it begins."""
    error = error_of(Answer(status, {"content-type": content_type}, body))
    assert isinstance(error, errors.UnexpectedAnswer)
    assert error.status == status
    assert error.content_type == content_type.partition(";")[0]
    assert str(status) in str(error)
    assert error.excerpt == body.decode("utf-8", "replace")


def test_a_long_page_is_cut():
    """An error never carries a proxy's whole page along."""
    assert len(error_of(Answer(502, {}, b"x" * 100_000)).excerpt) == 200


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (problem_answer(422, b'{"code":"step-not-finite"}'), False),
        (problem_answer(503, b'{"code":"not-ready"}'), False),
        (problem_answer(503, b'{"code":"outcome-unknown"}'), True),
        (problem_answer(500, b'{"code":"internal-error"}'), True),
        (problem_answer(503, b'{"code":"some-new-code"}'), True),
        (problem_answer(422, b'{"code":"some-new-code"}'), False),
        (Answer(502, {}, b""), True),
        (Answer(408, {}, b""), True),
        (Answer(403, {}, b""), False),
    ],
)
def test_only_a_refusal_by_the_service_settles_that_nothing_was_applied(answer, expected):
    """`maybe_applied` is false only where the service says, in terms known here, that it refused."""
    assert error_of(answer).maybe_applied is expected


def test_an_earlier_lost_answer_makes_a_refusal_uncertain():
    """A 412 on a second sending says so, since the first may be what changed the session."""
    body = b'{"code":"precondition-failed"}'
    with pytest.raises(errors.PreconditionFailed) as raised:
        checked(Answer(412, {"content-type": "application/problem+json"}, body, maybe_applied=True))
    assert raised.value.resent
    assert raised.value.maybe_applied


@pytest.mark.parametrize(("text", "seconds"), [("7", 7.0), ("0", 0.0), ("", None), ("Fri, 01 Jan", None), ("-1", None)])
def test_retry_after_is_read_in_seconds_only(text, seconds):
    """Dates and nonsense in Retry-After are as if it were absent."""
    assert retry_after_s(Answer(503, {"retry-after": text}, b"")) == seconds


def test_every_failure_that_httpx_has_is_mapped():
    """Each kind of httpx.RequestError becomes ConnectionFailed or RequestTimedOut; what was never sent is known."""
    request = Request("POST", "/v1/step")
    kinds = {
        value for value in vars(httpx).values() if isinstance(value, type) and issubclass(value, httpx.RequestError)
    }
    assert httpx.ReadError in kinds
    never_sent = set()
    for kind in kinds:
        failure = _failure(request, kind("it broke"))
        assert type(failure) is (
            errors.RequestTimedOut if issubclass(kind, httpx.TimeoutException) else errors.ConnectionFailed
        )
        assert "POST /v1/step: it broke" in str(failure)
        if not failure.maybe_applied:
            never_sent.add(kind.__name__)
    assert never_sent == {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol"}


@pytest.mark.parametrize(
    "error",
    [
        errors.ConnectionFailed("it broke"),
        errors.UnexpectedAnswer(502, "text/html", "not stepd's", "<html>"),
        errors.SessionExists(Problem("session-exists", 409, fields=("dtype",))),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_survive_pickling(error):
    """A worker process can hand its error to its parent, all attributes with it."""
    error.maybe_applied = True
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - made in this line
    assert type(copy) is type(error)
    assert (str(copy), vars(copy)) == (str(error), vars(error))


def test_all_errors_are_exported():
    """Whoever catches an error can name it."""
    for name, value in vars(errors).items():
        if isinstance(value, type) and issubclass(value, errors.StepdError):
            assert getattr(stepd_client, name) is value
