"""The documents of a version: files of one line a document, each file changing what the ones before it say.

A version that changes a few documents of many links the files it was built upon and adds a short one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from pydantic import ValidationError

from ragfactory.store.records import DocumentRecord, Tombstone

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    Documents = Mapping[tuple[str, str], DocumentRecord]

Identity = tuple[str, str]  # (root, path below it)

# What `apply_documents` raises for a file that is not what was written.
UNREADABLE = (OSError, orjson.JSONDecodeError, ValidationError, KeyError, TypeError, AttributeError)

MAX_OUTDATED = 1 / 5  # of all lines


def documents_name(number: int) -> str:
    """The n-th file of documents, counted from 1."""
    return f"documents-{number:04d}.jsonl"


def apply_documents(documents: dict[Identity, DocumentRecord], lines: Iterable[bytes]) -> None:
    """Change `documents`, by (root, path), as the lines of a file say. Raises one of UNREADABLE."""
    for raw in map(orjson.loads, lines):
        if raw.get("removed"):
            documents.pop((raw["root"], raw["path"]), None)
        else:
            documents[raw["root"], raw["path"]] = DocumentRecord.model_validate(raw)


def plan_documents(lines: Sequence[int], changed: int, documents: int) -> int:
    """How many of the files that there are, of that many `lines` each, to keep when `changed` documents change.

    The rest is written anew together with the changes: every file at the end that is no longer than what is written, so a line is
    rewritten about as often as the index doubles; and all when too many lines would be outdated.
    """
    kept = list(lines)
    written = changed
    while kept and kept[-1] <= written:
        written += kept.pop()
    return len(kept) if sum(kept) + written - documents <= MAX_OUTDATED * documents else 0


def write_documents(path: Path, spoken_of: Iterable[Identity], documents: Documents) -> int:
    """Write a file that says of each document what `documents` has of it, and return its number of lines."""
    lines = [
        documents[identity].to_line()
        if identity in documents
        else Tombstone(root=identity[0], path=identity[1]).to_line()
        for identity in sorted(spoken_of)
    ]
    with path.open("wb") as file:
        file.writelines(lines)
    return len(lines)


def identities(path: Path) -> set[Identity]:
    """The documents that a file speaks of."""
    with path.open("rb") as lines:
        return {(raw["root"], raw["path"]) for raw in map(orjson.loads, lines)}
