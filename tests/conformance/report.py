"""The result of a run as people read it: what fails and why, then a table of topics or of cases, then a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.conformance.cases import Case
from tests.conformance.verdicts import Result, Verdict

Verdicts = Mapping[str, Mapping[str, Verdict]]  # by client, then by case
STYLES = {Result.PASSED: "green", Result.KNOWN: "yellow", Result.NOT_FOR_IT: "dim"}


def show(console: Console, cases: Sequence[Case], verdicts: Verdicts, absent: Mapping[str, tuple[str, str]]) -> None:
    """The table of cases x clients, the reasons of what fails, and the summary."""
    if verdicts and console.is_terminal:
        console.print(_table(cases, verdicts))
    elif verdicts:
        for line in _lines(cases, verdicts):
            console.out(line, highlight=False)
    for client, of_client in verdicts.items():
        for name, verdict in of_client.items():
            if verdict.result.is_failure:
                console.print(f"[red]{client}: {name} {verdict.result.value}[/red]", highlight=False)
                for reason in verdict.reasons:
                    console.print(f"    {escape(reason)}", highlight=False, soft_wrap=True)
    for client, (what, install) in absent.items():
        reason = escape(f"it needs {what}, which is not installed: {install}")
        console.print(f"[yellow]{client}: not run; {reason}[/yellow]", highlight=False, soft_wrap=True)
    for client, of_client in verdicts.items():
        console.print(summary(client, of_client), highlight=False)


def summary(client: str, verdicts: Mapping[str, Verdict]) -> str:
    """One sentence about one client."""
    count = Counter(verdict.result for verdict in verdicts.values())
    parts = [f"{count[Result.PASSED]} pass", f"{count[Result.FAILED]} fail"]
    parts += [f"{count[Result.KNOWN]} known to fail"] if count[Result.KNOWN] else []
    parts += [f"{count[Result.PASSES_NOW]} listed as failing and passing"] if count[Result.PASSES_NOW] else []
    parts += [f"{count[Result.NOT_FOR_IT]} not for it"] if count[Result.NOT_FOR_IT] else []
    return f"{client}: {len(verdicts)} case{'' if len(verdicts) == 1 else 's'}: {', '.join(parts)}"


def _table(cases: Sequence[Case], verdicts: Verdicts) -> Table:
    table = Table("topic", "case", *verdicts, title="Conformance: cases x clients", header_style="bold")
    before = ""
    for case in cases:
        if case.topic != before and before:
            table.add_section()
        cells = [_styled(of_client[case.name].result) for of_client in verdicts.values()]
        table.add_row("" if case.topic == before else case.topic, case.name, *cells)
        before = case.topic
    return table


def _styled(result: Result) -> str:
    return f"[{STYLES.get(result, 'bold red')}]{result.value}[/]"


def _lines(cases: Sequence[Case], verdicts: Verdicts) -> Iterator[str]:
    """The same table in plain text, for files and pipes."""
    rows = [("topic", "case", *verdicts)]
    rows += [
        (case.topic, case.name, *(of_client[case.name].result.value for of_client in verdicts.values()))
        for case in cases
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
