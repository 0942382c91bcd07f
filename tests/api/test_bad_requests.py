"""Every bad request of the table is refused as the table says, explained in less than 4 kB, and changes nothing."""

from collections.abc import Iterator
from typing import Any

import pytest

from stepd.api.problems import STATUS
from tests.api.bad_requests import ROWS
from tests.api.refusals import LARGEST_BODY, Bad
from tests.server import Handle, Running, Servers

TITLES = {error.code: error.title for error in STATUS}


class Judged:
    """A service with the sessions of the table, and what they were when last looked at."""

    def __init__(self, server: Running) -> None:
        self.server = server
        made = {name: server.session(name) for name in ("four", "grid", "named", "single", "empty", "restored")}
        made["four"].create(params=[1, 2, 3, 4])
        made["four"].step([1, 1, 1, 1], key="taken")
        made["grid"].create(params=[[1, 2, 3], [4, 5, 6]])
        made["named"].create(params={"w": [[1, 2], [3, 4]], "b": 5})
        made["single"].create(params=[1, 2], dtype="float32")
        made["empty"].create()
        state = {"momentum_buffer": [0.5]}
        made["restored"].put_state({"optimizer": {"name": "sgd"}, "step": 9, "params": [1], "state": state})
        self.made = made
        self.seen = self.look()

    def look(self) -> list[bytes]:
        """All that can be seen: the list of sessions, each with its tag, and every state."""
        seen = [self.server.http.get("/v1/sessions").content]
        for handle in self.made.values():
            state = handle.state()
            seen.append(state.content if state.status_code == 200 else b"unshaped")
            seen.append(state.headers.get("etag", "").encode())
        return seen

    def unchanged(self) -> bool:
        before, self.seen = self.seen, self.look()
        return self.seen == before


@pytest.fixture(scope="module")
def judged(servers: Servers) -> Iterator[Judged]:
    return Judged(servers(max_json_bytes=LARGEST_BODY, max_session_bytes=2**24))


def test_the_table_is_large_and_names_its_rows_apart() -> None:
    """Each row has a name of its own."""
    names = [row.name for row in ROWS]
    assert len(names) >= 80
    assert len(set(names)) == len(names), [name for name in names if names.count(name) > 1]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_a_bad_request_is_refused_and_changes_nothing(judged: Judged, row: Bad) -> None:
    """A problem document with the right status, code, pointer and words; all sessions stay byte for byte."""
    http = judged.server.http
    answer = http.request(row.method, row.path, content=row.body, headers={**row.headers, "X-Request-ID": "row-1"})
    assert (answer.status_code, answer.headers["content-type"]) == (row.status, "application/problem+json"), answer.text
    problem: dict[str, Any] = answer.json()
    assert problem["code"] == row.code, answer.text
    assert problem["status"] == row.status
    assert problem["title"] == TITLES[row.code]
    assert problem["type"] == f"/problems/{row.code}"
    assert problem["request_id"] == answer.headers["x-request-id"] == "row-1"
    assert len(answer.content) < 4096
    assert problem["detail"]
    errors = problem.get("errors", [])
    assert len(errors) <= 10
    assert (errors[0]["pointer"] if errors else None) == row.pointer, answer.text
    missing = [word for word in row.words if word not in problem["detail"]]
    assert not missing, problem["detail"]
    if row.status == 405:
        assert answer.headers["allow"] == ", ".join(problem["allow"])
    if row.status in (409, 412) and row.path.startswith("/v1/sessions/four"):
        assert problem["etag"] == answer.headers["etag"] == judged.made["four"].tag()
        assert problem["step"] == 1
    assert judged.unchanged()
    assert judged.server.bytes_in_flight() == 0


MANY = 100_000


def array(items: list[str]) -> str:
    return '{"dtype": "float32", "params": [' + ",".join(items) + "]}"


def many(text: str, before: str = "{", after: str = "}") -> str:
    return before + ",".join(f'"{text}{number}": {number}' for number in range(MANY)) + after


CROWDS = {
    "null": (array(["null"] * MANY), "not-a-number", "/params/0", "/params/9"),
    "strings": (array(['"' + "x" * 50 + '"'] * MANY), "not-a-number", "/params/0", "/params/9"),
    "beyond float32": (array(["1e39"] * MANY), "value-out-of-range", "/params/0", "/params/9"),
    "ragged": (array(["[1]"] + ["[]"] * MANY), "ragged-array", "/params/1", "/params/1"),
    "NaN": (array(["NaN"] * MANY), "value-not-finite", "/params/0", "/params/0"),
    "fields": (many("f"), "unknown-field", "/f0", "/f9"),
    "hyper-parameters": (
        many("h", '{"optimizer": {"name": "sgd", ', "}}"),
        "unknown-hyper-parameter",
        "/optimizer/h0",
        "/optimizer/h0",
    ),
}


@pytest.mark.parametrize("crowd", CROWDS)
def test_a_hundred_thousand_errors_are_told_in_4_kb(session: Handle, crowd: str) -> None:
    """The first ten places at most, however many there are."""
    body, code, first, last = CROWDS[crowd]
    refused = session.http.put(session.path, content=body.encode(), headers={"Content-Type": "application/json"})
    assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert len(refused.content) < 4096
    errors = refused.json()["errors"]
    assert (errors[0]["pointer"], errors[-1]["pointer"]) == (first, last)
    assert len(errors) <= 10


@pytest.mark.parametrize("character", ["😀", "\x01", "é", '"', "\\", "~", "/", "\u2028"])
def test_long_names_of_any_script_are_told_in_4_kb(session: Handle, character: str) -> None:
    """What the sender named is cut by bytes: an emoji takes four and an escape six."""
    fields = {f"{number}" + character * 1000: 1 for number in range(20)}
    for body in (
        fields,
        {"optimizer": {"name": "adadelta", **fields}},
        {"optimizer": {"name": character * 1000}},
        {"labels": dict.fromkeys(fields, 5)},
        {"shape": fields},
        {"params": dict.fromkeys(fields, "x")},
        {"dtype": character * 1000},
    ):
        refused = session.create(**body)
        assert refused.status_code == 422
        assert len(refused.content) < 4096
        assert refused.json()["errors"][0]["detail"]


def test_long_paths_headers_and_queries_are_told_in_4_kb(session: Handle) -> None:
    """As above, for what stands outside the body."""
    long = "x" * 5000
    for answer in (
        session.http.get(f"/{long}"),
        session.http.get(f"/v1/sessions/{long}"),
        session.http.post(f"/{long}", headers={"Origin": f"http://{long}"}),
        session.http.get("/v1/sessions", params={long: "1"}),
        session.http.get("/v1/sessions", params={"page_token": long}),
        session.http.get("/v1/info", headers={"Accept": long}),
        session.http.post("/v1/step", content=b"{}", headers={"Content-Type": long}),
        session.http.post("/v1/step", content=b"{}", headers={"Content-Encoding": long}),
    ):
        assert answer.status_code in (400, 403, 404, 406, 415)
        assert answer.headers["content-type"] == "application/problem+json"
        assert len(answer.content) < 4096
