"""What differs between two versions: each document falls under one heading, and settings are told by their dotted names."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ragfactory.store.diff import changed_settings, diff_documents
from ragfactory.store.records import DocumentRecord


def document(path: str, key: str, recipe: str = "r", root: str = "/docs", **fields: Any) -> DocumentRecord:
    plain = {"size": 1, "mtime_ns": 1, "document_type": "t", "type_confidence": 1.0, "format": "text", "chunks": 1}
    return DocumentRecord(root=root, path=path, key=key, recipe=recipe, **(plain | fields))


def by_identity(*documents: DocumentRecord) -> dict[tuple[str, str], DocumentRecord]:
    return {(document.root, document.path): document for document in documents}


def test_every_kind_of_change() -> None:
    before = by_identity(
        document("same", "1"),
        document("touched", "2", mtime_ns=1),
        document("edited", "3"),
        document("recut", "4", recipe="old"),
        document("gone", "5"),
        document("old/name", "6"),
    )
    after = by_identity(
        document("same", "1"),
        document("touched", "2", mtime_ns=2),
        document("edited", "3+", recipe="new", chunks=2),
        document("recut", "4", recipe="new"),
        document("new", "7"),
        document("new/name", "6"),
    )
    diff = diff_documents(before, after)
    assert [d.path for d in diff.added] == ["new"]
    assert [d.path for d in diff.removed] == ["gone"]
    assert [(p.before.path, p.after.path, p.after.chunks) for p in diff.changed] == [("edited", "edited", 2)]
    assert [p.after.path for p in diff.remade] == ["recut"]
    assert [(p.before.path, p.after.path) for p in diff.moved] == [("old/name", "new/name")]
    assert diff.unchanged == 2


def test_a_folder_that_moved_is_not_gone() -> None:
    before = by_identity(*(document(name, name, root="/old") for name in "abc"))
    after = by_identity(*(document(name, name, root="/new") for name in "abc"))
    diff = diff_documents(before, after)
    assert (diff.added, diff.removed, len(diff.moved)) == ((), (), 3)


def test_copies_move_once_each() -> None:
    before = by_identity(document("a", "k"), document("b", "k"))
    after = by_identity(document("c", "k"), document("d", "k"), document("e", "k"))
    diff = diff_documents(before, after)
    assert [(p.before.path, p.after.path) for p in diff.moved] == [("a", "c"), ("b", "d")]
    assert [d.path for d in diff.added] == ["e"]


SIDES = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("123")).map(
    lambda keys: by_identity(*(document(path, key) for path, key in keys.items()))
)


@given(SIDES, SIDES)
def test_every_document_of_both_versions_is_counted_once(
    before: dict[tuple[str, str], DocumentRecord], after: dict[tuple[str, str], DocumentRecord]
) -> None:
    diff = diff_documents(before, after)
    pairs = (*diff.changed, *diff.remade, *diff.moved)
    assert len(pairs) + diff.unchanged + len(diff.removed) == len(before)
    assert len(pairs) + diff.unchanged + len(diff.added) == len(after)
    assert all(pair.before.key == pair.after.key for pair in diff.moved)
    back = diff_documents(after, before)
    assert len(back.moved) == len(diff.moved)
    assert back.unchanged == diff.unchanged


def test_settings_that_changed_came_or_went() -> None:
    before = {"name": "x", "chunk": {"size": 200, "overlap": 20}, "enrich": {"writer": "none"}, "old": 1}
    after = {"name": "x", "chunk": {"size": 300, "overlap": 20}, "enrich": None, "new": [1]}
    assert changed_settings(before, after) == {
        "chunk.size": (200, 300),
        "enrich": ({"writer": "none"}, None),
        "new": (None, [1]),
        "old": (1, None),
    }
    assert changed_settings(before, before) == {}
