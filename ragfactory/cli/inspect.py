"""`ragfactory inspect`: what would become of a file, without storing anything."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ragfactory.cli import options
from ragfactory.cli.result import CommandResult, Problem
from ragfactory.cli.run import run
from ragfactory.cli.text import harmless, on_one_line

if TYPE_CHECKING:
    from rich.console import Console

    from ragfactory.cli.output import Output
    from ragfactory.documents.model import Block, Document
    from ragfactory.pipeline.prepare import PreparedDocument


def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to look at.")],
    profile: Annotated[str, typer.Option("--profile", help="Use this profile; auto recognises the type.")] = "auto",
    context: Annotated[
        Literal["structural", "llama", "http", "none"] | None,
        typer.Option(
            "--context",
            help="Show the contexts of this writer; a model's as far as they are kept.",
            show_default="the profile's",
        ),
    ] = None,
    blocks: Annotated[bool, typer.Option("--blocks", help="Show every block, not only tables.")] = False,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Show a file's type with the evidence, its tables, and each chunk as it would be stored. Nothing is stored."""

    def body(_output: Output) -> CommandResult:
        from ragfactory.errors import DocumentError, ExitCode
        from ragfactory.pipeline.inspection import inspect_file

        config = options.configure(home)
        try:
            prepared = inspect_file(file, profile, config, context=context)
        except DocumentError as error:  # of one file that is all, not a part
            return CommandResult(errors=(Problem.of(error),), exit_code=ExitCode.NOT_PUBLISHED)
        return CommandResult(
            data=_data(prepared),
            render=lambda console: _render(file, prepared, console, all_blocks=blocks),
            warnings=prepared.warnings,
        )

    run("inspect", body, json=json)


def _data(prepared: PreparedDocument) -> dict[str, Any]:
    assert prepared.document is not None
    document = prepared.document
    return {
        "type": prepared.classification.type,
        "confidence": prepared.classification.confidence,
        "evidence": list(prepared.classification.evidence),
        "format": prepared.format,
        "title": prepared.title,
        "language": prepared.language,
        "pages": prepared.pages,
        "metadata": prepared.metadata,
        "analysis": asdict(prepared.analysis),
        "blocks": [_block(document, block) for block in document.blocks],
        "chunks": [
            {
                "n": n,
                "text": chunk.text,
                "context": context,
                "page": chunk.page,
                "page_end": chunk.page_end,
                "headings": list(chunk.headings),
                "language": chunk.language,
                "start": chunk.start,
                "end": chunk.end,
                "chunk_hash": chunk.key,
            }
            for n, (chunk, context) in enumerate(zip(prepared.chunks, prepared.contexts, strict=True))
        ],
    }


def _block(document: Document, block: Block) -> dict[str, Any]:
    table = block.table
    return {
        "kind": block.kind.value,
        "text": document.text_of(block),
        "page": block.page,
        "page_end": block.page_end,
        "headings": list(block.headings),
        "level": block.level,
        "speaker": block.speaker,
        "table": {"caption": table.caption, "header_rows": table.header_rows, "rows": table.rows} if table else None,
    }


def _render(file: Path, prepared: PreparedDocument, console: Console, *, all_blocks: bool) -> None:
    from rich.text import Text

    assert prepared.document is not None
    found = prepared.classification
    console.print(Text(on_one_line(file.name), style="bold"))
    console.print(f"type       {found.type} (confidence {found.confidence:.2f})")
    for line in found.evidence:
        console.print(Text(f"           {harmless(line)}", style="dim"))
    facts = {
        "format": prepared.format,
        "title": prepared.title,
        "language": prepared.language,
        "pages": prepared.pages,
        "blocks": len(prepared.document.blocks),
        "chunks": len(prepared.chunks),
        "analysed": "by the language model" if prepared.analysis.by == "model" else None,
        "companies": ", ".join(prepared.analysis.named("company")) or None,
        "topics": ", ".join(prepared.analysis.topics) or None,
        "domain": prepared.analysis.domain,
        "period": prepared.analysis.period,
    }
    for name, value in facts.items():
        if value is not None:
            console.print(f"{name:<10} {harmless(str(value))}")
    for block in prepared.document.blocks:
        if block.table is not None:
            _render_table(block, console)
        elif all_blocks:
            place = f"p. {block.page} " if block.page else ""
            console.rule(Text(f"{place}{block.kind.value}"), align="left", style="dim")
            console.print(Text(harmless(prepared.document.text_of(block))))
    for n, (chunk, context) in enumerate(zip(prepared.chunks, prepared.contexts, strict=True)):
        pages = (
            ""
            if chunk.page is None
            else f", p. {chunk.page}" + (f"-{chunk.page_end}" if chunk.page_end != chunk.page else "")
        )
        console.rule(
            Text(f"chunk {n:04d}, {len(chunk.text)} characters{pages}, {chunk.language or 'unknown language'}"),
            align="left",
        )
        if context:
            console.print(Text(harmless(f"[Context: {context}]"), style="cyan"))
        console.print(Text(harmless(chunk.text)))


def _render_table(block: Block, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    assert block.table is not None
    source = block.table
    title = Text(harmless(source.caption or "table") + (f", p. {block.page}" if block.page else ""), style="bold")
    table = Table(title=title, title_justify="left", show_header=source.header_rows > 0)
    heads = source.columns or ("",) * len(source.rows[0])
    for i, head in enumerate(heads):
        table.add_column(Text(harmless(head)), justify="right" if i else "left", overflow="fold")
    for row in source.rows[source.header_rows :]:
        table.add_row(*(Text(harmless(cell)) for cell in row))
    console.print()
    console.print(table)
