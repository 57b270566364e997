"""`ragfactory eval --make`: questions drafted from the documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragfactory.cli.bar import counting_bar
from ragfactory.cli.index.selection import indexes_of_project
from ragfactory.cli.result import CommandResult
from ragfactory.cli.text import counted, on_one_line
from ragfactory.errors import RagfactoryError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ragfactory.cli.options import Writer
    from ragfactory.cli.output import Output
    from ragfactory.config import Config
    from ragfactory.evaluation.model_drafts import Drafted
    from ragfactory.events import Event
    from ragfactory.store.records import ChunkRecord

_BY_RULE = "those by rule are made of the documents' own words, which flatters full text: put them in your users' words"
_BY_MODEL = "those by a language model may miss what people ask: read them, and throw out what nobody would"


def make(
    config: Config, document_type: str | None, file: Path, count: int, by: Writer, output: Output
) -> CommandResult:
    """Draft questions from the indexes of a project, or the one of a type, into a new file."""
    from ragfactory.evaluation.drafts import chunks_of, refuse_existing, write_drafts
    from ragfactory.store.layout import IndexPaths
    from ragfactory.store.version import Version

    refuse_existing(file)
    chunks: list[ChunkRecord] = []
    for name in indexes_of_project(config, document_type):
        with Version.open(IndexPaths.of(config.indexes, name), name) as version:
            chunks += chunks_of(version)
    writer, drafted, notes = _drafted(chunks, count, by, config, output)
    made = write_drafts(file, drafted.drafts)
    written, ruled = len(drafted.written), len(drafted.ruled)
    told = f"{counted(made, 'question')} in {file}: {written:,} by a language model, {ruled:,} by rule"
    advice = ((_BY_RULE, ruled), (_BY_MODEL, written), (f"no more than {made:,} could be drafted", made < count))
    return CommandResult(
        data={"path": str(file), "questions": made, "by": {"rules": ruled} | ({writer: written} if written else {})},
        render=lambda console: console.print(on_one_line(told), soft_wrap=True),
        warnings=(*notes, *(note for note, applies in advice if applies)),
    )


def _drafted(
    chunks: Sequence[ChunkRecord], count: int, by: Writer, config: Config, output: Output
) -> tuple[str, Drafted, tuple[str, ...]]:
    """Who was asked and what was drafted, and why no language model did where nobody said that none should."""
    from ragfactory import events
    from ragfactory.context.language_models import preferred
    from ragfactory.evaluation.drafts import draft
    from ragfactory.evaluation.model_drafts import Drafted, draft_with_model

    if by == "rules":
        return by, Drafted((), tuple(draft(chunks, count))), ()
    writer = by if by != "auto" else preferred(config.context)
    notices: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, events.Notice):
            notices.append(event.message)

    try:
        with counting_bar(output, "questions", count) as advance:
            drafted = draft_with_model(chunks, count, writer, config, listen, progress=advance)
    except RagfactoryError as error:
        if by != "auto":
            raise
        return writer, Drafted((), tuple(draft(chunks, count))), (f"by rule, no language model: {error.on_one_line}",)
    if drafted.failure:
        notices.append(f"a language model did not answer: {drafted.failure}")
    return writer, drafted, tuple(notices)
