"""Local clients: a service of their own in this process, which says what it would say over a socket."""

import asyncio
import subprocess
import sys
import textwrap
import threading
from importlib.util import find_spec
from pathlib import Path

import httpx
import numpy as np
import pytest
from clients.python.tests import awaited
from clients.python.tests.awaited import LOCAL_MAKERS
from clients.python.tests.reference import ReferenceAdadelta

import stepd_client
from stepd_client import AsyncClient, Client
from stepd_client.local import LocalTransport, make_app
from tests.server import in_thread, until

PARAMS = np.array([1.0, 2.0, 3.0])
GRADS = np.array([0.5, -0.25, 0.125])
JSON = {"content-type": "application/json"}
# What a server adds, and what no two answers share.
VARYING = {"date", "x-request-id", "server-timing"}

REQUESTS = [
    ("GET", "/v1/optimizers", {}, None),
    ("HEAD", "/v1/optimizers", {}, None),
    ("GET", "/livez", {}, None),
    ("GET", "/v1/sessions?label=a%3Db&page_size=2", {}, None),
    ("GET", "/v1/sessions/%2e%2e", {}, None),
    ("GET", "/v1/sessions/\u00fc", {}, None),
    ("GET", "/nothing/here", {}, None),
    ("PATCH", "/v1/info", {}, b"{}"),
    ("POST", "/v1/step", JSON, b'{"params": [1.0, -0.0], "grads": [5e-324, -0.5]}'),
    ("POST", "/v1/step", JSON, b'{"params": [1.0], "grads": [1e400]}'),
    ("POST", "/v1/step", JSON, b'{"params": [1.0'),
    ("POST", "/v1/step", JSON, b""),
    ("POST", "/v1/step", {}, b"params=1"),
    ("POST", "/v1/step", {**JSON, "content-encoding": "gzip"}, b"{}"),
    ("POST", "/v1/step", {**JSON, "accept": "text/csv"}, b"{}"),
    ("POST", "/v1/step", {**JSON, "origin": "http://elsewhere.test"}, b"{}"),
    ("POST", "/v1/step", JSON, b" " * (16 * 2**20 + 1)),
    ("DELETE", "/v1/sessions/none", {"if-match": "what?"}, None),
]


@pytest.fixture(params=LOCAL_MAKERS)
def make(request):
    """Makes a local client of either kind."""
    return LOCAL_MAKERS[request.param]


def of(client):
    """The client itself, where it is awaited for us."""
    return getattr(client, "of", client)


def engine(client):
    """The engine of the client's own service, which shows what no answer does."""
    transport = of(client)._http._transport
    return transport._app.service.engine


def until_waiting(client):
    """Returns when a long-poll waits."""
    until(lambda: engine(client)._waiters._waiters, "a long-poll waits")


@pytest.mark.parametrize(("method", "path", "headers", "body"), REQUESTS, ids=lambda part: str(part)[:24])
def test_the_answers_are_those_of_a_server(live_server, method, path, headers, body):
    """Status, headers and body of each answer equal those that come over a socket, refusals included."""
    answers = []
    for options in ({"base_url": live_server, "trust_env": False}, {"base_url": "http://in-process"}):
        transport = None if "trust_env" in options else LocalTransport(make_app({}))
        with httpx.Client(**options, transport=transport, timeout=30) as http:
            answer = http.request(method, path, headers={**headers, "x-request-id": "same"}, content=body)
        kept = {name: value for name, value in answer.headers.items() if name not in VARYING}
        answers.append((answer.status_code, kept, answer.content))
        assert answer.headers["x-request-id"] == "same"
        assert "server-timing" in answer.headers
    assert answers[0] == answers[1]


def test_two_local_clients_are_two_services(make):
    """Under one id each has a session of its own."""
    with make() as one, make() as other:
        session = one.session("run", params=PARAMS)
        session.step(GRADS)
        with pytest.raises(stepd_client.SessionNotFound):
            other.session("run")
        assert other.session("run", params=[5.0]).params == [5.0]
        assert one.session("run").step_number == 1


