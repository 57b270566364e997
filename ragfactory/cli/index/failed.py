"""The files of a project that failed, for `index show --failed`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragfactory.cli.result import CommandResult
from ragfactory.cli.text import counted, on_one_line

if TYPE_CHECKING:
    from rich.console import Console

    from ragfactory.config import Config
    from ragfactory.store.failures import FailureRecord


def failed_files(config: Config) -> CommandResult:
    """The files that failed, each with its reason, how often it was tried and when last.

    Raises IndexNotFoundError when there is no such project; one of which every file failed has no index yet.
    """
    from ragfactory.cli.index.selection import indexes_of_project
    from ragfactory.store.failures import load_failures
    from ragfactory.store.layout import ProjectPaths

    path = ProjectPaths.of(config.indexes, config.tenant, config.project).failures
    failures = list(load_failures(path).values())
    if not failures:
        indexes_of_project(config, document_type=None)
    return CommandResult(
        data={"failed": [_entry(record) for record in failures]},
        render=lambda console: _render(failures, console),
    )


def _entry(record: FailureRecord) -> dict[str, str | int | None]:
    return {
        "doc_id": record.path,
        "root": record.root,
        "code": record.code,
        "message": record.message,
        "hint": record.hint,
        "attempts": record.attempts,
        "first_try": record.first_try,
        "last_try": record.last_try,
    }


def _render(failures: list[FailureRecord], console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    if not failures:
        console.print("no file failed")
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("file", overflow="fold", ratio=2)
    table.add_column("reason", overflow="fold", ratio=3)
    table.add_column("tries", justify="right")
    table.add_column("last try", no_wrap=True)
    for record in failures:
        place, reason = f"{record.root}/{record.path}", f"{record.code}: {record.message}"
        last = record.last_try.replace("T", " ")[:16]
        table.add_row(Text(on_one_line(place)), Text(on_one_line(reason)), str(record.attempts), last)
    console.print(table)
    console.print(
        f"{counted(len(failures), 'file')} failed; each is tried again when it or its recipe changes, or with --retry-failed"
    )
