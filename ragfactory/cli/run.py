"""Running a command: every way it can end becomes a result, a message and an exit status."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from typing import TYPE_CHECKING, NoReturn

import typer

from ragfactory.cli.output import Output
from ragfactory.cli.result import CommandResult, Problem
from ragfactory.errors import ExitCode, RagfactoryError

if TYPE_CHECKING:
    from collections.abc import Callable

_RESUMING = frozenset({"ingest", "reindex", "model pull"})  # what these did before they were stopped is not done again


def run(command: str, body: Callable[[Output], CommandResult], *, json: bool, quiet: bool = False) -> NoReturn:
    """Do a command's work, show what it came to, and exit with its status."""
    output = Output(json=json, quiet=quiet)
    result = result_of(body, output, resumes=command in _RESUMING)
    try:
        output.show(command, result)
        sys.stdout.flush()
    except OSError as error:
        # Nothing more can be said there. That whoever reads it has seen enough is no error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            output.note("error", f"standard output cannot be written: {error.strerror}")
            result = CommandResult(exit_code=ExitCode.BUG)
    except Exception as error:  # noqa: BLE001 - a bug in showing a result is told like one in making it
        result = bug(error)
        output.show(command, result)
    raise typer.Exit(result.exit_code)


def result_of(body: Callable[[Output], CommandResult], output: Output, *, resumes: bool = False) -> CommandResult:
    """What a command's work comes to, also when it ends in an error. One that `resumes` goes on where it was interrupted."""
    try:
        return body(output)
    except RagfactoryError as error:
        return CommandResult(errors=(Problem.of(error),), exit_code=error.exit_code)
    except KeyboardInterrupt:
        hint = "run it again and it goes on from there" if resumes else None
        return CommandResult(errors=(Problem("interrupted", "interrupted", hint),), exit_code=ExitCode.INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - the last stop: a bug is told, logged, and ends with its own status
        return bug(error)


def bug(error: Exception) -> CommandResult:
    """The result for an error that nobody foresaw: the traceback goes to a file, its name to the user."""
    # Made by mkstemp, for its owner's eyes: a traceback can hold text of a document.
    descriptor, log = tempfile.mkstemp(prefix="ragfactory-bug-", suffix=".log")
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.writelines(traceback.format_exception(error))
    problem = Problem("bug", f"a bug: {type(error).__name__}: {error}", f"please report it with {log}")
    return CommandResult(errors=(problem,), exit_code=ExitCode.BUG)
