"""The table of expected refusals and the table of bad requests agree on what the document allows."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import pytest
from jsonschema import Draft202012Validator

from stepd import errors
from tests.api.bad_requests import ROWS
from tests.api.expected_refusals import TABLE, codes
from tests.api.refusals import Bad
from tests.server import Running


@pytest.fixture(scope="module")
def document(server: Running) -> dict[str, Any]:
    found: dict[str, Any] = server.http.get("/openapi.json").json()
    return found


def parsed(text: bytes) -> Any:
    """JSON in UTF-8 whose numbers are finite, as the document speaks of it; anything else is a ValueError."""

    def number(digits: str) -> Any:
        if not math.isfinite(float(digits)):
            raise ValueError(digits)
        return json.loads(digits)

    return json.loads(text.decode(), parse_constant=number, parse_float=number, parse_int=number)


def read(text: str, schema: dict[str, Any]) -> Any:
    """A parameter's text as its schema takes it."""
    try:
        return parsed(text.encode()) if schema["type"] in ("number", "integer") and text == text.strip() else text
    except ValueError:
        return text


def allows(document: dict[str, Any], operation: dict[str, Any], path: dict[str, str], row: Bad) -> bool:
    """Whether the document allows the request, as far as parameters and the body go."""
    known = {(one["in"], one["name"].lower()): one["schema"] for one in operation.get("parameters", ())}
    given: list[tuple[str, str, Any]] = [("path", name, value) for name, value in path.items()]
    given += [("header", name.lower(), value) for name, value in row.headers.items() if name != "Content-Type"]
    query: dict[str, list[str]] = {}
    for name, value in parse_qsl(row.path.partition("?")[2], keep_blank_values=True):
        query.setdefault(name, []).append(value)
    for name, values in query.items():
        schema = known.get(("query", name), {"type": "array"})
        if schema["type"] != "array" and len(values) > 1:
            return False
        given.append(("query", name, values if schema["type"] == "array" else read(values[0], schema)))
    if any((place, name) not in known for place, name, _ in given):
        return False
    checked = [(known[place, name], value) for place, name, value in given]
    if (row.body is None) == ("requestBody" in operation):
        return False
    if row.body is not None:
        content = operation["requestBody"]["content"]
        media_type = row.headers.get("Content-Type")
        if media_type not in content:
            return False
        if media_type == "application/json":
            try:
                body = parsed(row.body)
            except (ValueError, RecursionError):
                return False
            checked.append((content[media_type]["schema"], body))
    return all(
        Draft202012Validator({**schema, "components": document["components"]}).is_valid(value)
        for schema, value in checked
    )


def allowed_rows(document: dict[str, Any]) -> Iterator[tuple[str, Bad]]:
    """The rows whose requests the document allows, with the operation."""
    for path, item in document["paths"].items():
        pattern = re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", path))
        for method, operation in item.items():
            for row in ROWS:
                found = pattern.fullmatch(row.path.partition("?")[0])
                if found and row.method == method.upper() and allows(document, operation, found.groupdict(), row):
                    yield operation["operationId"], row


def test_what_is_allowed_and_refused_is_expected(document: dict[str, Any]) -> None:
    """Of all bad requests the document lets only those pass that the table names, by operation and code."""
    unexpected = [(name, row.code, row.name) for name, row in allowed_rows(document) if row.code not in codes(name)]
    assert unexpected == []


def test_every_expected_refusal_is_met(document: dict[str, Any]) -> None:
    """No code stands in the table that a bad request does not meet, but for those that take several requests."""
    met = {row.code for _, row in allowed_rows(document)}
    several = {errors.SessionExpired.code, errors.SessionReplaced.code}
    assert {error.code for error, _, _ in TABLE} == met | several
