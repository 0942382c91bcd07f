"""What happens beside the client under test: somebody else uses the same service, without any client, or files change.

Each action of a case that has `other` is one of the methods of `Other` of that name.
"""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any

import httpx

from tests.conformance import values
from tests.conformance.checkpoint_files import read_file, write_file

PATIENCE_S = 20.0
_keys = itertools.count(1)


class Other:
    """Talks to the service directly, and looks after the folder in which the client's files are."""

    def __init__(self, url: str, folder: Path) -> None:
        self._http = httpx.Client(base_url=url, timeout=PATIENCE_S, trust_env=False)
        self._folder = folder

    def close(self) -> None:
        self._http.close()

    def __call__(self, action: dict[str, Any]) -> None:
        """Does what an action says."""
        verbs = {
            "create": self._create,
            "step": self._step,
            "reset": self._reset,
            "put_params": self._put_params,
            "delete": self._delete,
            "await_expiry": self._await_expiry,
            "write": self._write,
            "compare": self._compare,
        }
        arguments = {name: value for name, value in action.items() if name not in {"other", "about"}}
        verbs[action["other"]](**arguments)

    def etag(self, session_id: str) -> str | None:
        """The current entity tag of a session, None where there is no such session."""
        return self._http.get(f"/v1/sessions/{session_id}").headers.get("etag")

    def get(self, path: str) -> Any:
        """A document of the service."""
        return self._http.get(path).raise_for_status().json()

    def round_trip(self) -> None:
        """Asks and is answered: the service has read by then what came to it before."""
        self._http.get("/livez").raise_for_status()

    def clean(self) -> None:
        """Deletes every session and every file: a case begins with nothing."""
        while sessions := self.get("/v1/sessions")["sessions"]:
            for session in sessions:
                self._http.delete(f"/v1/sessions/{session['id']}")  # one that has just expired is gone as well
        for path in self._folder.iterdir():
            path.unlink()

    def _create(self, id: str, **body: Any) -> None:  # noqa: A002 - the members of the action
        if "params" in body:
            body["params"] = values.document(body["params"])
        self._http.put(f"/v1/sessions/{id}", json=body).raise_for_status()

    def _step(self, id: str, grads: dict[str, Any]) -> None:  # noqa: A002
        key = {"idempotency-key": f"other-{next(_keys)}"}
        body = {"grads": values.document(grads)}
        self._http.post(f"/v1/sessions/{id}/step", json=body, headers=key).raise_for_status()

    def _reset(self, id: str) -> None:  # noqa: A002
        self._http.post(f"/v1/sessions/{id}/reset").raise_for_status()

    def _put_params(self, id: str, params: dict[str, Any]) -> None:  # noqa: A002
        self._http.put(f"/v1/sessions/{id}/params", json={"params": values.document(params)}).raise_for_status()

    def _delete(self, id: str) -> None:  # noqa: A002
        self._http.delete(f"/v1/sessions/{id}").raise_for_status()

    def _await_expiry(self, id: str) -> None:  # noqa: A002
        """Looks at the list, which holds no session, until it is no longer in it."""
        end = time.monotonic() + PATIENCE_S
        while any(session["id"] == id for session in self.get("/v1/sessions")["sessions"]):
            assert time.monotonic() < end, f"session {id!r} did not expire within {PATIENCE_S:g} s"
            time.sleep(0.005)

    def _write(self, path: str, checkpoint: dict[str, Any]) -> None:
        write_file(self._folder / path, checkpoint)

    def _compare(self, path: str, id: str) -> None:  # noqa: A002
        """The file holds what the service gives as the session's state, number for number."""
        written = read_file(self._folder / path)
        served = self.get(f"/v1/sessions/{id}/state")
        assert _exact(written) == _exact(served), f"{path} holds {written}, the service gives {served}"


def _exact(document: Any) -> Any:
    """With every float as its bits: -0.0 is not 0.0. Whole numbers are written as such or with a point."""
    if isinstance(document, dict):
        return {name: _exact(value) for name, value in document.items()}
    if isinstance(document, list):
        return [_exact(value) for value in document]
    if isinstance(document, (int, float)) and not isinstance(document, bool):
        return values.to_bits(float(document), "float64")
    return document
