"""A prompt: one question after another, with everything warm, until somebody has had enough."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ragfactory.cli.result import CommandResult
from ragfactory.cli.run import result_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragfactory.cli.output import Output

LEAVE = ":q"
_PROMPT = "search> "


def converse(output: Output, answer: Callable[[str], CommandResult]) -> CommandResult:
    """Ask for questions and show what comes of each. An empty line, `:q` or Ctrl-D leaves; Ctrl-C only ends what is under way.

    What there is to note is said once: most of it holds for the next question too.
    """
    output.note("note", f"one question a line; an empty line, {LEAVE} or Ctrl-D leaves")
    told: set[str] = set()
    while True:
        try:
            question = output.ask(_PROMPT)
            if question is None or question.strip() in {"", LEAVE}:
                return CommandResult()
            result = result_of(partial(_answered, answer, question), output)
            new = tuple(note for note in result.warnings if note not in told)
            told.update(new)
            output.show("search", replace(result, warnings=new))
        except KeyboardInterrupt:
            output.console.print()


def _answered(answer: Callable[[str], CommandResult], question: str, _output: Output) -> CommandResult:
    return answer(question)
