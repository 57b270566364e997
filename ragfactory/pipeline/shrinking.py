"""A guard against folders that seem to lose their documents: a disk that is not mounted must not empty an index."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from ragfactory import events
from ragfactory.errors import ShrunkFolderError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ragfactory.events import Listener
    from ragfactory.pipeline.plan import Plan
    from ragfactory.store.documents import Identity

MAX_GONE = 1 / 2  # of a folder's documents


def keep_shrunk(plan: Plan, stored: Iterable[Identity], emit: Listener) -> Plan:
    """Keep the documents of every folder that would be left with less than half of them, and tell of the folder as failed.

    A document that only moved is not lost, and new ones make up for old ones.
    """
    known = set(stored)
    documents = Counter(root for root, _ in known)
    lost = Counter(record.root for record in plan.lost)
    new = Counter(source.root for source in plan.tasks if source.identity not in known | plan.moved.keys())
    shrunk = {root for root, gone in lost.items() if gone - new[root] > MAX_GONE * documents[root]}
    for root in sorted(shrunk):
        error = ShrunkFolderError(
            f"{lost[root]} of the {documents[root]} documents that the index has of this folder are gone; they are kept",
            hint="mount the disk, or say --allow-shrink if they are to go",
        )
        emit(events.Failed.of(root, ".", error))
    return replace(plan, removed=tuple(record for record in plan.removed if record.root not in shrunk))
