"""Writes the parts of the docs that follow from the code, between `<!-- generated: NAME -->` and `<!-- end -->`.

`python -m tools.generate_docs` rewrites them, `--check` fails where one is out of date. Everything in a generated part
is taken from the code or from a real answer of the application; nothing is typed twice.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import httpx

from stepd.api.headers import MAX_HEAD_BYTES
from stepd.api.openapi import parameters as documented_parameters
from stepd.api.openapi import schemas
from stepd.api.problems import STATUS
from stepd.app import create_app, openapi_document
from stepd.errors import all_errors
from stepd.optimizers import CATALOGUE, adadelta
from stepd.settings import Settings
from stepd.values import DTYPES
from stepd.web.pages import ADVICE
from stepd.wire.json import DECODE_BYTES_PER_BYTE, DECODED_BYTES_PER_BYTE, ENCODE_BYTES_PER_VALUE
from stepd.wire.safetensors import MAX_COPIED_BYTES
from tests.conformance.cases import files

ROOT = Path(__file__).parent.parent
DOCUMENTS = ("README.md", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md")))
BLOCK = re.compile(r"(<!-- generated: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table."""
    head = list(header)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def verbs() -> str:
    """Every operation of the OpenAPI document, with the statuses that it can answer."""
    app = create_app(Settings(driver="blocked"))
    document = openapi_document(app)
    rows = []
    for route in app.table.routes:
        operation = document["paths"][route.path][route.method.lower()]
        path = route.path.replace("session_id", "id")
        rows.append((f"`{route.method} {path}`", operation["summary"], " ".join(sorted(operation["responses"]))))
    return table(("Request", "What it does", "Statuses"), rows)


def codes() -> str:
    """Every problem code."""
    return table(
        ("Status", "Code", "Meaning", "What to do"),
        ((STATUS[error], f"`{error.code}`", error.title, ADVICE[error.code]) for error in all_errors()),
    )


def parameters() -> str:
    """Every header and query parameter that a request may carry."""
    seen: dict[tuple[str, str, str], None] = {}
    for value in vars(documented_parameters).values():
        if isinstance(value, dict) and "in" in value and value["in"] != "path":
            seen[value["name"], value["in"], value["description"]] = None
    rows = ((f"`{name}`", place, meaning) for name, place, meaning in seen)
    return table(("Name", "Where", "Meaning"), rows)


def bodies() -> str:
    """Every field of every document that goes in or comes out; optimizers have a chapter of their own."""
    components = openapi_document(create_app(Settings(driver="blocked")))["components"]["schemas"]
    parts, others = [], []
    beside_models = schemas.components(Settings().max_tensors)
    for name, schema in components.items():
        if name.removeprefix("Resolved").lower() in CATALOGUE:
            continue
        if name in beside_models:
            others.append((f"`{name}`", schema["description"]))
            continue
        required = schema.get("required", ())
        rows = [
            (f"`{field}`", _type(of) + ("" if field in required else ", optional"), of.get("description", ""))
            for field, of in schema["properties"].items()
        ]
        parts.append(f"**{name}**: {schema['description']}\n\n{table(('Field', 'Type', 'Meaning'), rows)}")
    return "\n\n".join([*parts, table(("Type", "Meaning"), others)])


def _type(schema: dict[str, Any]) -> str:
    """A JSON schema in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "enum" in schema or "const" in schema:
        return " or ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    if "anyOf" in schema:
        return " or ".join(_type(choice) for choice in schema["anyOf"])
    if schema.get("type") == "array":
        return f"array of {_type(schema['items'])}"
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type(schema['additionalProperties'])}"
    return str(schema["type"])


def topics() -> str:
    """The topics of the conformance cases, one per file."""
    documents = [json.loads(path.read_text("utf-8")) for path in files()]
    rows = (
        (f"[{one['topic']}](../tests/conformance/cases/{one['topic']}.json)", len(one["cases"]), one["about"])
        for one in documents
    )
    return table(("Topic", "Cases", "What they are about"), rows)


def reservations() -> str:
    """What a request may take of the bytes in flight."""
    float64, float32 = (ENCODE_BYTES_PER_VALUE[DTYPES[name]] for name in ("float64", "float32"))
    tensors = f"2 of safetensors (4 of its first {MAX_COPIED_BYTES // 1024} kB)"
    parsing = f"{DECODE_BYTES_PER_BYTE} bytes for each byte of JSON and of a safetensors header, {tensors}, 1 of others"
    rows = (
        ("before the body is read", "its length"),
        (
            "while the body is parsed",
            f"{parsing}; never to be had: 413",
        ),
        (
            "from then on",
            f"{DECODED_BYTES_PER_BYTE} bytes for each byte of JSON, for the values; 2 of safetensors, 1 of others",
        ),
        ("the step", "params and slots once more, until they take the place of the old ones"),
        (
            "the answer",
            f"in JSON {float64} (float64) or {float32} (float32) bytes for each value, else 8 or 4; and the names",
        ),
        ("head and trailers", f"{MAX_HEAD_BYTES:,} bytes at most, not reserved; beyond: 400 in plain text, closed"),
    )
    return table(("What", "Bytes"), rows)


def settings() -> str:
    """Every setting with its default."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = "" if field.default_factory is not None else f"`{json.dumps(field.default)}`"
        rows.append((f"`STEPD_{name.upper()}`", default, field.description))
    return table(("Setting", "Default", "Meaning"), rows)


