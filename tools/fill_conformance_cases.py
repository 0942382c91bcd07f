"""Fills in what a person leaves out of tests/conformance/cases, and writes the files in their one layout.

    python -m tools.fill_conformance_cases

Beside decimals without hexadecimal literals it writes these. Where `gives` has "?" for params or for a slot it writes
what exact arithmetic gives (tests/conformance/oracle.py). What is there already stays: tests judge it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.conformance import values
from tests.conformance.cases import Case, files
from tests.conformance.oracle import Oracle, write

WIDTH = 118


def fill_hex(document: Any) -> Any:
    """Every set of decimals gets its hexadecimal literals."""
    if isinstance(document, list):
        return [fill_hex(member) for member in document]
    if not isinstance(document, dict):
        return document
    if "decimal" in document and "hex" not in document:
        dtype = values.dtype_of(document)
        literals = values.map_leaves(
            lambda leaf: values.hex_of(values.to_dtype(float(leaf), dtype)), document["decimal"]
        )
        return {**document, "hex": literals}
    return {name: fill_hex(member) for name, member in document.items()}


def fill_expected(topic: str, document: dict[str, Any]) -> None:
    """Every "?" gets what the oracle says."""
    case = Case(topic, document["name"], document["about"], document["actions"], {})
    for action, expected in Oracle().follow(case):
        gives = action.get("gives", {})
        if gives.get("params") == "?":
            if expected.params is None:
                raise ValueError(f"{case}: the oracle has no params for {action}")
            gives["params"] = write(expected.params, expected.dtype)
        for slot, held in (expected.state or {}).items():
            if gives.get("state", {}).get(slot) == "?":
                gives["state"][slot] = write(held, expected.dtype)


def filled(document: dict[str, Any]) -> dict[str, Any]:
    """The whole file."""
    document = fill_hex(document)
    for case in document["cases"]:
        fill_expected(document["topic"], case)
    return document


def render(document: Any, indent: int = 0) -> str:
    """JSON with every list and object on one line that has room there; names in their order."""
    flat = json.dumps(document, ensure_ascii=False)
    if indent + len(flat) <= WIDTH or not isinstance(document, (dict, list)):
        return flat
    inner = " " * (indent + 1)
    if isinstance(document, list):
        rows = [inner + render(member, indent + 1) for member in document]
        return "[\n" + ",\n".join(rows) + "\n" + " " * indent + "]"
    rows = [f"{inner}{json.dumps(name)}: {render(member, indent + 1)}" for name, member in document.items()]
    return "{\n" + ",\n".join(rows) + "\n" + " " * indent + "}"


def rewrite(path: Path) -> str:
    """The file as this tool writes it."""
    return render(filled(json.loads(path.read_text("utf-8")))) + "\n"


def main() -> None:
    for path in files():
        path.write_text(rewrite(path), "utf-8")


if __name__ == "__main__":
    main()
