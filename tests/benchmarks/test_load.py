"""The load is what it claims to be: every step is taken, keyed ones with the right tag, and no error goes unseen."""

import socket
from collections.abc import Iterator

import pytest

from benchmarks.connection import Connection, RequestRefused
from benchmarks.load import Load, parse, wrk
from benchmarks.servers import Server, echo
from benchmarks.stepper import Stepper
from benchmarks.steps import create, json_body, tags
from tests.needs import require_program
from tests.server import Running


@pytest.fixture
def target(server: Running) -> Server:
    """The running service as the load sees it."""
    return Server("stepd", 0, server.host, server.port)


@pytest.fixture(params=[False, True], ids=["plain", "keyed"])
def keyed(request: pytest.FixtureRequest) -> bool:
    keyed: bool = request.param
    return keyed


def test_a_stepper_takes_the_steps_that_it_sends(target: Server, keyed: bool) -> None:
    """Each step is a step of the session, with a key and the last answer's tag or without."""
    name = f"stepper-{keyed}"
    create(target, [name], 3)
    with Stepper(target, name, json_body(3), keyed=keyed) as stepper:
        for _ in range(4):
            stepper.step()
    (tag,) = tags(target, [name])
    assert tag.step == 4


def test_a_large_answer_is_read_to_its_end(target: Server) -> None:
    """The next step finds an empty connection, however many reads the answer took."""
    create(target, ["large"], 20_000)
    with Stepper(target, "large", json_body(20_000), keyed=True) as stepper:
        stepper.step()
        stepper.step()
        assert stepper.answer_bytes > 20_000 * 10


def test_a_stepper_goes_on_where_the_server_has_closed_an_idle_connection(
    target: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others may have had their turns meanwhile."""
    create(target, ["idle"], 3)
    with Stepper(target, "idle", json_body(3), keyed=True) as stepper:
        stepper.step()
        monkeypatch.setattr("benchmarks.connection.IDLE_S", 0.0)
        stepper._connection._socket.shutdown(socket.SHUT_RDWR)
        stepper.step()
    (tag,) = tags(target, ["idle"])
    assert tag.step == 2


def test_a_refused_step_is_an_error(target: Server) -> None:
    """A benchmark that went on would measure how fast the service refuses."""
    create(target, ["refused"], 3)
    with Stepper(target, "refused", json_body(4)) as stepper, pytest.raises(RequestRefused, match="shape-mismatch"):
        stepper.step()


def test_wrk_takes_the_steps_that_it_sends(target: Server, keyed: bool) -> None:
    """Over several connections, none is refused: keyed ones count their tags right."""
    require_program("wrk", "apt install wrk")
    names = [f"wrk-{keyed}-{number}" for number in range(3)]
    create(target, names, 3)
    taken = 0
    for _ in range(2):  # the second begins where the first has left the sessions
        load = wrk(target, names, json_body(3), 1, keyed=keyed)
        steps = [tag.step for tag in tags(target, names)]
        before, taken = taken, sum(steps)
        assert all(steps)
        assert load.errors == 0
        # What was under way at the end is taken and not counted.
        assert load.requests <= taken - before <= load.requests + len(names)


def test_what_wrk_is_refused_is_counted(target: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """And said loudly."""
    require_program("wrk", "apt install wrk")
    load = wrk(target, ["wrk-no-such-session"], json_body(3), 1, keyed=False)
    assert load.errors > 0
    assert "ERRORS" in capsys.readouterr().err


def test_the_result_of_wrk_is_read() -> None:
    """Rates per second, times in seconds, refusals and broken connections together."""
    output = (
        "Running 2s test\nresult "
        '{"requests": 300, "seconds": 2.0, "p50_us": 1000, "p99_us": 5000, "max_us": 9000, "refused": 2, "broken": 3}\n'
    )
    assert parse(output) == Load(requests=300, requests_per_s=150.0, p50_s=0.001, p99_s=0.005, max_s=0.009, errors=5)


def test_wrk_without_a_result_is_an_error() -> None:
    """Half a run is none."""
    with pytest.raises(ValueError, match="unable to connect"):
        parse("unable to connect to 127.0.0.1:9")


@pytest.fixture
def echoing() -> Iterator[Server]:
    with echo() as server:
        yield server


def test_the_echo_gives_back_the_bytes(echoing: Server) -> None:
    """As many as it was sent, in however many pieces they came."""
    body = bytes(300_000)
    head = f"POST / HTTP/1.1\r\nHost: echo\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with Connection(echoing) as connection:
        assert connection.exchange(head, body).body_bytes == len(body)
        assert connection.exchange(head, body).body_bytes == len(body)


def test_a_server_ends_when_what_it_was_for_fails() -> None:
    """Nothing is left listening after an error."""
    with pytest.raises(KeyError), echo() as server:
        raise KeyError
    with pytest.raises(ConnectionRefusedError):
        Connection(server)
