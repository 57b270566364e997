"""Spreading what is found over documents: no document comes a second time before each has come once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ragfactory.retrieval.search import MAX_TOP_K

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragfactory.retrieval.results import Hit

_TIMES = 10


def wide(top_k: int) -> int:
    """How many passages to find for `top_k` of them to be spread over documents."""
    return min(_TIMES * top_k, MAX_TOP_K)


def spread(hits: Sequence[Hit], top_k: int) -> tuple[Hit, ...]:
    """`top_k` hits: the best of each document, best first, then the second best of each, and so on.

    A passage that several documents hold counts for the one that it is shown in.
    """
    seen: Counter[tuple[str, str]] = Counter()
    rounds = []
    for hit in hits:
        document = hit.at.root, hit.at.doc_id
        rounds.append(seen[document])
        seen[document] += 1
    order = sorted(range(len(hits)), key=rounds.__getitem__)  # stable: within a round the best comes first
    return tuple(hits[i] for i in order[:top_k])
