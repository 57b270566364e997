"""What a run has to do: the sources on disk compared with the documents in the indexes of a project."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragfactory.store.durable import sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from ragfactory.pipeline.recipe import Recipes
    from ragfactory.pipeline.scan import Scan, Source
    from ragfactory.store.documents import Identity
    from ragfactory.store.records import DocumentRecord

    Stored = Mapping[Identity, DocumentRecord]
    Row = tuple[str, int]  # index, row id
    ProfileOf = Callable[[Source], str | None]  # the profile that a source is made with, None when it is recognised


@dataclass(frozen=True, slots=True)
class Plan:
    """Sources to take in, documents to take out, and what stays as it is.

    `moved` has those of the new sources whose bytes are those of a document that is gone, with the SHA-256 (hex) of these bytes.
    `touched` are unchanged sources with another time than their documents have. `for_contexts` are documents that are made again
    only for contexts that are missing, and may as well stay as they are. Those of them that share rows are `leaning`: either all
    of these stay, or none does.
    """

    tasks: tuple[Source, ...]
    removed: tuple[DocumentRecord, ...]
    moved: Mapping[Identity, str]
    touched: tuple[Source, ...]
    unchanged: int
    for_contexts: frozenset[Identity] = frozenset()
    leaning: frozenset[Identity] = frozenset()

    @property
    def lost(self) -> list[DocumentRecord]:
        """The documents that go and are nowhere else now: each new name makes up for one document of the same bytes."""
        new_names = Counter(self.moved.values())
        lost = []
        for record in self.removed:
            if new_names[record.key]:
                new_names[record.key] -= 1
            else:
                lost.append(record)
        return lost


def make_plan(scan: Scan, stored: Stored, recipes: Recipes, profile_of: ProfileOf) -> Plan:
    """Compare. A source is unchanged when its recipe is the same and so are its size and time, or else its bytes; one whose chunks
    still want contexts is made again.

    A document whose chunks are stored in the rows of one that changes or goes is made anew as well, so that no row is left
    whose context speaks of a document that is gone.
    """
    sources = {source.identity: source for source in scan.sources}
    removed = {identity: r for identity, r in stored.items() if identity not in sources and scan.covers(identity)}
    changed: dict[Identity, Source] = {}
    touched: dict[Identity, Source] = {}
    incomplete: set[Identity] = set()
    for identity, source in sources.items():
        record = stored.get(identity)
        if record is None or not _is_as_it_was(record, source, recipes, profile_of(source)):
            changed[identity] = source
        elif record.contexts_missing:
            changed[identity] = source
            incomplete.add(identity)
        elif record.mtime_ns != source.mtime_ns:
            touched[identity] = source
    keys = _hash_all(source.path for source in touched.values())
    changed |= {identity: s for identity, s in touched.items() if keys[s.path] != stored[identity].key}
    moved = _find_moved([source for identity, source in changed.items() if identity not in stored], removed.values())
    others = {identity: source for identity, source in changed.items() if identity not in incomplete}
    _add_leaning(changed, removed, stored, sources)
    alone = _alone(incomplete, stored)
    leaning = frozenset(changed) - alone if incomplete else frozenset()
    if leaning:
        _add_leaning(others, removed, stored, sources)
        leaning = _without(others, leaning, stored)
    return Plan(
        tasks=tuple(changed[identity] for identity in sorted(changed)),
        removed=tuple(removed.values()),
        moved=moved,
        touched=tuple(source for identity, source in touched.items() if identity not in changed),
        unchanged=len(sources) - len(changed),
        for_contexts=alone | leaning,
        leaning=leaning,
    )


def _is_as_it_was(record: DocumentRecord, source: Source, recipes: Recipes, forced: str | None) -> bool:
    return record.size == source.size and _same_recipe(record, recipes, forced)


def _same_recipe(record: DocumentRecord, recipes: Recipes, forced: str | None) -> bool:
    if forced not in (None, record.document_type) or record.document_type not in recipes:
        return False
    return record.recipe == recipes.digest(record.document_type, record.path, forced=forced is not None)


def _hash_all(paths: Iterable[Path]) -> dict[Path, str | None]:
    """SHA-256 (hex) of each file, None for one that cannot be read: the parser meets the same error and tells it by name."""

    def key_of(path: Path) -> str | None:
        try:
            return sha256_of(path)
        except OSError:
            return None

    wanted = list(paths)
    with ThreadPoolExecutor() as pool:  # hashing releases the interpreter's lock
        return dict(zip(wanted, pool.map(key_of, wanted), strict=True))


def _find_moved(new: list[Source], removed: Iterable[DocumentRecord]) -> dict[Identity, str]:
    gone = {record.key: record.size for record in removed}
    likely = [source for source in new if source.size in set(gone.values())]
    keys = _hash_all(source.path for source in likely)
    return {source.identity: key for source in likely if (key := keys[source.path]) in gone}


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
    if not leaning:
        return
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


def _alone(identities: set[Identity], stored: Stored) -> frozenset[Identity]:
    """Those whose documents share no row with another."""
    if not identities:
        return frozenset()
    shared = _shared_rows(stored.values())
    return frozenset(i for i in identities if not stored[i].shared and shared.isdisjoint(_rows([stored[i]])))


def _without(others: Iterable[Identity], leaning: frozenset[Identity], stored: Stored) -> frozenset[Identity]:
    """Those of the `leaning` documents that are not among the others; none where they share rows of these."""
    rest = leaning.difference(others)
    return rest if _shared_rows(_of(rest, stored)).isdisjoint(_rows(_of(others, stored))) else frozenset()


def _of(identities: Iterable[Identity], stored: Stored) -> list[DocumentRecord]:
    return [stored[identity] for identity in identities if identity in stored]


def _rows(records: Iterable[DocumentRecord]) -> Iterator[Row]:
    for record in records:
        for first, count in record.rows:
            for row in range(first, first + count):
                yield record.document_type, row


def _shared_rows(records: Iterable[DocumentRecord]) -> set[Row]:
    return {(record.document_type, shared.row) for record in records for shared in record.shared}
