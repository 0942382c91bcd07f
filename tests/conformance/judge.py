"""Whether what came back from a client's program is what the case says, and what every answer has to be.

Each function gives complaints, sentences for people; none at all means that all is well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from stepd.errors import all_errors
from tests.conformance import values
from tests.conformance.other import Other
from tests.conformance.proxy import Exchange

VIEW = {"id", "step", "etag", "dtype", "shape", "params"}
CHECKPOINT = {"optimizer", "dtype", "step", "params", "state", "digest"}
GIVE_VIEWS = frozenset(
    {"open", "view", "step", "fetch_params", "wait_for_step", "put_params", "reset", "restore", "restore_as", "fork"}
)
GIVE_CHECKPOINTS = frozenset({"state", "load"})
DIGITS = {"float64": 16, "float32": 8}
CODES = frozenset(error.code for error in all_errors())

_ETAG = re.compile(r'"([!#-~]+)-([0-9]+)"')
_PROBLEM_MEMBERS = {"code": str, "detail": str, "request_id": str, "etag": str, "step": int, "fields": list}


def judge(
    action: dict[str, Any], answer: dict[str, Any], seen: Sequence[Exchange], other: Other | None
) -> Iterator[str]:
    """What is wrong with the answer to one command; `seen` is what the proxy saw of it.

    `other` can ask the service what it says itself; None where nobody but the client can reach it.
    """
    fails = action.get("fails")
    if "error" in answer:
        error = answer["error"]
        if fails is None:
            yield f"failed with {_shown(error)}"
        else:
            yield from mismatches(_resolved(fails, error, action, other), error, "the error's ")
            yield from _as_the_service_said(error, seen)
        return
    result = answer["ok"]
    if fails is not None:
        yield f"should have failed with {fails['type']}, and gave {_shown(result)}"
        return
    if action["do"] in GIVE_VIEWS:
        yield from _view(result)
    if action["do"] in GIVE_CHECKPOINTS:
        yield from _checkpoint(result)
    if "as_served" in action and other is not None:
        served = other.get(action["as_served"])
        yield from mismatches(served, result, "the document's ")
    if "gives" in action:
        yield from mismatches(_resolved(action["gives"], result, action, other), result, "")


def mismatches(expected: Any, got: Any, where: str) -> Iterator[str]:
    """Where `got` differs from what is expected. Of an object only the members that are expected count."""
    if isinstance(expected, dict) and "hex" in expected:
        if found := values.difference(expected, got):
            yield f"{where or 'the answer'}: {found}".removeprefix(": ")
    elif isinstance(expected, dict) and set(expected) == {"pattern"}:
        if not isinstance(got, str) or not re.fullmatch(expected["pattern"], got):
            yield f"{where}should match {expected['pattern']}, is {_shown(got)}"
    elif isinstance(expected, dict):
        if not isinstance(got, dict):
            yield f"{where or 'the answer '}should be an object, is {_shown(got)}"
            return
        for name, member in expected.items():
            if name not in got:
                yield f"{where}{name} is missing; it should be {_shown(member)}"
            else:
                yield from mismatches(member, got[name], f"{where}{name} ")
    elif not _equal(expected, got):
        yield f"{where}should be {_shown(expected)}, is {_shown(got)}"


def _equal(expected: Any, got: Any) -> bool:
    """True is not 1; a whole number may be written with a point."""
    return isinstance(expected, bool) == isinstance(got, bool) and bool(expected == got)


def _resolved(expected: dict[str, Any], got: Any, action: dict[str, Any], other: Other | None) -> dict[str, Any]:
    """`"etag": "current"` stands for the one that the service has now for the session that `of` names."""
    if expected.get("etag") != "current":
        return expected
    if other is None:
        return {name: member for name, member in expected.items() if name != "etag"}
    session_id = action.get("of") or (got.get("id") if isinstance(got, dict) else None)
    return {**expected, "etag": other.etag(str(session_id))}


def _view(view: Any) -> Iterator[str]:
    if not isinstance(view, dict) or set(view) != VIEW:
        yield f"a view has {', '.join(sorted(VIEW))}; this is {_shown(view)}"
        return
    tag = _ETAG.fullmatch(view["etag"]) if isinstance(view["etag"], str) else None
    if tag is None:
        yield f"the etag is {_shown(view['etag'])}"
    elif int(tag[2]) != view["step"]:
        yield f"the step is {view['step']}, the etag {view['etag']}"
    if view["dtype"] not in DIGITS:
        yield f"the dtype is {_shown(view['dtype'])}"
    elif view["params"] is not None and (wrong := values.malformed(view["params"], DIGITS[view["dtype"]])):
        yield f"params {wrong}"
    elif view["params"] is not None and values.shapes(view["params"]) != view["shape"]:
        yield f"the shape is {view['shape']}, that of the params {values.shapes(view['params'])}"


def _checkpoint(checkpoint: Any) -> Iterator[str]:
    if not isinstance(checkpoint, dict) or set(checkpoint) != CHECKPOINT:
        yield f"a checkpoint has {', '.join(sorted(CHECKPOINT))}; this is {_shown(checkpoint)}"
        return
    if checkpoint["dtype"] not in DIGITS or not isinstance(checkpoint["state"], dict):
        yield f"the dtype is {_shown(checkpoint['dtype'])}, the state {_shown(checkpoint['state'])}"
        return
    for name, held in {"params": checkpoint["params"], **checkpoint["state"]}.items():
        if wrong := values.malformed(held, DIGITS[checkpoint["dtype"]]):
            yield f"{name} {wrong}"
            return
        if values.shapes(held) != values.shapes(checkpoint["params"]):
            yield f"{name} has the shape {values.shapes(held)}, params {values.shapes(checkpoint['params'])}"


def _as_the_service_said(error: dict[str, Any], seen: Sequence[Exchange]) -> Iterator[str]:
    """A problem reaches the caller whole: whatever the last answer said of it, the error says."""
    given = seen[-1].given if seen else None
    if given is None or given.headers.get("content-type", "").partition(";")[0] != "application/problem+json":
        return
    try:
        problem = json.loads(given.body)
    except json.JSONDecodeError:
        return
    # A member of another type than the contract's is as if it were not there.
    said = {name: problem[name] for name, kind in _PROBLEM_MEMBERS.items() if isinstance(problem.get(name), kind)}
    said["status"] = given.status
    if isinstance(problem.get("errors"), list):
        said["pointers"] = [place["pointer"] for place in problem["errors"]]
    if given.headers.get("retry-after", "").isdigit():
        said["retry_after_s"] = int(given.headers["retry-after"])
    if problem.get("code") in CODES:
        said["type"] = problem["code"]
    yield from mismatches(said, error, "the problem's ")


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 300 else text[:297] + "..."
