"""The program: its commands, and how usage errors end."""

from __future__ import annotations

import gc
import os
import re
import signal
import sys
from dataclasses import replace
from importlib import import_module
from typing import Annotated, Any

import typer

from ragfactory import __version__
from ragfactory.cli.output import Output
from ragfactory.cli.result import CommandResult, Problem
from ragfactory.errors import ExitCode

NAME = "ragfactory"

# Where each command is, in the order of the help: its function, or the group that it names.
_COMMANDS = {
    "ingest": "ingest:ingest",
    "reindex": "reindex:reindex",
    "search": "search:search",
    "ask": "ask:ask",
    "eval": "eval:evaluate",
    "inspect": "inspect:inspect",
    "index": "index:app",
    "gpu": "gpu:app",
    "profile": "profile:app",
    "model": "model:app",
    "context": "context:app",
    "config": "config:app",
    "bench": "bench:app",
    "doctor": "doctor:doctor",
}


_ASKING = ("search", "ask")
_DASHED = re.compile("-[^-]")


def program(command: str | None = None) -> typer.Typer:
    """The program with all of its commands, or with the one that is wanted.

    A search by words takes little longer than it would take to import the others.
    """
    app = typer.Typer(
        name=NAME,
        help="Turn folders of business documents into a searchable, versioned index, on this machine.",
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
        callback=_root,
    )
    for name in [command] if command in _COMMANDS else _COMMANDS:
        module, _, attribute = _COMMANDS[name].partition(":")
        found = getattr(import_module(f"ragfactory.cli.{module}"), attribute)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            app.command(name)(found)
    return app


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"ragfactory {__version__}")
        raise typer.Exit


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
    command = sys.argv[1] if len(sys.argv) > 1 else None
    if command in _ASKING:
        gc.set_threshold(50_000)  # next to nothing of what they load is garbage, and it was looked for 80 times
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what a scheduler stops ends as orderly as with Ctrl-C
    try:
        status = program(command)(prog_name=NAME, standalone_mode=False)
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
    command, message = path.removeprefix(NAME).strip(), error.format_message().replace(": Value error, ", ": ", 1)
    hint = f"see `{path} --help`"
    if command in _ASKING and _DASHED.match(getattr(error, "option_name", "")):
        hint = f'a question that begins with a dash goes after --, as in `{path} -- "-12,5"`; else {hint}'
    result = CommandResult(errors=(Problem("usage", message, hint),), exit_code=ExitCode.USAGE)
    if context and message == context.get_help():  # what typer raises for a group that was named without a command
        missing = replace(result.errors[0], message="a command is missing")
        result = replace(result, errors=(missing,), render=lambda console: console.print(message, soft_wrap=True))
    return command, result
