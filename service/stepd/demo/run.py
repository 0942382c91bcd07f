"""The demo from its options to its exit status: what happens in which order, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import typer

import stepd.errors
from stepd.demo import digits, report, softmax
from stepd.demo.comparison import Comparison
from stepd.demo.own_service import ServiceNotStarted, own_service
from stepd.demo.picture import draw
from stepd.demo.screen import Screen
from stepd.demo.training import Point, train
from stepd.optimizers.textbook import TEXTBOOK
from stepd_client import Client, StepdError

# How long a service that is not ours keeps the session where the demo does not come to its end.
TTL_S = 600.0
# Lines of the table, the start not counted.
LINES = 10


@dataclass(frozen=True, slots=True)
class Options:
    """What `stepd demo` was asked for; `url` None starts a service, `lr` None is the optimizer's own."""

    steps: int
    picture: Path
    url: str | None
    optimizer: str
    lr: float | None


class Unusable(Exception):
    """What was asked for can't be had; the message says why."""


def run(options: Options) -> int:
    """Runs the demo, says how it goes, and gives its exit status.

    Returns:
        0; 1 where it failed or the bits differ; 2 where the options can't be used; 130 after Ctrl+C.
    """
    try:
        optimizer = _optimizer(options)
        _refuse_picture(options.picture)
        with _service(options.url) as (client, where):
            return _train(client, where, optimizer, options)
    except Unusable as error:
        typer.echo(f"stepd: {error}", err=True)
        return 2
    except (ServiceNotStarted, StepdError, OSError) as error:
        typer.echo(f"stepd: {error}", err=True)
        return 1
    except KeyboardInterrupt:
        typer.echo("stepd: interrupted", err=True)
        return 130


def _optimizer(options: Options) -> dict[str, Any]:
    """The optimizer as a session takes it."""
    if options.optimizer not in TEXTBOOK:
        raise Unusable(f"--optimizer is {options.optimizer!r}; it must be one of {', '.join(TEXTBOOK)}")
    hyper = {} if options.lr is None else {"lr": options.lr}
    try:
        TEXTBOOK[options.optimizer](**hyper)
    except stepd.errors.HyperParameterInvalid as error:
        raise Unusable(f"--lr can't be used: {error}") from None
    return {"name": options.optimizer, **hyper}


def _refuse_picture(path: Path) -> None:
    """Before anything is trained for it."""
    if path.suffix != ".png":
        raise Unusable(f"--picture is '{path}'; it is written as PNG, so its name must end in .png")
    if not path.parent.is_dir():
        raise Unusable(f"--picture is '{path}', and there is no folder '{path.parent}'; make it first")


@contextmanager
def _service(url: str | None) -> Iterator[tuple[Client, str]]:
    """A client of the service at `url`, or of one that lives as long as this; and what to say of it."""
    if url is None:
        # Whatever proxy the environment names is not asked for an address on this machine.
        with own_service() as address, Client(address, transport=httpx.HTTPTransport()) as client:
            yield client, f"{address}, started for this run"
        return
    try:
        client = Client(url)
    except ValueError as error:
        raise Unusable(f"--url can't be used: {error}") from None
    with client:
        yield client, f"{url}, which was running"


def _train(client: Client, where: str, optimizer: dict[str, Any], options: Options) -> int:
    screen, data, version = Screen(), digits.load(), client.info()["version"]
    session = client.session(optimizer=optimizer, params=softmax.zeros(), ttl_s=TTL_S, labels={"program": "stepd-demo"})
    comparison = Comparison(session.optimizer, softmax.zeros())
    for text in report.heading(data, session.optimizer, f"stepd {version} at {where}"):
        screen.say(text)
    every = max(options.steps // LINES, 1)
    with screen.bar(options.steps) as move:

        def watch(point: Point) -> None:
            move(point)
            if point.step % every == 0 or point.step == options.steps:
                screen.say(report.line(point))

        training = train(session, data, options.steps, comparison, watch)
    comparison.state(session.state().state)
    session.delete()
    draw(
        training.curve,
        f"Softmax regression on handwritten digits, trained through stepd\n{report.called(session.optimizer)}",
        options.picture,
    )
    for text in ("", report.speed(training), f"learning curve: {options.picture}", report.verdict(comparison)):
        screen.say(text)
    return 0 if comparison.difference is None else 1
