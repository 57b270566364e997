"""Which segments are searched approximately, and what the manifest says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ragfactory.profiles import Index
from ragfactory.store import fast, kinds
from tests.store.conftest import Shelf, nearest

if TYPE_CHECKING:
    from ragfactory.store.records import Manifest

ROWS = 600


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is large for this index begins at some hundred rows."""
    monkeypatch.setattr(fast, "MIN_ROWS", 300)
    monkeypatch.setattr(fast, "FAST_FROM", 500)


def filled(shelf: Shelf, options: Index, rows: int = ROWS) -> Manifest:
    return shelf.publish({"groot.txt": [f"tekst nummer{n}" for n in range(rows)]}, options=options)


@pytest.mark.parametrize("kind", ["ivf", "hnsw", "rabitq"])
def test_an_approximate_kind_stands_in_the_manifest_with_its_recall(shelf: Shelf, small: None, kind: str) -> None:
    manifest = filled(shelf, Index(kind=kind))
    (segment,) = manifest.segments
    assert segment.fast is not None
    assert (manifest.vector_index, segment.fast.kind, manifest.recall_at_10) == (
        kind,
        kind,
        pytest.approx(segment.fast.recall),
    )
    assert segment.fast.recall >= 0.98
    assert "fast-0001.faiss" in manifest.files
    with shelf.open() as version:
        assert nearest(version, "tekst nummer77") == "tekst nummer77"


def test_auto_is_exact_until_the_index_is_large(shelf: Shelf, small: None) -> None:
    options = Index()
    manifest = filled(shelf, options, 400)
    assert (manifest.vector_index, manifest.recall_at_10, manifest.segments[0].fast) == ("exact", 1.0, None)
    manifest = shelf.publish({"meer.txt": [f"meer nummer{n}" for n in range(200)]}, options=options)
    large, tiny = manifest.segments
    assert large.fast is not None, "the segment that was there gets one too"
    assert tiny.fast is None
    assert manifest.vector_index == large.fast.kind
    expected = (400 * large.fast.recall + 200) / 600
    assert manifest.recall_at_10 == pytest.approx(expected)


def test_an_accelerator_is_taken_over_while_the_options_are_the_same(shelf: Shelf, small: None) -> None:
    options = Index(kind="ivf")
    recipe = {"index": options.model_dump(mode="json")}
    for path, texts in {"a.txt": [f"a{n}" for n in range(ROWS)], "b.txt": ["nieuw"]}.items():
        shelf.publish({path: texts}, options=options, recipe=recipe)
    first, second = (shelf.paths.version(n) / "fast-0001.faiss" for n in (1, 2))
    assert first.samefile(second)
    other = Index(kind="ivf", nlist=7)
    manifest = shelf.publish({"c.txt": ["ook nieuw"]}, options=other, recipe={"index": other.model_dump(mode="json")})
    assert manifest.segments[0].fast is not None
    assert manifest.segments[0].fast.build["nlist"] == 7
    assert not first.samefile(shelf.paths.version(3) / "fast-0001.faiss")


def test_a_kind_that_misses_the_recall_is_told_and_not_tried_again(
    shelf: Shelf, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def miss(*_: object) -> None:
        tried.append(1)

    monkeypatch.setattr(kinds, "build_fast", miss)
    options = Index(kind="hnsw")
    recipe = {"index": options.model_dump(mode="json")}
    for path, texts in {"a.txt": [f"a{n}" for n in range(ROWS)], "b.txt": ["nieuw"]}.items():
        manifest = shelf.publish({path: texts}, options=options, recipe=recipe)
        assert (manifest.segments[0].missed, manifest.segments[0].fast) == ("hnsw", None)
    assert len(tried) == 1
    with shelf.open() as version:
        assert nearest(version, "nieuw") == "nieuw"


def test_deleted_rows_are_not_found_through_an_accelerator(shelf: Shelf, small: None) -> None:
    options = Index(kind="rabitq")
    texts = [f"tekst nummer{n}" for n in range(ROWS)]
    shelf.publish({f"{n}.txt": [text] for n, text in enumerate(texts)}, options=options)
    shelf.publish({f"{n}.txt": None for n in range(100)}, options=options)
    with shelf.open() as version:
        (segment,) = version.segments.values()
        assert segment.entry.fast is not None
        query = np.ones(16, dtype=np.float32) / 4
        _, rows = segment.vectors.search(query, 50, segment.live)
        assert len(rows) == 50
        assert segment.live[rows].all()
