"""The OpenAPI document: valid, complete, and true, for its examples are run against a service one after another."""

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from stepd.api.openapi import operations as documented
from stepd.api.openapi.operations import DOCUMENTED_MODELS
from stepd.api.problems import MEDIA_TYPE as PROBLEM
from tests.api.bad_requests import ROWS
from tests.api.openapi import complaints
from tests.server import Running, Servers, until

MODELS: dict[str, type[BaseModel]] = {model.__name__: model for model in DOCUMENTED_MODELS}
# The operations in the order in which operations.py tells their story.
STORY = [one["operationId"] for one in vars(documented).values() if isinstance(one, dict) and "operationId" in one]


@pytest.fixture(scope="module")
def document(http: httpx.Client) -> dict[str, Any]:
    answer = http.get("/openapi.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    found: dict[str, Any] = answer.json()
    return found


def operations(document: dict[str, Any]) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Method, path and operation by operationId."""
    return {
        operation["operationId"]: (method.upper(), path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }


def model_of(schema: dict[str, str]) -> type[BaseModel]:
    return MODELS[schema["$ref"].rpartition("/")[2]]


def test_it_is_a_valid_document(document: dict[str, Any]) -> None:
    """Every object has the fields that OpenAPI 3.1 gives it, and every reference leads somewhere."""
    assert complaints(document) == []


def _lose_a_schema(document: dict[str, Any]) -> None:
    del document["components"]["schemas"]["Problem"]


def _forget_a_parameter(document: dict[str, Any]) -> None:
    del document["paths"]["/v1/sessions/{session_id}"]["get"]["parameters"]


def _repeat_an_id(document: dict[str, Any]) -> None:
    document["paths"]["/livez"]["get"]["operationId"] = "readyz"


def _misspell_a_field(document: dict[str, Any]) -> None:
    document["paths"]["/livez"]["get"]["descripion"] = ""


def _misspell_a_keyword(document: dict[str, Any]) -> None:
    document["components"]["schemas"]["StepBody"]["properties"]["grads"]["minItem"] = 1


def _lose_a_header(document: dict[str, Any]) -> None:
    del document["components"]["headers"]["ETag"]


def _lead_a_link_astray(document: dict[str, Any]) -> None:
    answer = document["paths"]["/v1/sessions/{session_id}/params"]["get"]["responses"]["200"]
    answer["links"]["Step"]["operationId"] = "stepp"


def _link_with_what_is_not_taken(document: dict[str, Any]) -> None:
    answer = document["paths"]["/v1/sessions/{session_id}"]["get"]["responses"]["200"]
    answer["links"]["Delete"]["parameters"]["If-None-Match"] = "$response.header.ETag"


def _forget_a_choice(document: dict[str, Any]) -> None:
    del document["components"]["schemas"]["Optimizer"]["discriminator"]["mapping"]["sgd"]


@pytest.mark.parametrize(
    "damage",
    [
        _lose_a_schema,
        _forget_a_parameter,
        _repeat_an_id,
        _misspell_a_field,
        _misspell_a_keyword,
        _lose_a_header,
        _lead_a_link_astray,
        _link_with_what_is_not_taken,
        _forget_a_choice,
    ],
)
def test_an_invalid_document_is_noticed(document: dict[str, Any], damage: Callable[[dict[str, Any]], None]) -> None:
    """The check above sees what is wrong."""
    damaged = copy.deepcopy(document)
    damage(damaged)
    assert complaints(damaged)


def test_every_route_is_in_it_and_every_operation_is_a_route(server: Running, document: dict[str, Any]) -> None:
    """What is served under /v1 and what is documented are the same; pages are not part of the API."""
    served = {(route.method, route.path) for route in server.app.table.routes}
    assert served == {(method, path) for method, path, _ in operations(document).values()}
    assert set(STORY) == operations(document).keys()


def test_every_operation_says_what_it_does(document: dict[str, Any]) -> None:
    """A summary, a description, one tag, and a schema with an example for each body that goes in or comes out."""
    for method, path, operation in operations(document).values():
        place = f"{method} {path}"
        assert operation["summary"], place
        assert operation["description"], place
        assert len(operation["tags"]) == 1, place
        if method in ("POST", "PUT") and not path.endswith(("/reset", "/snapshot")):
            content = operation["requestBody"]["content"]["application/json"]
            assert operation["requestBody"]["required"] is True
            model_of(content["schema"]).model_validate(content["example"])
        else:
            assert "requestBody" not in operation, place
        for status, response in operation["responses"].items():
            if status in ("200", "201"):
                content = response["content"]["application/json"]
                model_of(content["schema"]).model_validate(content["example"], strict=True)
                assert content["example"].keys() == model_of(content["schema"]).model_fields.keys(), place
            elif status in ("204", "304"):
                assert "content" not in response, place
            else:
                assert list(response["content"]) == [PROBLEM], place


def misfits(document: dict[str, Any], schema: dict[str, Any], instance: Any) -> list[str]:
    """What of an instance a schema of the document refuses."""
    validator = Draft202012Validator({**schema, "components": document["components"]})
    return [error.message for error in validator.iter_errors(instance)]


def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    """What is shown of bodies, answers and parameters is allowed by the schema beside it."""
    shown = 0
    for method, path, operation in operations(document).values():
        contents = [response.get("content", {}) for response in operation["responses"].values()]
        contents.append(operation.get("requestBody", {}).get("content", {}))
        media = [one for content in contents for one in content.values()]
        for one in (*media, *operation.get("parameters", ())):
            if "example" in one:
                shown += 1
                assert misfits(document, one["schema"], one["example"]) == [], f"{method} {path}"
    assert shown > 30


CHANGING = {"created_at", "updated_at", "expires_at", "incarnation", "time", "began_at", "forked_from"}


def settled(document: Any, *, keep_id: bool) -> Any:
    """A document with what is another one each time left out, so that only whether it is null remains."""
    if isinstance(document, list):
        return [settled(one, keep_id=keep_id) for one in document]
    if not isinstance(document, dict):
        return document
    changing = CHANGING if keep_id else CHANGING | {"id"}
    return {
        name: value is None if name in changing else settled(value, keep_id=keep_id) for name, value in document.items()
    }


def test_the_examples_tell_a_true_story(servers: Servers, document: dict[str, Any], tmp_path: Path) -> None:
    """Run in order, each example request is answered with the documented status and exactly the example answer."""
    known = operations(document)
    limits = known["info"][2]["responses"]["200"]["content"]["application/json"]["example"]["limits"]
    memory = {name: limits[name] for name in ("max_session_bytes", "max_in_flight_bytes")}
    server = servers(driver="auto", data=tmp_path, durability="journal", **memory)
    until(lambda: server.http.get("/v1/info").json()["driver"]["compiled"] != "compiling", "compiled", 60)
    for name in STORY:
        method, path, operation = known[name]
        query, headers = {}, {}
        for parameter in operation.get("parameters", ()):
            if "example" not in parameter:
                continue
            if parameter["in"] == "path":
                path = path.replace(f"{{{parameter['name']}}}", parameter["example"])
            else:
                (query if parameter["in"] == "query" else headers)[parameter["name"]] = parameter["example"]
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
        answer = server.http.request(method, path, params=query or None, headers=headers, json=body)
        statuses = [int(status) for status in operation["responses"] if status < "300"]
        expected = {"put_state": 200, "step": 200, "get_params": 200}.get(name, max(statuses))
        assert answer.status_code == expected, f"{name}: {answer.text}"
        if answer.status_code == 204:
            continue
        example = operation["responses"][str(answer.status_code)]["content"]["application/json"]["example"]
        given = answer.json()
        if name == "info" and given["driver"]["compiled"] == "not-installed":
            example = {**example, "driver": given["driver"]}
        keep_id = name != "create_session"
        assert settled(given, keep_id=keep_id) == settled(example, keep_id=keep_id), name


def test_every_refusal_of_the_table_is_documented(document: dict[str, Any]) -> None:
    """Each status with which the table of bad requests is answered stands among the operation's responses."""
    patterns = [
        (method, re.compile(re.sub(r"{\w+}", "[^/]+", path)), operation)
        for method, path, operation in operations(document).values()
    ]
    undocumented, seen = set(), 0
    for row in ROWS:
        path = row.path.partition("?")[0]
        for method, pattern, operation in patterns:
            if method == row.method and pattern.fullmatch(path):
                seen += 1
                if str(row.status) not in operation["responses"]:
                    undocumented.add(f"{row.status} for {operation['operationId']}: {row.name}")
    assert seen > 300
    assert undocumented == set()
