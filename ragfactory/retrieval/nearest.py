"""What vectors find in the open versions of some indexes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ragfactory.retrieval.masks import Mask
    from ragfactory.retrieval.parts import Row, Scores
    from ragfactory.store.layout import IndexName
    from ragfactory.store.vectors import Matrix
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
    found: Scores = {}
    for name, version in versions.items():
        vector = vectors[version.manifest.embedder.fingerprint]
        located = [version.locate(row_id) for index, row_id in found_by_words if index == name]
        for number, segment in version.segments.items():
            known = np.array([row for other, row in located if other == number], dtype=np.int64)
            live = segment.live & among[name][segment.ids] if name in among else segment.live
            scores, nearest = segment.vectors.search(vector, depth, live, exact=exact)
            for rows, of_rows in ((known, segment.vectors.scores(vector, known)), (nearest, scores)):
                ids = segment.ids[rows].tolist()
                found |= {(name, row_id): score for row_id, score in zip(ids, of_rows.tolist(), strict=True)}
    return found
