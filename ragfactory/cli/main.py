"""The program: its commands, and how usage errors end."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import Annotated, Any

import typer

from ragfactory import __version__
from ragfactory.cli import (
    ask,
    bench,
    config,
    context,
    doctor,
    gpu,
    index,
    ingest,
    inspect,
    model,
    profile,
    reindex,
    search,
)
from ragfactory.cli import eval as evaluation
from ragfactory.cli.output import Output
from ragfactory.cli.result import CommandResult, Problem
from ragfactory.errors import ExitCode

NAME = "ragfactory"

app = typer.Typer(
    name=NAME,
    help="Turn folders of business documents into a searchable, versioned index, on this machine.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("ingest")(ingest.ingest)
app.command("reindex")(reindex.reindex)
app.command("search")(search.search)
app.command("ask")(ask.ask)
app.command("eval")(evaluation.evaluate)
app.command("inspect")(inspect.inspect)
app.add_typer(index.app, name="index")
app.add_typer(gpu.app, name="gpu")
app.add_typer(profile.app, name="profile")
app.add_typer(model.app, name="model")
app.add_typer(context.app, name="context")
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
    # There are none, and pydantic would read the metadata of every installed package to find that out.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        status = app(prog_name=NAME, standalone_mode=False)
    except typer.TyperException as error:
        command, result = _wrong_usage(error)
        Output(json="--json" in sys.argv).show(command, result)
        status = result.exit_code
    except KeyboardInterrupt:  # before a command was under way, or after it was done
        status = ExitCode.INTERRUPTED
    sys.exit(status)


def _wrong_usage(error: typer.TyperException) -> tuple[str, CommandResult]:
    """The command that was meant, as far as the words go, and the result."""
    context: Any = getattr(error, "ctx", None)
    path = context.command_path if context else NAME
    command, message = path.removeprefix(NAME).strip(), error.format_message()
    result = CommandResult(errors=(Problem("usage", message, f"see `{path} --help`"),), exit_code=ExitCode.USAGE)
    if context and message == context.get_help():  # what typer raises for a group that was named without a command
        missing = replace(result.errors[0], message="a command is missing")
        result = replace(result, errors=(missing,), render=lambda console: console.print(message, soft_wrap=True))
    return command, result
