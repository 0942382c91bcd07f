"""What can follow an answer: OpenAPI links, by which a program finds its way from one request to the next."""

from __future__ import annotations

from typing import Any

from stepd.api.openapi.schemas import Json

_BODY = "$response.body#"
_TAG = {"If-Match": "$response.header.ETag"}


def _link(operation_id: str, description: str, parameters: Json, body: Any = None) -> Json:
    link: Json = {"operationId": operation_id, "description": description, "parameters": parameters}
    return link if body is None else {**link, "requestBody": body}


def _about(session: Json) -> dict[str, Json]:
    """What a session takes, named by `session`."""
    return {
        "Read": _link("get_session", "Read what the session is.", session),
        "ReadParams": _link("get_params", "Read its params.", session),
        "ReadState": _link("get_state", "Read it as a checkpoint.", session),
        "Step": _link("step", "Take a step.", session),
        "Reset": _link("reset", "Set slots and step back, from exactly this state.", session | _TAG),
        "Delete": _link("delete_session", "Delete it, from exactly this state.", session | _TAG),
    }


_SAME = {"session_id": "$request.path.session_id"}

# After an answer that says what a session is.
AFTER_SESSION = _about({"session_id": f"{_BODY}/id"})
# After an answer that gives params.
AFTER_PARAMS = {
    **_about(_SAME),
    "Step": _link(
        "step", "Take the next step; the gradient of half of params squared is params.", _SAME | _TAG,
        {"grads": f"{_BODY}/params"},
    ),
    "ReplaceParams": _link(
        "put_params", "Put the same params: another incarnation.", _SAME | _TAG, {"params": f"{_BODY}/params"}
    ),
    "ReadWhatChanged": _link(
        "get_params", "304 while nothing has changed.", _SAME | {"If-None-Match": "$response.header.ETag"}
    ),
}  # fmt: skip
# After a checkpoint.
AFTER_STATE = {
    **_about(_SAME),
    "Restore": _link("put_state", "Restore it, as it is.", _SAME, _BODY.removesuffix("#")),
}
# After a page of sessions.
AFTER_LIST = {
    "NextPage": _link("list_sessions", "The next page.", {"page_token": f"{_BODY}/next_page_token"}),
    "ReadFirst": _link("get_session", "Read the first of them.", {"session_id": f"{_BODY}/sessions/0/id"}),
}