def optimizers() -> str:
    """Every optimizer with its hyper-parameters and slots."""
    parts = []
    for rule in CATALOGUE.values():
        rows = [(f"`{p.name}`", f"`{json.dumps(p.default)}`", f"`{p.range}`", p.meaning) for p in rule.hyper_parameters]
        slots = ", ".join(f"`{slot.name}` ({slot.meaning})" for slot in rule.slots)
        formula = "\n".join(rule.formula)
        head = table(("Hyper-parameter", "Default", "Range", "Meaning"), rows)
        parts.append(f"### {rule.name}\n\n```\n{formula}\n```\n\nSlots: {slots}.\n\n{head}\n\n{rule.reference}.")
    return "\n\n".join(parts)


def symbols() -> str:
    """The paper's symbols, our variables, and the line of code that computes each."""
    path = Path(inspect.getfile(adadelta))
    lines = path.read_text(encoding="utf-8").splitlines()

    def line_of(start: str) -> str:
        number, text = next((i, line) for i, line in enumerate(lines, 1) if line.strip().startswith(start))
        return f"[`{text.strip()}`](../{path.relative_to(ROOT)}#L{number})"

    rows = (
        ("g<sub>t</sub>", "`g`", "the gradient, after `maximize` and `weight_decay`"),
        ("E[g²]<sub>t</sub>", "`square_avg`", line_of("square_avg =")),
        ("&Delta;x<sub>t</sub>", "`delta`", line_of("delta =")),
        ("E[&Delta;x²]<sub>t</sub>", "`acc_delta`", line_of("acc_delta =")),
        ("&rho;", "`rho`", "decay of both averages"),
        ("1 - &rho;", "`one_minus_rho`", line_of("derive=")),
        ("&epsilon;", "`eps`", "inside both roots"),
        ("RMS[g]<sub>t</sub>", "`sqrt(square_avg + eps)`", "with the new average"),
        ("RMS[&Delta;x]<sub>t-1</sub>", "`sqrt(acc_delta + eps)`", "with the old average"),
        ("(none)", "`lr`", "scales `delta` when it is added to the params; 1 is the paper"),
    )
    return table(("Paper", "Variable", "Line of code"), rows)


def modules() -> str:
    """Every file of the service with the first sentence of its docstring."""
    rows = []
    for path in sorted((ROOT / "service" / "stepd").rglob("*.py")):
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        sentence = re.split(r"(?<=\.)\s", docstring.replace("\n", " "))[0]
        rows.append((f"`{path.relative_to(ROOT / 'service')}`", sentence))
    return table(("File", "What belongs in it"), rows)


def curl() -> str:
    """The curl command of README with its real answer."""
    body = '{"params": [1.0, 2.0], "grads": [0.5, -0.5]}'

    async def answer() -> bytes:
        transport = httpx.ASGITransport(create_app(Settings(driver="blocked")))
        async with httpx.AsyncClient(transport=transport, base_url="http://stepd") as client:
            headers = {"Content-Type": "application/json"}
            return (await client.post("/v1/step", content=body, headers=headers)).raise_for_status().content

    text = json.dumps(json.loads(asyncio.run(answer())), indent=1)
    text = re.sub(r"\[[^]]*\]", lambda match: " ".join(match[0].split()).replace("[ ", "[").replace(" ]", "]"), text)
    command = f"curl http://127.0.0.1:8000/v1/step -H 'Content-Type: application/json' -d '{body}'"
    return f"```console\n$ {command}\n```\n\n```json\n{text}\n```"


BLOCKS: dict[str, Callable[[], str]] = {
    "verbs": verbs,
    "codes": codes,
    "parameters": parameters,
    "bodies": bodies,
    "reservations": reservations,
    "settings": settings,
    "optimizers": optimizers,
    "symbols": symbols,
    "modules": modules,
    "curl": curl,
    "topics": topics,
}


def generated(text: str) -> str:
    """The document with every generated part made anew."""
    return BLOCK.sub(lambda match: f"{match[1]}\n{BLOCKS[match['name']]()}\n\n{match[3]}", text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail where a part is out of date")
    check = parser.parse_args().check
    stale = []
    for name in DOCUMENTS:
        path = ROOT / name
        before = path.read_text(encoding="utf-8")
        after = generated(before)
        if after != before:
            stale.append(name)
            if not check:
                path.write_text(after, encoding="utf-8")
    if stale:
        print(f"{'out of date, run make docs' if check else 'rewrote'}: {', '.join(stale)}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
