"""What makes an OpenAPI 3.1 document valid, as far as ours uses it: the objects, their fields, references, parameters.

Written from the specification (version 3.1.0, chapter 4) and JSON Schema 2020-12. `complaints` lists what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
# Of each object: the fields that it must have, and those that it may have.
FIELDS: dict[str, tuple[set[str], set[str]]] = {
    "document": ({"openapi", "info"}, {"paths", "components", "tags", "servers", "security", "externalDocs"}),
    "info": ({"title", "version"}, {"summary", "description", "termsOfService", "contact", "license"}),
    "tag": ({"name"}, {"description", "externalDocs"}),
    "operation": (
        {"responses"},
        {"tags", "summary", "description", "operationId", "parameters", "requestBody", "deprecated", "security"},
    ),
    "parameter": (
        {"name", "in"},
        {"description", "required", "deprecated", "style", "explode", "schema", "example", "examples", "content"},
    ),
    "requestBody": ({"content"}, {"description", "required"}),
    "response": ({"description"}, {"headers", "content", "links"}),
    "header": (set(), {"description", "required", "deprecated", "style", "explode", "schema", "example", "content"}),
    "link": (set(), {"operationRef", "operationId", "parameters", "requestBody", "description", "server"}),
    "discriminator": ({"propertyName"}, {"mapping"}),
    "media": (set(), {"schema", "example", "examples", "encoding"}),
    "components": (set(), {"schemas", "responses", "parameters", "examples", "headers"}),
}
TYPES = {"null", "boolean", "object", "array", "number", "string", "integer"}
ONE_SCHEMA = {"items", "additionalProperties", "not", "propertyNames", "contains"}
SEVERAL_SCHEMAS = {"anyOf", "oneOf", "allOf", "prefixItems"}
NAMED_SCHEMAS = {"properties", "dependentSchemas", "patternProperties", "$defs"}
KEYWORDS = {
    "$ref", "type", "enum", "const", "multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum",
    "maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "maxProperties", "minProperties",
    "required", "title", "description", "default", "examples", "format", "deprecated", "readOnly", "writeOnly",
    "discriminator",
} | ONE_SCHEMA | SEVERAL_SCHEMAS | NAMED_SCHEMAS  # fmt: skip


# A runtime expression of a link (OpenAPI 3.1.0, 4.8.20.4), as far as ours use them.
EXPRESSION = re.compile(r"\$(request\.path\.\w+|response\.header\.[\w-]+|(request|response)\.body(#(/[\w~]+)*)?)")


def complaints(document: Json) -> list[str]:
    """Everything that is wrong with the document, each with its place."""
    return list(_document(document))


def _document(document: Json) -> Iterator[str]:
    yield from _fields("document", "", document)
    if not re.fullmatch(r"3\.1\.\d+", str(document.get("openapi"))):
        yield "openapi is no version 3.1"
    yield from _fields("info", "info", document.get("info", {}))
    for tag in document.get("tags", ()):
        yield from _fields("tag", "tags", tag)
    components = document.get("components", {})
    schemas, headers = components.get("schemas", {}), components.get("headers", {})
    yield from _fields("components", "components", components)
    for name, header in headers.items():
        yield from _header(f"headers.{name}", header, components)
    for name, schema in schemas.items():
        yield from _schema(f"schemas.{name}", schema, schemas)
    yield from _paths(document, components)
    tags = {tag["name"] for tag in document.get("tags", ())}
    used = {tag for item in document.get("paths", {}).values() for one in item.values() for tag in one.get("tags", ())}
    if used != tags:
        yield f"tags {used ^ tags} are only used or only listed"


def _paths(document: Json, components: Json) -> Iterator[str]:
    seen: set[str] = set()
    for path, item in document.get("paths", {}).items():
        if not path.startswith("/"):
            yield f"path {path} does not begin with /"
        for method, operation in item.items():
            place = f"{method.upper()} {path}"
            if method not in METHODS:
                yield f"{place}: no such method"
            yield from _operation(place, path, operation, components)
            yield from _links(place, operation, document)
            if operation.get("operationId") in seen:
                yield f"{place}: operationId is there twice"
            seen.add(operation.get("operationId"))


def _operation(place: str, path: str, operation: Json, components: Json) -> Iterator[str]:
    schemas = components.get("schemas", {})
    yield from _fields("operation", place, operation)
    yield from _parameters(place, path, operation.get("parameters", ()), schemas)
    if "requestBody" in operation:
        yield from _fields("requestBody", f"{place}: requestBody", operation["requestBody"])
        yield from _content(f"{place}: requestBody", operation["requestBody"].get("content", {}), schemas)
    if not operation.get("responses"):
        yield f"{place}: no responses"
    for status, response in operation.get("responses", {}).items():
        if not re.fullmatch(r"[1-5](\d\d|XX)|default", status):
            yield f"{place}: status {status}"
        yield from _fields("response", f"{place}: {status}", response)
        yield from _content(f"{place}: {status}", response.get("content", {}), schemas)
        for name, header in response.get("headers", {}).items():
            yield from _header(f"{place}: {status}: {name}", header, components)


def _header(place: str, header: Json, components: Json) -> Iterator[str]:
    if "$ref" in header:
        if header["$ref"].removeprefix("#/components/headers/") not in components.get("headers", {}):
            yield f"{place}: {header['$ref']} leads nowhere"
        return
    yield from _fields("header", place, header)
    yield from _schema(place, header.get("schema", {}), components.get("schemas", {}))


def _links(place: str, operation: Json, document: Json) -> Iterator[str]:
    """Each link leads to an operation that takes what it hands over."""
    known = {one.get("operationId"): one for item in document["paths"].values() for one in item.values()}
    for status, response in operation.get("responses", {}).items():
        for name, link in response.get("links", {}).items():
            inside = f"{place}: {status}: link {name}"
            yield from _fields("link", inside, link)
            target = known.get(link.get("operationId"))
            if target is None:
                yield f"{inside}: there is no operation {link.get('operationId')}"
                continue
            taken = {parameter["name"] for parameter in target.get("parameters", ())}
            if not set(link.get("parameters", {})) <= taken:
                yield f"{inside}: {link['operationId']} takes no {set(link['parameters']) - taken}"
            if "requestBody" in link and "requestBody" not in target:
                yield f"{inside}: {link['operationId']} takes no body"
            body = link.get("requestBody", "")
            for expression in (
                *link.get("parameters", {}).values(),
                *(body.values() if isinstance(body, Mapping) else [body] if body else []),
            ):
                if not EXPRESSION.fullmatch(expression):
                    yield f"{inside}: {expression} is no expression"


def _parameters(place: str, path: str, parameters: Iterable[Json], schemas: Json) -> Iterator[str]:
    names = set()
    for parameter in parameters:
        inside = f"{place}: parameter {parameter.get('name')}"
        yield from _fields("parameter", inside, parameter)
        if (key := (parameter.get("name"), parameter.get("in"))) in names:
            yield f"{inside}: there twice"
        names.add(key)
        if parameter.get("in") not in {"query", "header", "path", "cookie"}:
            yield f"{inside}: in {parameter.get('in')}"
        if parameter.get("in") == "path" and parameter.get("required") is not True:
            yield f"{inside}: a path's parameter is required"
        if ("schema" in parameter) == ("content" in parameter):
            yield f"{inside}: schema or content, one of them"
        yield from _schema(inside, parameter.get("schema", {}), schemas)
    in_path = {name for name, where in names if where == "path"}
    if in_path != set(re.findall(r"{(\w+)}", path)):
        yield f"{place}: the parameters in the path are {in_path}"


def _content(place: str, content: Json, schemas: Json) -> Iterator[str]:
    for media_type, media in content.items():
        if not re.fullmatch(r"[\w.+-]+/[\w.+*-]+", media_type):
            yield f"{place}: media type {media_type}"
        yield from _fields("media", f"{place}: {media_type}", media)
        if {"example", "examples"} <= media.keys():
            yield f"{place}: example and examples"
        yield from _schema(f"{place}: {media_type}", media.get("schema", {}), schemas)


def _schema(place: str, schema: Any, schemas: Json) -> Iterator[str]:
    if isinstance(schema, bool):
        return
    for keyword in schema.keys() - KEYWORDS:
        yield f"{place}: {keyword} is no keyword"
    reference = schema.get("$ref")
    if reference is not None and reference.removeprefix("#/components/schemas/") not in schemas:
        yield f"{place}: {reference} leads nowhere"
    types = schema.get("type", [])
    if not set([types] if isinstance(types, str) else types) <= TYPES:
        yield f"{place}: type {types}"
    if not set(schema.get("required", ())) <= set(schema.get("properties", schema.get("required", ()))):
        yield f"{place}: required fields that are no properties"
    if "discriminator" in schema:
        yield from _discriminator(f"{place}.discriminator", schema, schemas)
    if "pattern" in schema:
        re.compile(schema["pattern"])
    inside = [(keyword, schema[keyword]) for keyword in ONE_SCHEMA & schema.keys()]
    inside += [(keyword, one) for keyword in SEVERAL_SCHEMAS & schema.keys() for one in schema[keyword]]
    inside += [(name, one) for keyword in NAMED_SCHEMAS & schema.keys() for name, one in schema[keyword].items()]
    for name, one in inside:
        yield from _schema(f"{place}.{name}", one, schemas)


def _discriminator(place: str, schema: Json, schemas: Json) -> Iterator[str]:
    """Every choice is mapped to, and has the property by which it is chosen."""
    discriminator = schema["discriminator"]
    yield from _fields("discriminator", place, discriminator)
    references = [choice.get("$ref") for choice in schema.get("oneOf", schema.get("anyOf", ()))]
    if references != list(discriminator.get("mapping", {}).values()):
        yield f"{place}: the mapping does not lead to each choice"
    for one in references:
        chosen = schemas.get(str(one).removeprefix("#/components/schemas/"), {})
        if discriminator.get("propertyName") not in chosen.get("required", ()):
            yield f"{place}: {one} does not require {discriminator.get('propertyName')}"


def _fields(kind: str, place: str, given: Json) -> Iterator[str]:
    must, may = FIELDS[kind]
    for name in must - given.keys():
        yield f"{place}: {name} is missing"
    for name in given.keys() - must - may:
        if not name.startswith("x-"):
            yield f"{place}: {name} is no field of a {kind}"
