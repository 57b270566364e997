"""`ragfactory eval --make`: questions drafted from the documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragfactory.cli.index.selection import indexes_of_project
from ragfactory.cli.output import counted, on_one_line
from ragfactory.cli.result import CommandResult

if TYPE_CHECKING:
    from pathlib import Path

    from ragfactory.config import Config
    from ragfactory.store.records import ChunkRecord

_NOTE = "they are made of the documents' own words, which flatters full text: put them in your users' words"


def make(config: Config, document_type: str | None, file: Path, count: int) -> CommandResult:
    """Draft questions from the indexes of a project, or the one of a type, into a new file."""
    from ragfactory.evaluation.drafts import chunks_of, draft, refuse_existing, write_drafts
    from ragfactory.store.layout import IndexPaths
    from ragfactory.store.version import Version

    refuse_existing(file)
    chunks: list[ChunkRecord] = []
    for name in indexes_of_project(config, document_type):
        with Version.open(IndexPaths.of(config.indexes, name), name) as version:
            chunks += chunks_of(version)
    made = write_drafts(file, draft(chunks, count))
    return CommandResult(
        data={"path": str(file), "questions": made},
        render=lambda console: console.print(on_one_line(f"{counted(made, 'question')} in {file}"), soft_wrap=True),
        warnings=(_NOTE, *([f"no more than {made:,} could be drafted"] if made < count else [])),
    )
