"""The program: its commands, and how usage errors end."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ragfactory import __version__
from ragfactory.cli import bench, config, doctor, index, ingest, inspect, model, profile, search
from ragfactory.cli.output import Output
from ragfactory.cli.result import CommandResult, Problem
from ragfactory.errors import ExitCode

app = typer.Typer(
    name="ragfactory",
    help="Turn folders of business documents into a searchable, versioned index, on this machine.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("ingest")(ingest.ingest)
app.command("search")(search.search)
app.command("inspect")(inspect.inspect)
app.add_typer(index.app, name="index")
app.add_typer(profile.app, name="profile")
app.add_typer(model.app, name="model")
app.add_typer(config.app, name="config")
app.add_typer(bench.app, name="bench")
app.command("doctor")(doctor.doctor)


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"ragfactory {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Turn folders of business documents into a searchable, versioned index, on this machine."""


def main() -> None:
    """Run the command line and exit with the status the documentation promises."""
    try:
        status = app(standalone_mode=False)
    except typer.TyperException as error:
        command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
        problem = Problem("usage", error.format_message(), f"`ragfactory {command} --help`".replace(" ` ", "` "))
        result = CommandResult(errors=(problem,), exit_code=ExitCode.USAGE)
        Output(json="--json" in sys.argv).show(command, result)
        status = result.exit_code
    sys.exit(status)
