"""Runs a case: gives the commands to the client's program, and has all that comes back judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

from tests.conformance import values
from tests.conformance.binary import not_as_sent
from tests.conformance.cases import Case
from tests.conformance.clients import ROOT, ClientUnderTest
from tests.conformance.judge import judge
from tests.conformance.network import treatment
from tests.conformance.places import Place, Places
from tests.conformance.program import Program, ProgramFailed
from tests.conformance.proxy import Exchange
from tests.conformance.rules import Rules

# Members of an action that say what must happen; the rest is the command.
JUDGEMENT = frozenset(
    {"about", "gives", "fails", "requests", "sends", "network", "as_served", "of", "not_before_s", "to", "under"}
)


NOT_SUPPORTED = "not-supported"


class NotSupported(Exception):
    """The client's program declines a command of an optional case, which is then not for it."""


class Runner:
    """Runs cases for one client, whose program is started once, and anew after it has broken the protocol."""

    def __init__(self, client: ClientUnderTest, places: Places) -> None:
        self._client = client
        self._places = places
        self._program: Program | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._program is not None:
            self._program.close()

    def run(self, case: Case) -> list[str]:
        """What is wrong; an empty list where the client passes. Raises NotSupported, of an optional case."""
        place = self._places(case.service)
        place.proxy.treat()
        place.other.clean()
        rules = Rules()
        complaints: list[str] = []
        try:
            if case.actions[0].get("do") != "connect":
                complaints += self._step("connecting", {"do": "connect"}, place, rules)
            for number, action in enumerate(case.actions, start=1):
                what = f"{number}. {action.get('do') or 'other ' + action['other']}"
                complaints += self._step(what, action, place, rules, optional=case.optional)
                if complaints:  # what follows builds on what has failed
                    break
        except ProgramFailed as failed:
            assert self._program is not None
            self._program.kill()
            self._program = None
            complaints.append(str(failed))
        return complaints

    def _step(
        self, what: str, action: dict[str, Any], place: Place, rules: Rules, *, optional: bool = False
    ) -> Iterator[str]:
        failures: list[Exception] = []
        act = _collecting(place.other, failures)
        if "other" in action:
            act(action)
            yield from (f"{what}: {type(failure).__name__}: {failure}" for failure in failures)
            return
        place.proxy.treat(*(treatment(entry, act, place.other.round_trip) for entry in action.get("network", [])))
        answer = self._give(self._command(action, place))
        if optional and answer.get("error", {}).get("type") == NOT_SUPPORTED:
            raise NotSupported
        seen = list(place.proxy.seen)
        complaints = [
            *(f"meanwhile: {type(failure).__name__}: {failure}" for failure in failures),
            *judge(action, answer, seen, place.other if self._client.networked else None),
            *rules.broken_by(seen, "on" in action),
            *(_requests(action, seen, place.proxy.untreated()) if self._client.networked else ()),
        ]
        yield from (f"{what}: {complaint}" for complaint in complaints)

    def _command(self, action: dict[str, Any], place: Place) -> dict[str, Any]:
        """As docs/writing-a-client.md has it: values as bits, the proxy's address, files where this run has them."""
        command = {name: value for name, value in action.items() if name not in JUDGEMENT}
        for role in ("params", "grads"):
            if role in command:
                command[role] = values.wire(command[role])
        if "state" in command:
            command["state"] = {slot: values.wire(held) for slot, held in command["state"].items()}
        if "path" in command:
            command["path"] = str(place.files / command["path"])
        if command["do"] == "connect":
            address = place.nobody if action.get("to") == "nobody" else place.proxy.url
            command["url"] = address + action.get("under", "")
        return command

    def _give(self, command: dict[str, Any]) -> dict[str, Any]:
        if self._program is None:
            self._program = Program(self._client.command, ROOT, {"PYTHONWARNINGS": "error"})
        return self._program(command)


def _collecting(act: Callable[[dict[str, Any]], None], failures: list[Exception]) -> Callable[[dict[str, Any]], None]:
    """What is done in the proxy's threads fails in the case, not there."""

    def collecting(action: dict[str, Any]) -> None:
        try:
            act(action)
        except Exception as error:  # noqa: BLE001 - handed to the case
            failures.append(error)

    return collecting


def _requests(action: dict[str, Any], seen: list[Exchange], untreated: int) -> Iterator[str]:
    """What the client has sent, where the case says it, and when."""
    sent = [exchange.line for exchange in seen]
    if "requests" in action and sent != action["requests"]:
        yield f"should have sent {action['requests']}, sent {sent}"
    if "sends" in action:
        yield from not_as_sent(action["sends"], seen)
    if untreated:
        yield f"sent {len(sent)} requests; the case speaks of {untreated} more"
    if "not_before_s" in action and len(seen) > 1:
        waited_s = seen[1].came_at - seen[0].answered_at
        if waited_s < action["not_before_s"]:
            yield f"sent it again after {waited_s:.3f} s; asked to wait {action['not_before_s']} s"
