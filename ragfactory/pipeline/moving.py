"""Documents that leave an index: which may go, and in what order indexes are published so that none is ever in no version."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from ragfactory.pipeline.open_index import OpenIndex
    from ragfactory.store.records import DocumentRecord


def leaving(
    removed: Iterable[DocumentRecord], renamed: Collection[str], indexes: Mapping[str, OpenIndex]
) -> list[DocumentRecord]:
    """Those of `removed` to take out: not one that was made anew where it is, nor one that is not stored under its new name yet.

    `renamed` has the source keys of documents that got a new name; `indexes` are by document type.
    """
    stored = {key for index in indexes.values() for key in index.stored.values()}
    waiting = set(renamed) - stored
    remade = {(kind, identity) for kind, index in indexes.items() for identity in index.stored}
    return [
        record
        for record in removed
        if record.key not in waiting and (record.document_type, (record.root, record.path)) not in remade
    ]


def loses_to_others(index: OpenIndex, indexes: Iterable[OpenIndex]) -> bool:
    """Whether a document that leaves the index is in another one now, under its name or a new one."""
    others = [other.stored for other in indexes if other is not index]
    keys = {key for stored in others for key in stored.values()}
    return any(
        record.key in keys or any(identity in stored for stored in others)
        for identity, record in index.removals.items()
    )


def publishing_order(indexes: Collection[OpenIndex]) -> list[OpenIndex]:
    """First those that only take in; one that documents leave for another comes after it."""
    return sorted(indexes, key=lambda index: (loses_to_others(index, indexes), not index.stored))
