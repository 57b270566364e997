"""What a run has to do: the sources on disk compared with the documents in the indexes of a project."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragfactory.store.durable import sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ragfactory.pipeline.recipe import Recipes
    from ragfactory.pipeline.scan import Scan, Source
    from ragfactory.store.records import DocumentRecord
    from ragfactory.store.version import Identity

    Stored = Mapping[Identity, DocumentRecord]
    Row = tuple[str, int, int]  # index, segment, row


@dataclass(frozen=True, slots=True)
class Plan:
    """Sources to take in, documents to take out, and how many stay as they are."""

    tasks: tuple[Source, ...]
    removed: tuple[DocumentRecord, ...]
    unchanged: int


def make_plan(scan: Scan, stored: Stored, recipes: Recipes, forced: str | None) -> Plan:
    """Compare. A source is unchanged when its recipe is the same and so are its size and time, or else its bytes.

    A document whose chunks are stored in the rows of one that changes or goes is made anew as well, so that no row is left
    whose context speaks of a document that is gone.
    """
    sources = {source.identity: source for source in scan.sources}
    removed = {identity: r for identity, r in stored.items() if identity not in sources and scan.covers(identity)}
    changed: dict[Identity, Source] = {}
    touched: list[Source] = []
    for identity, source in sources.items():
        record = stored.get(identity)
        if record is None or not _same_recipe(record, recipes, forced) or record.size != source.size:
            changed[identity] = source
        elif record.mtime_ns != source.mtime_ns:
            touched.append(source)
    changed.update({source.identity: source for source in _rewritten(touched, stored)})
    _add_leaning(changed, removed, stored, sources)
    return Plan(
        tasks=tuple(changed[identity] for identity in sorted(changed)),
        removed=tuple(removed.values()),
        unchanged=len(sources) - len(changed),
    )


def _same_recipe(record: DocumentRecord, recipes: Recipes, forced: str | None) -> bool:
    if forced not in (None, record.document_type) or record.document_type not in recipes:
        return False
    return record.recipe == recipes[record.document_type].digest(record.path)


def _rewritten(sources: list[Source], stored: Stored) -> list[Source]:
    """Those of `sources` whose bytes are not those of their document any more. One that cannot be read counts as well."""

    def is_rewritten(source: Source) -> bool:
        try:
            return sha256_of(source.path) != stored[source.identity].key
        except OSError:
            return True  # the parser meets the same error and reports the file by name

    with ThreadPoolExecutor() as pool:  # hashing releases the interpreter's lock
        return [source for source, changed in zip(sources, pool.map(is_rewritten, sources), strict=True) if changed]


def _add_leaning(
    changed: dict[Identity, Source],
    removed: Mapping[Identity, DocumentRecord],
    stored: Stored,
    sources: Mapping[Identity, Source],
) -> None:
    """Add the sources of documents that share rows of those that change or go, until no more are found.

    The document of a shared row may also have gone before, in a run that did not see the others.
    """
    leaning = {identity: record for identity, record in stored.items() if record.shared}
    going = [stored[identity] for identity in (*changed, *removed) if identity in stored]
    rows = _shared_rows(leaning.values()).difference(_rows(stored.values())) | set(_rows(going))
    while rows:
        found = [
            identity
            for identity, record in leaning.items()
            if identity not in changed and identity in sources and not rows.isdisjoint(_shared_rows([record]))
        ]
        changed.update({identity: sources[identity] for identity in found})
        rows = set(_rows(stored[identity] for identity in found))


def _rows(records: Iterable[DocumentRecord]) -> Iterator[Row]:
    for record in records:
        for segment, first, count in record.rows:
            for row in range(first, first + count):
                yield record.document_type, segment, row


def _shared_rows(records: Iterable[DocumentRecord]) -> set[Row]:
    return {(record.document_type, shared.segment, shared.row) for record in records for shared in record.shared}
