"""A bar on a terminal while questions are asked."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ragfactory.cli.output import Output


@contextmanager
def questions_bar(output: Output, total: int) -> Iterator[Callable[[], None]]:
    """What to call after each question; nothing is shown where standard error is no terminal."""
    if not output.errors.is_terminal:
        yield lambda: None
        return
    from rich.progress import Progress

    with Progress(console=output.errors, transient=True) as progress:
        task = progress.add_task("questions", total=total)
        yield lambda: progress.advance(task)
