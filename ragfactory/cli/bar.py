"""A bar on a terminal while one thing after another is done."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ragfactory.cli.output import Output


@contextmanager
def counting_bar(output: Output, what: str, total: int) -> Iterator[Callable[[], None]]:
    """What to call after each of `total` things; nothing is shown where standard error is no terminal."""
    if not output.errors.is_terminal:
        yield lambda: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=output.errors, transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda: progress.advance(task)
