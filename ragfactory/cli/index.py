"""`ragfactory index`: what indexes there are and what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragfactory.cli import options
from ragfactory.cli.output import counted, on_one_line
from ragfactory.cli.result import CommandResult, Problem
from ragfactory.cli.run import run

if TYPE_CHECKING:
    from rich.console import Console

    from ragfactory.cli.output import Output
    from ragfactory.store.records import DocumentRecord, Manifest

app = typer.Typer(help="Show indexes and their documents.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_indexes(home: options.Home = None, json: options.Json = False) -> None:
    """List every index of every tenant: the version that serves, documents, chunks, embedder."""

    def body(_output: Output) -> CommandResult:
        from ragfactory.errors import DamagedIndexError, ExitCode
        from ragfactory.store.layout import IndexPaths, all_index_names
        from ragfactory.store.version import current_directory, read_manifest

        config = options.configure(home)
        manifests, problems = [], []
        for name in all_index_names(config.indexes):
            try:
                manifests.append(read_manifest(current_directory(IndexPaths.of(config.indexes, name), name)))
            except DamagedIndexError as error:
                problems.append(Problem.of(error))
        return CommandResult(
            data={"indexes": [_summary(manifest) for manifest in manifests]},
            render=lambda console: _render_list(manifests, console),
            errors=tuple(problems),
            exit_code=ExitCode.NO_INDEX if problems else ExitCode.OK,
        )

    run("index list", body, json=json)


@app.command("show")
def show(
    document_type: options.Type = None,
    tenant: options.Tenant = None,
    project: options.Project = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="At most so many documents a type; 0 for all.")] = 20,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Show the indexes of a project and their documents."""

    def body(_output: Output) -> CommandResult:
        from ragfactory.errors import IndexNotFoundError
        from ragfactory.store.layout import IndexPaths, index_names
        from ragfactory.store.version import current_directory, read_documents, read_manifest

        config = options.configure(home, tenant=tenant, project=project)
        shown = []
        for name in index_names(config.indexes, tenant=config.tenant, project=config.project):
            if document_type in (None, name.document_type):
                directory = current_directory(IndexPaths.of(config.indexes, name), name)
                shown.append((read_manifest(directory), list(read_documents(directory).values())))
        if not shown:
            what = "/".join(filter(None, (config.tenant, config.project, document_type)))
            raise IndexNotFoundError(f"there is no index {what}", hint="`ragfactory index list` shows what there is")
        return CommandResult(
            data={
                "indexes": [_summary(m) | {"documents": [_document(d) for d in documents]} for m, documents in shown]
            },
            render=lambda console: _render_documents(shown, limit or None, console),
        )

    run("index show", body, json=json)


def _summary(manifest: Manifest) -> dict[str, Any]:
    return {
        "index": manifest.index,
        "version": manifest.version,
        "created": manifest.created,
        "document_count": manifest.documents,
        "chunk_count": manifest.chunks,
        "languages": manifest.languages,
        "embedder": manifest.embedder.name,
        "vector_index": manifest.vector_index,
        "bytes": sum(entry.bytes for entry in manifest.files.values()),
    }


def _document(document: DocumentRecord) -> dict[str, Any]:
    return {
        "doc_id": document.path,
        "root": document.root,
        "language": document.language,
        "pages": document.pages,
        "chunks": document.chunks,
        "title": document.title,
        "type_confidence": document.type_confidence,
    }


def _render_list(manifests: list[Manifest], console: Console) -> None:
    from rich.table import Table

    if not manifests:
        console.print("there is no index yet: `ragfactory ingest FOLDER` builds one")
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("index", no_wrap=True)
    for name in ("version", "documents", "chunks", "MiB"):
        table.add_column(name, justify="right")
    table.add_column("languages")
    for manifest in manifests:
        size = sum(entry.bytes for entry in manifest.files.values()) / 2**20
        table.add_row(
            manifest.index,
            f"{manifest.version:06d}",
            f"{manifest.documents:,}",
            f"{manifest.chunks:,}",
            f"{size:.1f}",
            " ".join(manifest.languages),
        )
    console.print(table)


def _render_documents(shown: list[tuple[Manifest, list[DocumentRecord]]], limit: int | None, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    for manifest, documents in shown:
        console.print(
            Text.assemble(
                (manifest.index, "bold"),
                f"  version {manifest.version:06d}, {counted(manifest.documents, 'document')}, "
                f"{counted(manifest.chunks, 'chunk')}, "
                f"{manifest.embedder.name}, {manifest.created}",
            )
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
