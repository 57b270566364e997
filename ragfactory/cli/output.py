"""The only module that prints: one JSON document on standard output, or a rendering for people."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ragfactory.cli.text import folded, harmless, on_one_line

if TYPE_CHECKING:
    from rich.console import Console

    from ragfactory.cli.result import CommandResult, Problem

_WIDTH_WITHOUT_TERMINAL = 160


class Output:
    """Where a command's words go. With `json`, standard output holds the one document, and all else goes to standard error. With
    `quiet` there is nothing but a line for each problem.
    """

    def __init__(self, *, json: bool, quiet: bool = False) -> None:
        self.json = json
        self.quiet = quiet
        self._console: Console | None = None
        self._errors: Console | None = None

    @property
    def console(self) -> Console:
        """Standard output, for people."""
        if self._console is None:
            self._console = _console(stderr=False)
        return self._console

    @property
    def errors(self) -> Console:
        """Standard error: progress, warnings, errors."""
        if self._errors is None:
            self._errors = _console(stderr=True)
        return self._errors

    def show(self, command: str, result: CommandResult) -> None:
        """Print a result."""
        if self.json:
            import orjson

            data = orjson.dumps(result.envelope(command), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
            return
        if not self.quiet:
            self._render(result)
            for warning in result.warnings:
                self.note("note", warning)
        for alarm in result.alarms:
            self.note("warning", alarm)
        for problem in result.errors:
            self._show_problem(problem)

    @property
    def is_conversation(self) -> bool:
        """Whether somebody sits at a terminal who can be asked."""
        return not self.json and not self.quiet and sys.stdin.isatty() and sys.stdout.isatty()

    def ask(self, prompt: str) -> str | None:
        """A line from whoever sits at the terminal, with the editing and history of readline; None where there are no more."""
        import readline  # noqa: F401 - `input` uses it once it is there

        try:
            return input(prompt)
        except EOFError:
            self.console.print()
            return None

    @property
    def streams(self) -> bool:
        """Whether words can be shown one by one."""
        return not self.json and not self.quiet and self.console.is_terminal

    def stream(self, piece: str) -> None:
        """Show some words, to be followed by others."""
        from rich.text import Text

        self.console.print(Text(harmless(piece)), end="", soft_wrap=True)

    def _render(self, result: CommandResult) -> None:
        if self.console.is_terminal:
            result.render(self.console)
        else:  # tables and margins are filled up with blanks, which no file needs
            with self.console.capture() as rendered:
                result.render(self.console)
            sys.stdout.writelines(f"{line.rstrip()}\n" for line in rendered.get().splitlines())

    def note(self, label: str, message: str) -> None:
        """Print a message to standard error: on one line, which is folded on a terminal."""
        from rich.text import Text

        style = {"warning": "yellow", "error": "bold red"}.get(label, "dim")
        told = on_one_line(message)
        if self.errors.is_terminal:
            told = folded(told, self.errors.width, len(f"{label}: "))
        try:
            self.errors.print(Text.assemble((f"{label}: ", style), told), soft_wrap=True)
        except OSError:  # standard error cannot be written; that is no reason to stop the work
            self.errors.quiet = True

    def _show_problem(self, problem: Problem) -> None:
        place = f"{problem.path}: " if problem.path and not problem.message.startswith(problem.path) else ""
        if self.quiet:
            self.note("error", place + problem.message + (f" ({problem.hint})" if problem.hint else ""))
            return
        self.note("error", place + problem.message)
        if problem.hint:
            self.note(" hint", problem.hint)


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    class PatientConsole(Console):
        """One that falls silent when nobody reads it any more, where rich would end the program."""

        def on_broken_pipe(self) -> None:
            self.quiet = True

    # Text from documents is never markup, and numbers and paths need no colours of rich's choosing. What goes to a file or a
    # pipe is not folded at 80 columns, unless COLUMNS asks for it.
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _WIDTH_WITHOUT_TERMINAL
    return PatientConsole(stderr=stderr, markup=False, highlight=False, emoji=False, soft_wrap=False, width=width)