def test_another_takes_the_step_that_is_waited_for(make):
    """A long-poll does not stand in the way of the step that ends it."""
    with make() as client:
        waiter, session = (client.session("run", params=PARAMS) for _ in range(2))
        join = in_thread(lambda: waiter.wait_for_step(1))
        until_waiting(client)
        stepped = session.step(GRADS)
        assert join().tobytes() == stepped.tobytes() == ReferenceAdadelta(PARAMS).step(GRADS).tobytes()
        assert waiter.wait_for_step(2, timeout_s=0.05).tobytes() == stepped.tobytes()


def test_tasks_wait_and_step_on_one_loop():
    """Without any thread: one task waits, another steps, and the first goes on."""

    async def run():
        async with AsyncClient.local() as client:
            waiter, session = [await client.session("run", params=PARAMS) for _ in range(2)]
            waited, stepped = await asyncio.gather(waiter.wait_for_step(1), session.step(GRADS))
            assert waited.tobytes() == stepped.tobytes()
            return threading.active_count()

    before = threading.active_count()
    assert asyncio.run(run()) == before


def test_nothing_is_left_of_a_client_that_was_closed():
    """No thread outlives it, those of large steps included, nor any task on the caller's loop."""
    before = set(threading.enumerate())
    large = np.ones(150_000)
    with Client.local() as client:
        client.session(params=large).step(large)
        names = {thread.name.partition("_")[0] for thread in set(threading.enumerate()) - before}
        assert names >= {"stepd-local", "stepd-step"}
    assert set(threading.enumerate()) <= before

    async def run():
        async with AsyncClient.local() as connected:
            session = await connected.session(params=large)
            await session.step(large)
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert asyncio.run(run()) == set()
    assert set(threading.enumerate()) <= before


def test_a_wait_in_flight_does_not_keep_a_client_from_closing():
    """Who waits hears that the client was closed; the thread ends."""
    before = set(threading.enumerate())
    client = Client.local()
    session = client.session(params=PARAMS)
    join = in_thread(lambda: session.wait_for_step(1))
    until_waiting(client)
    client.close()
    with pytest.raises((RuntimeError, stepd_client.ConnectionFailed), match="closed"):
        join()
    until(lambda: set(threading.enumerate()) <= before, "all threads end")
    client.close()


def test_a_step_whose_caller_gives_up_is_taken_to_its_end():
    """Cancelled while it is computed, a large step is not interrupted: the session has it, whole."""
    large = np.linspace(-1.0, 1.0, 150_000)

    async def run():
        async with AsyncClient.local() as client:
            session = await client.session("run", params=large)
            stepping = asyncio.ensure_future(session.step(large))
            while not engine(client)._work.changes:  # noqa: ASYNC110 - the engine tells nobody
                await asyncio.sleep(0)
            stepping.cancel()
            with pytest.raises(asyncio.CancelledError):
                await stepping
            assert session.step_number == 0
            params = await session.wait_for_step(1, timeout_s=30)
            assert session.step_number == 1
            assert params.tobytes() == ReferenceAdadelta(large).step(large).tobytes()

    asyncio.run(run())


def test_settings_are_the_services(make, monkeypatch):
    """Those given count, then those of the environment; limits and refusals are the service's own."""
    monkeypatch.setenv("STEPD_MAX_TENSORS", "1")
    with make(keys_per_session=7, max_wait_s=0.05) as client:
        limits = client.info()["limits"]
        assert (limits["keys_per_session"], limits["max_wait_s"], limits["max_tensors"]) == (7, 0.05, 1)
        with pytest.raises(stepd_client.InvalidTensors):
            client.session(params={"a": [1.0], "b": [1.0]})
        session = client.session(params=PARAMS)
        assert session.wait_for_step(1, timeout_s=0.2).tolist() == PARAMS.tolist()
    with make(max_session_bytes=2**20) as client, pytest.raises(stepd_client.CapacityExceeded):
        client.session(shape=2**20)


