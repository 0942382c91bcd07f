"""The problem document (RFC 9457) as plain data, and how it is read. Which class it becomes is for errors.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FieldError:
    """One place in the request's body, as a JSON pointer, and what is wrong there."""

    pointer: str
    detail: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What the service says in a problem document. Members that it does not give are empty or None."""

    code: str
    status: int
    title: str = ""
    detail: str = ""
    request_id: str = ""
    errors: tuple[FieldError, ...] = ()
    etag: str | None = None
    step: int | None = None
    fields: tuple[str, ...] = ()
    retry_after_s: float | None = None


def read_problem(document: Mapping[str, Any], status: int, retry_after_s: float | None) -> Problem:
    """From the decoded document. A member of another type than the contract's is taken as absent.

    >>> read_problem({"code": "precondition-failed", "step": 4, "etag": '"abc-4"'}, 412, None).step
    4
    """
    return Problem(
        code=_text(document, "code") or "",
        status=status,
        title=_text(document, "title") or "",
        detail=_text(document, "detail") or "",
        request_id=_text(document, "request_id") or "",
        errors=tuple(
            FieldError(_text(entry, "pointer") or "", _text(entry, "detail") or "")
            for entry in _list(document, "errors")
            if isinstance(entry, dict)
        ),
        etag=_text(document, "etag"),
        step=_integer(document, "step"),
        fields=tuple(name for name in _list(document, "fields") if isinstance(name, str)),
        retry_after_s=retry_after_s,
    )


def _text(document: Mapping[str, Any], member: str) -> str | None:
    value = document.get(member)
    return value if isinstance(value, str) else None


def _integer(document: Mapping[str, Any], member: str) -> int | None:
    value = document.get(member)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _list(document: Mapping[str, Any], member: str) -> list[Any]:
    value = document.get(member)
    return value if isinstance(value, list) else []
