"""The command line: `stepd serve`, `stepd version`."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

import stepd

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
    workers: Annotated[int, typer.Option(help="Must be 1: sessions live in the memory of one process.")] = 1,
) -> None:
    """Serve. Every setting is a STEPD_ variable as well; docs/protocol.md lists them."""
    from pydantic import ValidationError  # noqa: PLC0415 - `stepd version` need not load the service

    from stepd.server import run  # noqa: PLC0415
    from stepd.settings import Settings, UnsafeSettings, refuse_more_workers  # noqa: PLC0415

    given: dict[str, Any] = {"host": host, "port": port, "insecure": insecure}
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})
        settings.refuse_unsafe()
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


def main() -> None:
    """The `stepd` command."""
    cli()