@pytest.mark.parametrize("settings", [{"port": 9000}, {"host": "127.0.0.1"}, {"max_tensor": 3}, {"max_tensors": 0}])
def test_settings_that_cant_count_are_refused(make, settings):
    """Misspelt, out of bounds, or of a server: ValueError names the setting, and nothing is started."""
    before = set(threading.enumerate())
    with pytest.raises(ValueError, match=next(iter(settings))):
        make(**settings)
    assert {thread.name for thread in set(threading.enumerate()) - before} <= {"awaited-clients"}


def test_the_retry_policy_is_the_callers(make):
    """How often a busy local service is asked again is for the caller to say, as with any other."""
    policy = stepd_client.RetryPolicy(attempts=1)
    with make(retry=policy) as client:
        assert of(client)._run.__self__._policy is policy


def test_a_local_client_says_that_it_is_one(make):
    """Its repr has no address that somebody might try."""
    with make() as client:
        assert repr(client).endswith("Client of http://in-process>")


def python(program, *options):
    """Runs a program as a process of its own, warnings being errors."""
    command = [sys.executable, "-W", "error", *options, "-c", textwrap.dedent(program)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_where_stepd_is_not_installed_the_error_says_what_to_install():
    """Everything but local clients works without the service; there the error names the package and the command."""
    sources = Path(stepd_client.__file__).parents[1]
    packages = Path(find_spec("httpx").origin).parents[1]
    # -S leaves out what is installed from this checkout: the service.
    program = f"""
        import sys
        sys.path[:0] = [{str(sources)!r}, {str(packages)!r}]
        import stepd_client
        for kind in (stepd_client.Client, stepd_client.AsyncClient):
            try:
                kind.local()
            except ModuleNotFoundError as error:
                print(error.name, error)
    """
    ended = python(program, "-S")
    assert ended.stderr == ""
    lines = ended.stdout.splitlines()
    assert len(lines) == 2
    for line in lines:
        assert line.startswith("stepd a local client runs the service in this process and needs the package stepd")
        assert "pip install" in line


def test_the_service_is_imported_only_for_a_local_client():
    """A program that talks to a service elsewhere loads nothing of it."""
    ended = python("""
        import sys, stepd_client
        stepd_client.Client().close()
        print([name for name in sys.modules if name.split(".")[0] in ("stepd", "fastapi", "uvicorn")])
    """)
    assert (ended.stdout, ended.stderr) == ("[]\n", "")


@pytest.mark.parametrize("kind", ["Client", "AsyncClient"])
def test_a_program_that_forgets_to_close_ends_all_the_same(kind):
    """Neither a hanging thread nor a complaint at exit."""
    call = "client.info()" if kind == "Client" else "asyncio.run(client.info())"
    ended = python(f"""
        import asyncio
        from stepd_client import {kind}
        client = {kind}.local()
        assert {call}
        print("done")
    """)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "done\n", "")


def test_a_local_client_that_is_awaited_needs_no_first_request():
    """Made and left without a word, it starts nothing and has nothing to stop."""

    async def run():
        async with AsyncClient.local():
            return len(asyncio.all_tasks())

    assert asyncio.run(run()) == 1
    assert awaited.loop().is_running()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_fork_is_told_that_the_service_stayed_behind():
    """Its thread is not in the fork: a request would wait for ever. The process that made it goes on."""
    ended = python("""
        import os, signal
        from stepd_client import Client
        with Client.local() as client:
            session = client.session(params=[1.0])
            if (child := os.fork()) == 0:
                signal.alarm(30)
                try:
                    session.step([0.5])
                except RuntimeError as error:
                    print(error, flush=True)
                client.close()
                with Client.local() as own:
                    print(own.session(params=[1.0]).step([0.5]), flush=True)
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
            print(session.step([0.5]))
    """)
    said = "a local client works in the process that made it, and this is a fork: make one here"
    assert (ended.stdout.splitlines(), ended.stderr) == ([said, "[0.9955280429197062]", "[0.9955280429197062]"], "")
