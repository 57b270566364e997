"""What a command comes to: data for scripts, a rendering for people, and the exit status that follows from them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ragfactory.cli.text import printable
from ragfactory.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from ragfactory.errors import RagfactoryError

SCHEMA = "ragfactory/1"


def _nothing(_console: Console) -> None:
    """Render nothing: all there is to say is in the errors."""


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as scripts see it."""

    code: str
    message: str
    hint: str | None = None
    path: str | None = None

    @classmethod
    def of(cls, error: RagfactoryError) -> Problem:
        """The problem that an error tells of."""
        return cls(error.code, error.message, error.hint, error.path)


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The result of a command. `render` writes it for people; `data` is what `--json` prints.

    `warnings` are notes, which `--quiet` leaves out; `alarms` are about something that went wrong beside the work.
    """

    data: dict[str, Any] = field(default_factory=dict)
    render: Callable[[Console], None] = _nothing
    warnings: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()
    errors: tuple[Problem, ...] = ()
    exit_code: ExitCode = ExitCode.OK

    @property
    def status(self) -> Literal["success", "partial", "error"]:
        """Derived from the exit status, so that the two can never disagree."""
        if self.exit_code is ExitCode.OK:
            return "success"
        return "partial" if self.exit_code is ExitCode.PARTIAL else "error"

    def envelope(self, command: str) -> dict[str, Any]:
        """The JSON document that `--json` prints."""
        return {
            "schema": SCHEMA,
            "command": command,
            "status": self.status,
            "exit_code": int(self.exit_code),
            "data": self.data,
            "warnings": [*self.warnings, *self.alarms],
            "errors": [_entry(problem) for problem in self.errors],
        }


def _entry(problem: Problem) -> dict[str, str | None]:
    """A problem for `envelope`, its path left out where there is none. What it quotes may be no UTF-8."""
    entry = {name: text and printable(text) for name, text in asdict(problem).items()}
    if not entry["path"]:
        del entry["path"]
    return entry
