"""Errors as RFC 9457 problems: one table from code to status, total, and documents that stay small."""

import re
from typing import Any

import httpx
import pytest

from stepd.api.problems import MEDIA_TYPE, STATUS, problem_answer, problem_document
from stepd.errors import FieldError, InternalError, NotReady, SessionExists, StepdError, UnknownField, all_errors
from tests.api.bad_requests import ROWS

ERRORS = list(all_errors())


def test_every_error_has_a_status_and_a_code_of_its_own() -> None:
    """The table is total, and no two errors share a code or a title."""
    assert set(STATUS) == set(ERRORS)
    for of in (lambda error: error.code, lambda error: error.title):
        assert len({of(error) for error in ERRORS}) == len(ERRORS)
    assert all(re.fullmatch("[a-z]+(-[a-z]+)*", error.code) for error in ERRORS)


def test_every_code_is_provoked_by_some_test() -> None:
    """The table of bad requests has every code but for those that need a situation: each has a test of its own."""
    situations = {
        "internal-error": "test_middleware.py",
        "not-ready": "test_long_poll.py",
        "over-budget": "test_limits.py",
        "session-expired": "test_expiry.py",
        "session-replaced": "test_idempotency.py",
        "not-durable": "test_restart.py",
        # Of storage: tests/storage and tests/durability provoke them.
        "outcome-unknown": "test_failing_disk.py",
        "session-corrupt": "test_damage.py",
        "step-not-retained": "test_history.py",
        "storage-full": "test_sqlite.py",
        "storage-unavailable": "test_sqlite.py",
    }
    assert {row.code for row in ROWS} | situations.keys() == {error.code for error in ERRORS}


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.code)
def test_the_document_has_the_members_of_rfc_9457(error: type[StepdError]) -> None:
    """type is the page that explains it; title, status, detail, code and request_id are always there."""
    response = problem_answer(error("what happened"), "id-1")
    assert response.status == STATUS[error]
    assert response.media_type == MEDIA_TYPE
    assert problem_document(error("what happened"), "id-1") == {
        "type": f"/problems/{error.code}",
        "title": error.title,
        "status": STATUS[error],
        "detail": "what happened",
        "code": error.code,
        "request_id": "id-1",
    }
    assert (b"retry-after" in dict(response.headers)) == (STATUS[error] == 503)


def test_errors_are_ten_at_most() -> None:
    """However many places were found to be wrong."""
    errors = [FieldError.at("grads", number, detail="bad") for number in range(50)]
    shown = problem_document(UnknownField("bad", errors=errors), "id")["errors"]
    assert shown == [{"pointer": f"/grads/{number}", "detail": "bad"} for number in range(10)]


@pytest.mark.parametrize("character", ["x", "é", "値", "😀", "\x01", '"', "\\"])
def test_texts_are_cut_by_bytes(character: str) -> None:
    """The largest document that there can be is smaller than 4 kB, in any script."""
    text = character * 5000
    errors = [FieldError(text, text)] * 10
    largest = problem_answer(UnknownField(text, errors=errors), "r" * 128)
    assert 3000 < len(largest.body or b"") < 4096
    document: dict[str, Any] = problem_document(UnknownField(text, errors=errors), "id")
    for shown in (document["detail"], document["errors"][0]["pointer"], document["errors"][0]["detail"]):
        assert shown.endswith("...")
        assert set(shown[:-3]) == {character}


@pytest.mark.parametrize(("length", "cut"), [(600, False), (601, True)])
def test_texts_that_fit_are_whole(length: int, cut: bool) -> None:
    """Nothing is cut that need not be."""
    detail = problem_document(InternalError("x" * length), "id")["detail"]
    assert len(detail) == 600
    assert detail.endswith("...") == cut


def test_extra_members_and_headers() -> None:
    """A current entity tag stands in the document and in ETag, and what differs in fields."""
    extra: dict[str, Any] = {"fields": ["dtype"], "etag": '"a-1"', "step": 1}
    response = problem_answer(SessionExists("taken", extra=extra), "id")
    assert dict(response.headers)[b"etag"] == b'"a-1"'
    assert problem_document(SessionExists("taken", extra=extra), "id").items() >= extra.items()
    assert int(dict(problem_answer(NotReady("later"), "id").headers)[b"retry-after"]) >= 1


def test_surrogates_in_a_text_do_no_harm() -> None:
    """What can't be written in UTF-8 is replaced."""
    assert problem_document(InternalError("a\ud800b"), "id")["detail"] == "a?b"
    assert problem_answer(InternalError("a\ud800b"), "id").status == 500


def test_type_leads_to_a_page(http: httpx.Client) -> None:
    """Whoever follows a problem's type from the service's own address finds it explained."""
    problem = http.get("/v1/sessions/none").json()
    page = http.get(problem["type"])
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert problem["title"] in page.text
