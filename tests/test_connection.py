"""What a connection does with offers to upgrade and with heads that do not end, over real sockets."""

import json
import re
import socket

import pytest

from stepd.api.headers import MAX_HEAD_BYTES
from tests.server import Running, running

BODY = b'{"params": [1.0], "grads": [0.5]}'
UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n"
JSON = b"Content-Type: application/json\r\n"


def connect(server: Running) -> socket.socket:
    return socket.create_connection((server.host, server.port), timeout=20)


def answers(connection: socket.socket, count: int) -> list[tuple[int, bytes]]:
    """Status and body of so many answers; fewer where the connection ends before."""
    read, found = b"", []
    while len(found) < count:
        match = re.match(rb"HTTP/1\.1 (\d+) .*?\r\ncontent-length: (\d+)\r\n.*?\r\n\r\n", read, re.DOTALL)
        if match and len(read) >= match.end() + int(match[2]):
            end = match.end() + int(match[2])
            found.append((int(match[1]), read[match.end() : end]))
            read = read[end:]
            continue
        more = connection.recv(65536)
        if not more:
            break
        read += more
    return found


def head(path: bytes, *headers: bytes, method: bytes = b"POST") -> bytes:
    return method + b" " + path + b" HTTP/1.1\r\nHost: stepd\r\n" + b"".join(headers) + b"\r\n"


def length(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n" % len(body)


@pytest.mark.parametrize("apart", [False, True], ids=["in-one-piece", "body-later"])
@pytest.mark.parametrize("chunked", [False, True], ids=["with-length", "chunked"])
def test_an_offer_to_upgrade_is_ignored(server: Running, apart: bool, chunked: bool) -> None:
    """A step with `Upgrade: h2c`, as Java's client sends it, is taken; the connection goes on with plain requests."""
    framing = b"Transfer-Encoding: chunked\r\n" if chunked else length(BODY)
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY) if chunked else BODY
    first = head(b"/v1/step", JSON, framing, UPGRADE)
    following = head(b"/v1/step", JSON, length(BODY)) + BODY
    with connect(server) as connection:
        if apart:
            connection.sendall(first)
            connection.sendall(body + following)
        else:
            connection.sendall(first + body + following)
        (status, answer), (next_status, next_answer) = answers(connection, 2)
    assert status == next_status == 200
    assert answer == next_answer
    assert json.loads(answer)["params"][0] < 1.0


def test_the_body_of_an_offer_is_never_read_as_a_request(server: Running) -> None:
    """A request hidden in such a body stays a body."""
    victim = server.session()
    victim.create(params=[1.0])
    hidden = head(victim.path.encode(), method=b"DELETE")
    with connect(server) as connection:
        connection.sendall(head(b"/v1/step", JSON, length(hidden), UPGRADE))
        connection.sendall(hidden)
        ((status, answer),) = answers(connection, 1)
    assert (status, json.loads(answer)["code"]) == (400, "malformed-json")
    assert victim.get().status_code == 200


def test_an_offer_without_a_body_is_answered(server: Running) -> None:
    """GET with an offer is a GET."""
    with connect(server) as connection:
        connection.sendall(head(b"/livez", UPGRADE, method=b"GET"))
        assert [status for status, _ in answers(connection, 1)] == [200]


@pytest.mark.parametrize(
    "endless",
    [
        b"GET /livez?" + b"x" * 50,
        b"GET /livez HTTP/1.1\r\nX: " + b"x" * 50,
        b"GET /livez HTTP/1.1\r\n" + b"X: y\r\n" * 9,
    ],
    ids=["line", "header", "headers"],
)
def test_a_head_that_does_not_end_is_refused(endless: bytes) -> None:
    """Long before it is large the connection is told so and closed; others go on."""
    more = b"X: y\r\n" * 1000 if endless.endswith(b"\n") else b"x" * 6000
    with running() as server, connect(server) as connection:
        connection.sendall(endless)
        sent = 0
        try:
            while sent < 100 * MAX_HEAD_BYTES:
                connection.sendall(more)
                sent += len(more)
        except OSError:  # it was closed while we sent
            pass
        assert sent < 100 * MAX_HEAD_BYTES
        assert server.http.get("/livez").status_code == 200


def test_trailers_that_do_not_end_are_refused(server: Running) -> None:
    """What follows a chunked body is limited as a head is."""
    with connect(server) as connection:
        connection.sendall(head(b"/v1/step", JSON, b"Transfer-Encoding: chunked\r\n"))
        connection.sendall(b"%x\r\n%b\r\n0\r\n" % (len(BODY), BODY) + b"X: y\r\n" * MAX_HEAD_BYTES)
        ((status, answer),) = answers(connection, 1)
    assert status == 400
    assert str(MAX_HEAD_BYTES).encode() in answer


def test_a_head_just_below_the_limit_is_taken(server: Running) -> None:
    """Large cookies and traces of proxies fit."""
    with connect(server) as connection:
        connection.sendall(head(b"/livez", b"X: " + b"y" * (MAX_HEAD_BYTES - 200) + b"\r\n", method=b"GET"))
        assert [status for status, _ in answers(connection, 1)] == [200]


def test_what_is_not_http_is_refused(server: Running) -> None:
    """In plain text, because it is answered before there is a request."""
    with connect(server) as connection:
        connection.sendall(b"nonsense\r\n\r\n")
        ((status, answer),) = answers(connection, 1)
    assert (status, answer) == (400, b"Invalid HTTP request received.")
