"""Accelerators: the recall they are built for and what is said of it, rows that do not count, and when search stays exact."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ragfactory.errors import DamagedIndexError
from ragfactory.profiles import Index
from ragfactory.store.fast import FAST_FROM, build_fast, kind_for, worth_it
from ragfactory.store.recall import Recall
from ragfactory.store.vectors import Codec, VectorFile, write_index

if TYPE_CHECKING:
    from ragfactory.store.fast import Kind
    from ragfactory.store.records import FastEntry

ROWS, DIMENSION, TOPICS = 4000, 32, 40
KINDS: tuple[Kind, ...] = ("ivf", "hnsw", "rabitq")
LOW: dict[Kind, Index] = {
    "ivf": Index(nprobe=1, refine=1),
    "hnsw": Index(ef_search=10, m=4),
    "rabitq": Index(nprobe=1, refine=1),
}
ALL = np.ones(ROWS, dtype=np.bool_)


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def passages(rows: int, dimension: int, seed: int = 3) -> np.ndarray:
    """Unit vectors around topics, as embedded passages lie."""
    random = np.random.default_rng(seed)
    topics = random.standard_normal((TOPICS, dimension))
    return unit(topics[random.integers(0, TOPICS, rows)] + random.standard_normal((rows, dimension)))


VECTORS = passages(ROWS, DIMENSION)
QUERIES = unit(VECTORS[:50] + 0.5 * VECTORS[50:100])


def stored(folder: Path, vectors: np.ndarray, precision: str = "bf16") -> VectorFile:
    codec = Codec(vectors.shape[1], precision)
    path = folder / f"vectors-{precision}-{len(vectors)}.faiss"
    write_index(path, codec, codec.encode(vectors))
    return VectorFile.at(path, len(vectors), codec)


@dataclass(frozen=True)
class Built:
    """An accelerator of the passages, and the vectors opened with it."""

    path: Path
    exact: VectorFile
    entry: FastEntry

    @property
    def vectors(self) -> VectorFile:
        return VectorFile.at(self.exact.path, self.exact.rows, self.exact.codec, (self.path, self.entry))


def build(path: Path, exact: VectorFile, kind: Kind, options: Index) -> Built:
    entry = build_fast(path, exact, kind, options)
    assert entry is not None
    assert entry.kind == kind
    return Built(path, exact, entry)


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory) -> VectorFile:
    return stored(tmp_path_factory.mktemp("exact"), VECTORS)


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory, exact: VectorFile, kind: Kind) -> Built:
    """Built to find 95 of 100."""
    return build(tmp_path_factory.mktemp("tuned") / "fast.faiss", exact, kind, Index(recall=0.95))


@pytest.fixture(scope="module")
def low(tmp_path_factory: pytest.TempPathFactory, exact: VectorFile, kind: Kind) -> Built:
    """Pinned to settings that miss much, so that one sees whether the accelerator was used."""
    return build(tmp_path_factory.mktemp("low") / "fast.faiss", exact, kind, LOW[kind])


def all_scores(query: np.ndarray, live: np.ndarray = ALL) -> np.ndarray:
    codec = Codec(DIMENSION, "bf16")
    return np.where(live, codec.decode(codec.encode(VECTORS)) @ query, -np.inf)


def nearest(query: np.ndarray, k: int, live: np.ndarray = ALL) -> list[int]:
    """The rows that brute force finds, best first."""
    return np.argsort(-all_scores(query, live), kind="stable")[: min(k, live.sum())].tolist()


def found(vectors: VectorFile, k: int = 10, live: np.ndarray = ALL) -> float:
    """Recall of the queries against brute force."""
    hits = [set(vectors.search(query, k, live)[1].tolist()) & set(nearest(query, k, live)) for query in QUERIES]
    return sum(map(len, hits)) / (k * len(QUERIES))


def measured(built: Built) -> float:
    """The recall of an accelerator as its entry should say it."""
    recall, vectors, hits = Recall.of(built.exact), built.vectors, 0
    for query, row in zip(recall.queries, recall.left_out, strict=True):
        live = ALL.copy()
        live[row] = False
        scores = all_scores(query, live)
        hits += (scores[vectors.search(query, 10, live)[1]] >= np.sort(scores)[-10] - 1e-6).sum()
    return hits / (10 * len(recall.queries))


def test_the_recall_that_was_asked_for_is_reached_and_what_is_said_of_it_is_true(tuned: Built) -> None:
    assert tuned.entry.recall >= 0.95
    assert tuned.entry.queries == 200
    assert measured(tuned) == pytest.approx(tuned.entry.recall)
    assert found(tuned.vectors) > 0.9


def test_settings_that_a_profile_gives_are_kept_and_their_recall_is_measured(low: Built, kind: Kind) -> None:
    given = LOW[kind].model_dump(include={"nprobe", "refine", "ef_search"}, exclude_none=True)
    assert low.entry.search == given
    assert low.entry.recall < 0.95
    assert measured(low) == pytest.approx(low.entry.recall)


def test_a_setting_that_was_left_out_is_tuned_beside_one_that_was_given(tmp_path: Path, exact: VectorFile) -> None:
    built = build(tmp_path / "fast.faiss", exact, "rabitq", Index(refine=12, nlist=50, recall=0.9))
    assert built.entry.build == {"nlist": 50}
    assert built.entry.search["refine"] == 12
    assert built.entry.recall >= 0.9


def test_an_accelerator_that_cannot_reach_the_recall_is_not_kept(tmp_path: Path) -> None:
    crowded = stored(tmp_path, passages(4000, 4))  # four bits in one list tell 16 groups of rows apart
    assert build_fast(tmp_path / "fast.faiss", crowded, "rabitq", Index(recall=1, nlist=1)) is None
    assert not (tmp_path / "fast.faiss").exists()


def test_scores_are_those_of_the_exact_vectors(tuned: Built) -> None:
    scores, rows = tuned.vectors.search(QUERIES[0], 10, ALL)
    np.testing.assert_allclose(scores, tuned.exact.scores(QUERIES[0], rows), atol=1e-6)
    assert (np.diff(scores) <= 0).all()


def test_asked_for_exact_search_it_is_that(low: Built) -> None:
    assert found(low.vectors) < 0.95
    for query in QUERIES:
        assert low.vectors.search(query, 10, ALL, exact=True)[1].tolist() == nearest(query, 10)


@pytest.mark.parametrize("share", [0.12, 0.5, 0.9])
@pytest.mark.parametrize("together", [False, True])
def test_rows_that_do_not_count_never_come_out_and_cost_no_recall(tuned: Built, share: float, together: bool) -> None:
    random = np.random.default_rng(1)
    order = VECTORS @ VECTORS[0] if together else random.random(ROWS)
    live = order <= np.quantile(order, share)
    for query in QUERIES:
        rows = tuned.vectors.search(query, 25, live)[1]
        assert len(rows) == 25
        assert live[rows].all()
    assert found(tuned.vectors, live=live) > 0.9


def test_the_few_rows_that_a_filter_leaves_are_all_found(low: Built) -> None:
    few = np.zeros_like(ALL)
    few[[1, 2000, 3999]] = True
    assert low.vectors.search(QUERIES[0], 10, few)[1].tolist() == nearest(QUERIES[0], 10, few)
    assert len(low.vectors.search(QUERIES[0], 10, np.zeros_like(ALL))[1]) == 0


@pytest.mark.parametrize("kind", ["ivf", "rabitq"], scope="module")
def test_search_is_exact_where_the_accelerator_finds_too_few(low: Built) -> None:
    scores, _ = low.vectors.search(QUERIES[0], 3000, ALL)
    np.testing.assert_allclose(scores, np.sort(all_scores(QUERIES[0]))[::-1][:3000], atol=1e-6)


def test_no_more_than_the_live_rows_come_out(tuned: Built) -> None:
    live = np.arange(ROWS) % 4 > 0
    rows = tuned.vectors.search(QUERIES[0], 10_000, live)[1]
    assert sorted(rows.tolist()) == np.flatnonzero(live).tolist()


@pytest.mark.parametrize("kind", ["ivf", "rabitq"], scope="module")
def test_building_again_gives_the_same_file(tmp_path: Path, exact: VectorFile, kind: Kind) -> None:
    first = build(tmp_path / "first.faiss", exact, kind, Index())
    second = build(tmp_path / "second.faiss", exact, kind, Index())
    assert first.entry == second.entry
    assert first.path.read_bytes() == second.path.read_bytes()


def test_vectors_of_32_bits_can_have_an_accelerator_too(tmp_path: Path, kind: Kind) -> None:
    wide = stored(tmp_path, VECTORS[:1000], "float32")
    built = build(tmp_path / "fast.faiss", wide, kind, Index(recall=0.9))
    assert built.entry.recall >= 0.9


def test_codes_take_a_byte_or_a_bit_a_number_and_a_graph_its_links_alone(tmp_path: Path) -> None:
    wide = stored(tmp_path, passages(2000, 256))
    sizes = {}
    for kind in KINDS:
        built = build(tmp_path / kind, wide, kind, Index(m=8, nlist=16, recall=0.1))
        sizes[kind] = built.path.stat().st_size / 2000
    assert 256 < sizes["ivf"] < 300
    assert 256 / 8 < sizes["rabitq"] < 70
    assert 2 * 8 * 4 < sizes["hnsw"] < 120


def test_opened_files_are_searched_after_their_removal_and_can_be_let_go_of(tmp_path: Path, low: Built) -> None:
    copy = tmp_path / "fast.faiss"
    copy.write_bytes(low.path.read_bytes())
    opened = [Built(copy, low.exact, low.entry).vectors for _ in range(5)]
    copy.unlink()
    while opened:
        opened.pop()
        gc.collect()
        for vectors in opened:
            assert len(vectors.search(QUERIES[0], 10, ALL)[1]) == 10


def test_a_file_that_does_not_fit_the_vectors_is_damage(tmp_path: Path, low: Built) -> None:
    other = stored(tmp_path, VECTORS[:3000])
    with pytest.raises(DamagedIndexError, match="3000 vectors expected, found 4000"):
        Built(low.path, other, low.entry).vectors.open()
    broken = tmp_path / "fast.faiss"
    broken.write_bytes(low.path.read_bytes()[:-5000])
    with pytest.raises(DamagedIndexError, match=r"fast\.faiss"):
        Built(broken, low.exact, low.entry).vectors.open()


def test_a_full_disk_is_noticed(exact: VectorFile, kind: Kind) -> None:
    with pytest.raises(OSError, match="No space left"):
        build_fast(Path("/dev/full"), exact, kind, Index())


@pytest.mark.parametrize(
    ("asked", "rows", "expected"),
    [
        ("auto", FAST_FROM, None),
        ("auto", FAST_FROM + 1, "rabitq"),
        ("exact", 10_000_000, None),
        ("flat", 10_000_000, None),
        ("ivf", 1000, "ivf"),
        ("hnsw", 1000, "hnsw"),
        ("rabitq", 1000, "rabitq"),
    ],
)
def test_the_kind_follows_from_the_profile_and_the_size(asked: str, rows: int, expected: Kind | None) -> None:
    assert kind_for(Index(kind=asked), rows) == expected


def test_small_segments_are_searched_exactly() -> None:
    assert not worth_it(9_999)
    assert worth_it(10_000)
