"""The command line: `stepd serve`, `stepd demo`, `stepd version`."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

import stepd

# What `stepd demo` imports beside what the service needs: the extra `demo`, and the client.
DEMO_PACKAGES = ("httpx", "matplotlib", "rich", "sklearn", "stepd_client", "threadpoolctl")

cli = typer.Typer(
    name="stepd",
    help="An optimizer that any program can call.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@cli.command()
def version() -> None:
    """Print the version."""
    typer.echo(stepd.__version__)


@cli.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on. [STEPD_HOST, 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one. [STEPD_PORT, 8000]")] = None,
    insecure: Annotated[
        bool | None,
        typer.Option("--insecure", help="Allow a host that others can reach, without access keys. [STEPD_INSECURE]"),
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Folder where sessions are kept, in stepd.db. [STEPD_DATA]")] = None,
    store: Annotated[
        str | None, typer.Option(help="PostgreSQL where sessions are kept, postgresql://... [STEPD_STORE]")
    ] = None,
    durability: Annotated[
        str | None, typer.Option(help="memory, snapshot or journal. [STEPD_DURABILITY, memory]")
    ] = None,
    workers: Annotated[int, typer.Option(help="Must be 1: sessions live in the memory of one process.")] = 1,
) -> None:
    """Serve. Every setting is a STEPD_ variable as well; docs/protocol.md lists them."""
    from pydantic import ValidationError  # noqa: PLC0415 - `stepd version` need not load the service

    from stepd.server import run  # noqa: PLC0415
    from stepd.settings import Settings, UnsafeSettings, refuse_more_workers  # noqa: PLC0415

    given: dict[str, Any] = {
        "host": host,
        "port": port,
        "insecure": insecure,
        "data": data,
        "store": store,
        "durability": durability,
    }
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})
        settings.refuse_unsafe()
        settings.refuse_lost()
        refuse_more_workers(workers, os.environ.get("WEB_CONCURRENCY"))
    except ValidationError as error:
        for problem in error.errors():
            name = "STEPD_" + "_".join(map(str, problem["loc"])).upper()
            typer.echo(f"stepd: {name} is {problem['input']!r}: {problem['msg']}", err=True)
        raise typer.Exit(2) from None
    except UnsafeSettings as error:
        typer.echo(f"stepd: {error}", err=True)
        raise typer.Exit(2) from None
    raise typer.Exit(run(settings))


@cli.command()
def demo(
    steps: Annotated[int, typer.Option(min=1, help="Steps to take.")] = 500,
    picture: Annotated[Path, typer.Option(help="Where the learning curve goes, a PNG.")] = Path("stepd-demo.png"),
    url: Annotated[
        str | None, typer.Option(help="A service that runs already. Without it one is started, and ended.")
    ] = None,
    optimizer: Annotated[str, typer.Option(help="adadelta, adagrad, rmsprop or sgd.")] = "adadelta",
    lr: Annotated[float | None, typer.Option(help="The learning rate. Without it the optimizer's default.")] = None,
) -> None:
    """Train on real images through the service, and compare with the textbook class bit for bit."""
    missing = [name for name in DEMO_PACKAGES if find_spec(name) is None]
    if missing:
        lacking = ", ".join(missing)
        typer.echo(f"stepd: the demo needs what is not installed: {lacking}; in a checkout run: make demo", err=True)
        raise typer.Exit(2)
    from stepd.demo.run import Options, run  # noqa: PLC0415 - nothing else needs what the demo needs

    raise typer.Exit(run(Options(steps, picture, url, optimizer, lr)))


def main() -> None:
    """The `stepd` command."""
    cli()
