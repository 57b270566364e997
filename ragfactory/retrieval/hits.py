"""From a candidate to the hit that is given back: its passage, its places and its scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragfactory.retrieval.places import places_of
from ragfactory.retrieval.results import Hit, Mode

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ragfactory.retrieval.candidates import Candidate
    from ragfactory.retrieval.filters import Condition
    from ragfactory.store.documents import Identity
    from ragfactory.store.version import Version


def hit_of(
    version: Version,
    candidate: Candidate,
    mode: Mode,
    filters: Sequence[Condition] = (),
    within: Collection[Identity] | None = None,
) -> Hit:
    """The hit that a candidate of `version` is. Of its places those come first where all filters hold, `within` these documents."""
    number, row = version.locate(candidate.row)
    segment = version.segments[number]
    chunk = segment.chunk(row)
    at, *others = places_of(version, candidate.row, chunk, filters, within=within)
    own = {Mode.HYBRID: candidate.fused, Mode.DENSE: candidate.dense, Mode.TEXT: candidate.lexical}[mode]
    own = own if candidate.preferred is None else candidate.preferred
    return Hit(
        index=candidate.index,
        version=version.manifest.version,
        chunk=chunk,
        chunk_hash=segment.rows[row].chunk_key.hex(),
        at=at,
        others=tuple(others),
        score=own or 0.0,
        dense=candidate.dense,
        lexical=candidate.lexical,
        fused=candidate.fused if mode is Mode.HYBRID else None,
        preferred=candidate.preferred,
        rerank=None,
        variant=candidate.variant,
        share=candidate.share,
    )
