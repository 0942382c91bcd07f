"""What a case says of the network, as the proxy takes it: answers lost, made, or changed on their way."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from http.client import responses
from typing import Any

from stepd.api.problems import problem_answer
from stepd.errors import FieldError, all_errors
from tests.conformance.binary import made
from tests.conformance.proxy import Answer, Loss, Treatment

REQUEST_ID = "conformance"
_CLASSES = {error.code: error for error in all_errors()}


def treatment(entry: dict[str, Any], act: Callable[[dict[str, Any]], None], arrived: Callable[[], object]) -> Treatment:
    """One entry of `network`. `act` does what others do meanwhile, early once what was sent before has `arrived`."""
    answer = entry.get("answer", "given")
    others = entry.get("meanwhile", [])

    def meanwhile() -> None:
        if entry.get("early"):
            arrived()
        for action in others:
            act(action)

    return Treatment(
        forward=entry.get("forward", not isinstance(answer, dict) or "changed" in answer),
        answer=_answer(answer),
        meanwhile=meanwhile if others else None,
        early=entry.get("early", False),
    )


def _answer(answer: str | dict[str, Any]) -> Loss | Answer | Callable[[Answer], Answer] | None:
    if answer == "given":
        return None
    if isinstance(answer, str):
        return Loss(answer)
    if "problem" in answer:
        return problem(**answer["problem"])
    if "page" in answer:
        page = answer["page"]
        return http_answer(page["status"], page.get("headers", {}), page["body"].encode())
    return lambda given: changed(given, **answer["changed"])


def problem(
    code: str,
    detail: str,
    errors: list[dict[str, str]] | None = None,
    extra: dict[str, Any] | None = None,
    retry_after_s: int | None = None,
) -> Answer:
    """A problem as the service itself writes it, for codes that no correct client can provoke."""
    places = [FieldError(one["pointer"], one["detail"]) for one in errors or []]
    response = problem_answer(_CLASSES[code](detail, errors=places, extra=extra), REQUEST_ID)
    headers = {name.decode(): value.decode() for name, value in response.headers}
    headers["content-type"] = response.media_type
    if retry_after_s is not None:
        headers["retry-after"] = str(retry_after_s)
    return http_answer(response.status, headers | {"x-request-id": REQUEST_ID}, response.body or b"")


def http_answer(status: int, headers: dict[str, str], body: bytes) -> Answer:
    """The bytes of an answer; its length and the end of the connection are added."""
    lines = [f"HTTP/1.1 {status} {responses.get(status, '')}"]
    lines += [f"{name}: {value}" for name, value in headers.items() if name.lower() != "content-length"]
    lines += ["connection: close", *([] if status == 204 else [f"content-length: {len(body)}"]), "", ""]
    return Answer("\r\n".join(lines).encode("latin-1") + body)


def changed(
    given: Answer,
    *,
    weak_etag: bool = False,
    without: Sequence[str] = (),
    headers: Mapping[str, str] | None = None,
    members: Mapping[str, Any] | None = None,
    body: dict[str, Any] | None = None,
) -> Answer:
    """The service's answer as something between may change it, or as a later version may give it.

    `without` names headers that are taken away, `headers` and `members` of the document are added, `body` comes in the
    place of the whole body.
    """
    new_headers = {name: value for name, value in given.headers.items() if name not in {"connection", *without}}
    new_headers |= headers or {}
    if weak_etag and "etag" in new_headers:
        new_headers["etag"] = f"W/{new_headers['etag']}"
    content = given.body if body is None else made(given.body, body)
    if members:
        # The text stays as it is: a document that is read and written again might lose what the service wrote.
        content = content.rstrip()[:-1] + b", " + json.dumps(members)[1:].encode()
    return http_answer(given.status, new_headers, content)
