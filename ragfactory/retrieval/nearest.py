"""What vectors find in the open versions of some indexes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ragfactory.retrieval.parts import find_at_once

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ragfactory.retrieval.masks import Mask
    from ragfactory.retrieval.parts import Row, Scores
    from ragfactory.store.layout import IndexName
    from ragfactory.store.segment import Ids
    from ragfactory.store.vectors import Matrix, Rows
    from ragfactory.store.version import Version


def find_by_vector(
    versions: Mapping[IndexName, Version],
    vectors: Mapping[str, Matrix],
    depth: int,
    among: Mapping[IndexName, Mask],
    found_by_words: Iterable[Row],
    *,
    exact: bool,
) -> Scores:
    """The `depth` nearest rows of each segment, and what was found by words: that gets its dense score too, so that fusion
    compares like with like. `vectors` are the query's, by the fingerprint of the embedder.
    """
    words = {name: [row_id for index, row_id in found_by_words if index == name] for name in versions}

    def of_segment(part: tuple[IndexName, int]) -> Scores:
        name, number = part
        segment = versions[name].segments[number]
        vector = vectors[versions[name].manifest.embedder.fingerprint]
        known = _rows(segment.ids, np.array(words[name], dtype=np.uint64))
        live = segment.live & among[name][segment.ids] if name in among else segment.live
        scores, nearest = segment.vectors.search(vector, depth, live, exact=exact)
        found: Scores = {}
        for rows, of_rows in ((known, segment.vectors.scores(vector, known)), (nearest, scores)):
            ids = segment.ids[rows].tolist()
            found |= {(name, row_id): score for row_id, score in zip(ids, of_rows.tolist(), strict=True)}
        return found

    return find_at_once(
        of_segment, [(name, number) for name, version in versions.items() for number in version.segments]
    )


def _rows(ids: Ids, wanted: Ids) -> Rows:
    """The rows, (m,), of those of the `wanted` ids that are among `ids`, (n,) ascending."""
    rows = np.searchsorted(ids, wanted)
    found: Rows = rows[ids.take(rows, mode="clip") == wanted]
    return found
