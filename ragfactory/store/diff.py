"""What differs between two versions: document by document, and in what made them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ragfactory.store.documents import Identity
    from ragfactory.store.records import DocumentRecord

    Documents = Mapping[Identity, DocumentRecord]


@dataclass(frozen=True, slots=True)
class Successor:
    """A document of the first version, and what stands for it in the second."""

    before: DocumentRecord
    after: DocumentRecord


@dataclass(frozen=True, slots=True)
class DocumentsDiff:
    """How the documents of two versions differ, each list sorted by root and path.

    `changed` have other bytes, `remade` the same bytes and another recipe. `moved` have the bytes of a document that is gone
    from its own place.
    """

    added: tuple[DocumentRecord, ...]
    removed: tuple[DocumentRecord, ...]
    changed: tuple[Successor, ...]
    remade: tuple[Successor, ...]
    moved: tuple[Successor, ...]
    unchanged: int


def diff_documents(before: Documents, after: Documents) -> DocumentsDiff:
    """Compare the documents of two versions."""
    stayed = [Successor(before[identity], after[identity]) for identity in sorted(before.keys() & after.keys())]
    changed = [pair for pair in stayed if pair.before.key != pair.after.key]
    remade = [pair for pair in stayed if pair.before.key == pair.after.key and pair.before.recipe != pair.after.recipe]
    gone = {identity: before[identity] for identity in sorted(before.keys() - after.keys())}
    new = {identity: after[identity] for identity in sorted(after.keys() - before.keys())}
    moved = list(_moves(gone, new))
    for pair in moved:
        del gone[pair.before.root, pair.before.path], new[pair.after.root, pair.after.path]
    return DocumentsDiff(
        added=tuple(new.values()),
        removed=tuple(gone.values()),
        changed=tuple(changed),
        remade=tuple(remade),
        moved=tuple(moved),
        unchanged=len(stayed) - len(changed) - len(remade),
    )


def _moves(gone: Documents, new: Documents) -> Iterator[Successor]:
    """Pair documents of the same bytes, in the order of their names."""
    by_key: dict[str, list[DocumentRecord]] = {}
    for document in gone.values():
        by_key.setdefault(document.key, []).append(document)
    for document in new.values():
        if same := by_key.get(document.key):
            yield Successor(same.pop(0), document)


def changed_settings(
    before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = ""
) -> dict[str, tuple[Any, Any]]:
    """The keys that differ between two recipes, dotted, each with its value before and after; None where it is not there."""
    changed: dict[str, tuple[Any, Any]] = {}
    for key in sorted(before.keys() | after.keys()):
        one, other = before.get(key), after.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            changed |= changed_settings(one, other, f"{prefix}{key}.")
        elif one != other:
            changed[f"{prefix}{key}"] = (one, other)
    return changed
