"""`ragfactory index diff`: what differs between two versions of an index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragfactory.cli import options
from ragfactory.cli.index.selection import TheType, the_index
from ragfactory.cli.result import CommandResult
from ragfactory.cli.run import run
from ragfactory.cli.text import counted, on_one_line
from ragfactory.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.table import Table

    from ragfactory.cli.output import Output
    from ragfactory.store.diff import DocumentsDiff, Successor
    from ragfactory.store.records import DocumentRecord, Manifest

_CURRENT = "current"


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Two versions of an index, and how they differ."""

    before: Manifest
    after: Manifest
    documents: DocumentsDiff
    settings: dict[str, tuple[Any, Any]]


def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="The number of a version, or current.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The version to compare it with.")],
    document_type: TheType = None,
    tenant: options.Tenant = None,
    project: options.Project = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="At most so many documents; 0 for all.")] = 20,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Show what came, went and changed from version A to version B."""

    def body(_output: Output) -> CommandResult:
        from ragfactory.store.diff import changed_settings, diff_documents
        from ragfactory.store.layout import IndexPaths
        from ragfactory.store.version import read_contents

        numbers = _number(a), _number(b)
        config = options.configure(home, tenant=tenant, project=project)
        name = the_index(config, document_type)
        paths = IndexPaths.of(config.indexes, name)
        (before, old), (after, new) = (read_contents(paths, name, number) for number in numbers)
        found = _Comparison(before, after, diff_documents(old, new), changed_settings(before.recipe, after.recipe))
        return CommandResult(data=_data(found), render=lambda console: _render(found, limit or None, console))

    run("index diff", body, json=json)


def _number(version: str) -> int | None:
    """The number that is meant; None for the version that serves."""
    if version == _CURRENT:
        return None
    if not (version.isascii() and version.isdigit()):
        raise UsageError(
            f"the number of a version or {_CURRENT} expected, got {version!r}",
            hint=f"for example `ragfactory index diff 1 {_CURRENT}`",
        )
    return int(version)


def _data(found: _Comparison) -> dict[str, Any]:
    documents = found.documents
    return {
        "index": found.after.index,
        "a": _version(found.before),
        "b": _version(found.after),
        "added": [_document(document) for document in documents.added],
        "removed": [_document(document) for document in documents.removed],
        "changed": [_successor(pair) for pair in documents.changed],
        "remade": [_successor(pair) for pair in documents.remade],
        "moved": [
            _successor(pair) | {"from_doc_id": pair.before.path, "from_root": pair.before.root}
            for pair in documents.moved
        ],
        "unchanged": documents.unchanged,
        "recipe": [{"key": key, "a": one, "b": other} for key, (one, other) in found.settings.items()],
    }


def _version(manifest: Manifest) -> dict[str, Any]:
    return {
        "version": manifest.version,
        "created": manifest.created,
        "document_count": manifest.documents,
        "chunk_count": manifest.chunks,
        "embedder": manifest.embedder.model_dump(),
    }


def _document(document: DocumentRecord) -> dict[str, Any]:
    return {"doc_id": document.path, "root": document.root, "chunks": document.chunks}


def _successor(pair: Successor) -> dict[str, Any]:
    return _document(pair.after) | {"chunks_before": pair.before.chunks}


def _render(found: _Comparison, limit: int | None, console: Console) -> None:
    from rich.text import Text

    before, after, documents = found.before, found.after, found.documents
    console.print(
        Text.assemble(
            (after.index, "bold"),
            f"  version {before.version:06d} to {after.version:06d}, "
            f"{before.chunks:,} to {after.chunks:,} chunks, {counted(documents.unchanged, 'document')} unchanged",
        )
    )
    if before.embedder != after.embedder:
        console.print(f"embedder  {_embedder(before)} to {_embedder(after)}")
    for key, (one, other) in found.settings.items():
        console.print(f"recipe    {on_one_line(f'{key}: {one} to {other}')}")
    rows = list(_rows(documents))
    if rows:
        console.print(_table(rows[:limit]))
    if limit is not None and len(rows) > limit:
        console.print(f"and {len(rows) - limit:,} more (--limit 0 shows all)")


def _embedder(manifest: Manifest) -> str:
    return f"{manifest.embedder.name} ({manifest.embedder.fingerprint[:8]})"


def _rows(documents: DocumentsDiff) -> Iterator[tuple[str, str, str]]:
    """What happened, to which document, and how many chunks it had and has."""
    for document in documents.added:
        yield "added", document.path, str(document.chunks)
    for document in documents.removed:
        yield "removed", document.path, str(document.chunks)
    for what, pairs in (("changed", documents.changed), ("made again", documents.remade)):
        for pair in pairs:
            yield what, pair.after.path, _chunks(pair)
    for pair in documents.moved:
        yield "moved", f"{pair.before.path} to {pair.after.path}", _chunks(pair)


def _chunks(pair: Successor) -> str:
    before, after = pair.before.chunks, pair.after.chunks
    return str(after) if before == after else f"{before} to {after}"


def _table(rows: list[tuple[str, str, str]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    table.add_column("change", no_wrap=True)
    table.add_column("document", overflow="fold", ratio=1)
    table.add_column("chunks", justify="right", no_wrap=True)
    for what, document, chunks in rows:
        table.add_row(what, Text(on_one_line(document)), chunks)
    return table
