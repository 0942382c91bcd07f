"""The command: `python -m tests.conformance [--case NAME ...] [CLIENT ...]` runs the cases and prints the table.

Without a client it runs all that can run here; one that is named has to. The exit status is 1 where a case fails, where
one that is known to fail passes, or where a listed name is that of no case.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.progress import Progress

from tests.conformance.cases import Case, all_cases
from tests.conformance.clients import CLIENTS, ClientUnderTest, client_named
from tests.conformance.places import Places
from tests.conformance.report import show
from tests.conformance.runner import NotSupported, Runner
from tests.conformance.verdicts import Result, Verdict, unknown_names, verdict


def run(client: ClientUnderTest, cases: Sequence[Case], places: Places, console: Console) -> dict[str, Verdict]:
    """Every case for one client."""
    known = client.known_failures()
    verdicts: dict[str, Verdict] = {}
    with (
        Runner(client, places) as runner,
        Progress(console=console, transient=True, disable=not console.is_terminal) as progress,
    ):
        for case in progress.track(cases, description=client.name):
            if case.needs_network and not client.networked:
                verdicts[case.name] = Verdict(Result.NOT_FOR_IT)
                continue
            try:
                verdicts[case.name] = verdict(case.name, runner.run(case), known)
            except NotSupported:
                verdicts[case.name] = Verdict(Result.NOT_FOR_IT)
    return verdicts


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and gives its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__.partition("\n")[0])
    parser.add_argument("clients", nargs="*", metavar="CLIENT", help="by default all that can run here")
    parser.add_argument("--case", action="append", metavar="NAME", help="this case alone; may be there several times")
    given = parser.parse_args(arguments)
    try:
        clients = [client_named(name) for name in given.clients] or list(CLIENTS)
    except LookupError as error:
        parser.error(str(error))
    cases = [case for case in all_cases() if given.case is None or case.name in given.case]
    if missing := set(given.case or ()) - {case.name for case in cases}:
        parser.error(f"there is no case {', '.join(sorted(missing))}")

    console = Console(width=None if sys.stdout.isatty() else 120)
    absent = {client.name: lacking for client in clients if (lacking := client.lacks())}
    with Places() as places:
        verdicts = {client.name: run(client, cases, places, console) for client in clients if client.name not in absent}
    show(console, cases, verdicts, absent)
    strangers = [
        f"{client.name}: known_failures names {name}, which is no case"
        for client in clients
        for name in unknown_names(client.known_failures(), [case.name for case in all_cases()])
    ]
    for stranger in strangers:
        console.print(f"[red]{stranger}[/red]", highlight=False)
    failed = any(verdict.result.is_failure for of_client in verdicts.values() for verdict in of_client.values())
    return int(failed or bool(strangers) or any(name in absent for name in given.clients))


if __name__ == "__main__":
    sys.exit(main())
