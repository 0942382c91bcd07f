"""Memory: what a large step takes at its peak, what an idle session takes, and whether many of them slow a step."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import orjson

from benchmarks.connection import Connection
from benchmarks.effort import Effort
from benchmarks.machine import LOAD_CORE, on_cores
from benchmarks.results import Figure, Measured, Table
from benchmarks.rounds import ratio, seconds_per_call, spread
from benchmarks.servers import Server, stepd
from benchmarks.stepper import Stepper
from benchmarks.steps import Body, create, json_body, raw_body
from benchmarks.wording import say_size, say_time

HOW = """What the server's process holds in memory, as Linux counts it (VmHWM, set back through `clear_refs`). The
idle session is a server that has served small steps, and the session's three arrays, counted in full; its first five
steps must not take more than body, response and, for JSON, the decoded array beyond that, and a tenth for everything
else. Idle sessions have 10 params each and have taken one step without a key. Each row has a server of its own; JSON
runs with `STEPD_MAX_JSON_BYTES` raised."""

FIGURES = (
    "memory.raw_step",
    "memory.raw_step_keyed",
    "memory.json_step",
    "memory.json_step_keyed",
    "memory.idle_session",
    "memory.many_sessions",
    "memory.many_sessions_keyed",
)

SIZE = 1_000_000
ARRAYS = 3  # params and Adadelta's two slots
STEPS = 5
# The JSON of so many values has 20 MB; what its parser may take is reserved beforehand.
SETTINGS = {"max_json_bytes": 64 * 2**20, "max_in_flight_bytes": 8 * 2**30}
IDLE_PARAMS = 10
ONE, MANY, KEYED = "one session", "many sessions", ", keyed"


def run(effort: Effort) -> Measured:
    """Measures everything of this part."""
    figures: dict[str, Figure] = {}
    rows = []
    for form, body, decoded in (("raw", raw_body(SIZE), 0), ("JSON", json_body(SIZE), 8 * SIZE)):
        for keyed in (False, True):
            name = f"memory.{form.lower()}_step" + "_keyed" * keyed
            print(f"memory: a step of {say_size(SIZE)} values, {form}{', keyed' * keyed}", flush=True)
            over, answer = _peak_of_steps(body, keyed=keyed)
            least = len(body.content) + answer + decoded
            figures[name] = Figure(over / least)
            rows.append(
                (form + ", keyed" * keyed, *map(_mb, (over, len(body.content), answer, decoded)), f"{over / least:.2f}")
            )
    header = ("Format", "Peak over idle", "Body", "Response", "Decoded", "Of the three")
    peaks = Table(f"A step of {say_size(SIZE)} values, MB", header, tuple(rows))
    idle_figures, idle_tables = _idle(effort)
    return Measured({**figures, **idle_figures}, (peaks, *idle_tables))


def resident_bytes(pid: int) -> int:
    """What a process holds now."""
    return _status(pid)["VmRSS"]


def peak_bytes(pid: int) -> int:
    """The most that it has held since `forget_peak`."""
    return _status(pid)["VmHWM"]


def forget_peak(pid: int) -> None:
    """The peak begins anew, at what the process holds now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", "ascii")


def _status(pid: int) -> Mapping[str, int]:
    return parse_status(Path(f"/proc/{pid}/status").read_text("ascii"))


def parse_status(text: str) -> dict[str, int]:
    """The lines of /proc/PID/status that are sizes, in bytes.

    >>> parse_status("Name: python\\nVmHWM:\\t  2048 kB\\nThreads: 3\\n")
    {'VmHWM': 2097152}
    """
    return {name: 1024 * int(size) for name, size in re.findall(r"^(\w+):\s+(\d+) kB$", text, re.MULTILINE)}


def _peak_of_steps(body: Body, *, keyed: bool) -> tuple[int, int]:
    """The peak over the idle session, and the length of an answer, both in bytes."""
    with stepd(**SETTINGS) as server, on_cores(LOAD_CORE):
        _warm(server)
        idle = resident_bytes(server.pid) + ARRAYS * 8 * SIZE
        create(server, ["large"], SIZE)
        forget_peak(server.pid)
        with Stepper(server, "large", body, keyed=keyed) as stepper:
            for _ in range(STEPS):
                stepper.step()
            return peak_bytes(server.pid) - idle, stepper.answer_bytes


def _warm(server: Server) -> None:
    """Small steps, after which the server has loaded what it loads at first use."""
    create(server, ["warm"], IDLE_PARAMS)
    with Stepper(server, "warm", json_body(IDLE_PARAMS), keyed=True) as stepper:
        for _ in range(100):
            stepper.step()


def _idle(effort: Effort) -> tuple[dict[str, Figure], tuple[Table, ...]]:
    with ExitStack() as stack:
        one, many = stack.enter_context(stepd()), stack.enter_context(stepd())
        stack.enter_context(on_cores(LOAD_CORE))
        for server in (one, many):
            _warm(server)
        print(f"memory: {effort.sessions:,} idle sessions", flush=True)
        before = resident_bytes(many.pid)
        _fill(many, effort.sessions)
        each = (resident_bytes(many.pid) - before) / effort.sessions
        steppers = {}
        for name, server in ((ONE, one), (MANY, many)):
            for keyed in ("", KEYED):
                session = f"stepped{len(steppers)}"
                create(server, [session], IDLE_PARAMS)
                stepper = Stepper(server, session, json_body(IDLE_PARAMS), keyed=bool(keyed))
                steppers[name + keyed] = stack.enter_context(stepper)
        turns = {name: stepper.step for name, stepper in steppers.items()}
        times = seconds_per_call(turns, effort.rounds, effort.call_s)
    beyond = each - ARRAYS * 8 * IDLE_PARAMS
    rows = tuple((name, say_time(spread(of).median)) for name, of in times.items())
    note = f"Many are {effort.sessions:,}. One takes {each:,.0f} bytes, {beyond:,.0f} of them beyond its arrays."
    return {
        "memory.idle_session": Figure(beyond, unit="bytes"),
        "memory.many_sessions": Figure.of(ratio(times[MANY], times[ONE])),
        "memory.many_sessions_keyed": Figure.of(ratio(times[MANY + KEYED], times[ONE + KEYED])),
    }, (Table("A step of 10 values among idle sessions", ("Sessions", "Time"), rows, note),)


def _fill(server: Server, count: int) -> None:
    """So many sessions, each with a step behind it."""
    created = orjson.dumps({"params": [0.5] * IDLE_PARAMS})
    step = json_body(IDLE_PARAMS).content
    with Connection(server) as connection:
        for number in range(count):
            name = f"idle-{number}"
            for method, path, body in (
                ("PUT", server.session_path.format(name), created),
                ("POST", server.step_path.format(name), step),
            ):
                head = (
                    f"{method} {path} HTTP/1.1\r\nHost: {server.host}:{server.port}\r\n"
                    f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                )
                connection.exchange(head.encode(), body)


def _mb(count: float) -> str:
    return f"{count / 1e6:.1f}"
