"""`ragfactory index show`: the indexes of a project and their documents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragfactory.cli import options
from ragfactory.cli.index.summary import kind_of, settings_line, summary
from ragfactory.cli.result import CommandResult
from ragfactory.cli.run import run
from ragfactory.cli.text import counted, on_one_line

if TYPE_CHECKING:
    from rich.console import Console

    from ragfactory.cli.output import Output
    from ragfactory.store.records import DocumentRecord, Manifest
    from ragfactory.store.settings import Settings


def show(
    document_type: options.Type = None,
    tenant: options.Tenant = None,
    project: options.Project = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="At most so many documents a type; 0 for all.")] = 20,
    failed: Annotated[
        bool, typer.Option("--failed", help="Show the files of the project that failed instead.")
    ] = False,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Show the indexes of a project and their documents."""

    def body(_output: Output) -> CommandResult:
        from ragfactory.cli.index.failed import failed_files
        from ragfactory.cli.index.selection import indexes_of_project
        from ragfactory.errors import UsageError
        from ragfactory.store.layout import IndexPaths
        from ragfactory.store.settings import read_settings
        from ragfactory.store.version import read_contents

        config = options.configure(home, tenant=tenant, project=project)
        if failed:
            if document_type is not None:
                raise UsageError("--type: not with --failed", hint="a file that failed is a project's, and of no type")
            return failed_files(config)
        shown = []
        for name in indexes_of_project(config, document_type):
            paths = IndexPaths.of(config.indexes, name)
            manifest, documents = read_contents(paths, name)
            shown.append(_Shown(manifest, list(documents.values()), read_settings(paths)))
        return CommandResult(
            data={"indexes": [_index(entry) for entry in shown]},
            render=lambda console: _render(shown, limit or None, console),
        )

    run("index show", body, json=json)


@dataclass(frozen=True, slots=True)
class _Shown:
    manifest: Manifest
    documents: list[DocumentRecord]
    settings: Settings | None


def _index(shown: _Shown) -> dict[str, Any]:
    settings, used = shown.settings, shown.settings and {"used": shown.settings.suit(shown.manifest.embedder)}
    return summary(shown.manifest) | {
        "settings": settings.model_dump(mode="json") | used if settings and used else None,
        "documents": [_document(document) for document in shown.documents],
    }


def _document(document: DocumentRecord) -> dict[str, Any]:
    return {
        "doc_id": document.path,
        "root": document.root,
        "language": document.language,
        "pages": document.pages,
        "chunks": document.chunks,
        "contexts_missing": document.contexts_missing,
        "title": document.title,
        "type_confidence": document.type_confidence,
    }


def _render(shown: list[_Shown], limit: int | None, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    for entry in shown:
        manifest, documents = entry.manifest, entry.documents
        created = datetime.fromisoformat(manifest.created).isoformat(timespec="seconds")
        console.print(
            Text.assemble(
                (manifest.index, "bold"),
                f"  version {manifest.version:06d}, {counted(manifest.documents, 'document')}, "
                f"{counted(manifest.chunks, 'chunk')}, "
                f"{manifest.embedder.name}, {kind_of(manifest)}, {created}",
            )
        )
        if entry.settings:
            console.print(Text(f"  {settings_line(entry.settings, manifest)}", style="dim"), soft_wrap=True)
        if missing := sum(document.contexts_missing for document in documents):
            console.print(
                f"  {counted(missing, 'chunk')} still without a language model's context; a run goes on with them"
            )
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 2))
        table.add_column("document", overflow="fold", ratio=1)
        for name in ("language", "pages", "chunks"):
            table.add_column(name, justify="right")
        for document in documents[:limit]:
            pages = "" if document.pages is None else str(document.pages)
            table.add_row(Text(on_one_line(document.path)), document.language or "", pages, str(document.chunks))
        console.print(table)
        if limit is not None and len(documents) > limit:
            console.print(f"  and {len(documents) - limit:,} more (--limit 0 shows all)")
        console.print()
