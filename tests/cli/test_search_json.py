"""The JSON of a search, which applications read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Ended
    from tests.conftest import Workplace

    Cli = Callable[..., Ended]

METADATA = {
    "index",
    "version",
    "document_type",
    "root",
    "page",
    "page_end",
    "headings",
    "language",
    "chunk_strategy",
    "chunk_hash",
    "context",
    "context_enriched",
    "reranked",
    "dense",
    "lexical",
    "fused",
    "preferred",
    "rerank",
    "variant",
    "near_duplicates",
    "also_in",
}


def test_a_chunk_has_its_text_score_and_metadata(library_cli: Cli, library: Workplace) -> None:
    data = library_cli("search", "mechanic", "--top-k", "2", "--json").envelope["data"]
    assert set(data) == {"query", "chunks", "timings_ms", "devices"}
    assert data["devices"] == {}
    assert data["query"] == "mechanic"
    assert len(data["chunks"]) == 2
    best = data["chunks"][0]
    assert set(best) == {"doc_id", "chunk_id", "text", "score", "metadata"}
    assert (best["doc_id"], best["chunk_id"], best["score"]) == ("garage.md", "garage.md#c0000", 1.0)
    assert best["text"] == "Garage\n\nOur mechanic fixed the brakes of both cars before the winter."
    metadata = best["metadata"]
    assert set(metadata) == METADATA
    assert (metadata["index"], metadata["version"]) == ("default/default/algemeen", 1)
    assert (metadata["document_type"], metadata["root"]) == ("algemeen", str(library.docs))
    assert (metadata["headings"], metadata["language"], metadata["page"]) == (["Garage"], "en", None)
    assert (metadata["context"], metadata["context_enriched"]) == ("Garage", False)
    assert (metadata["reranked"], metadata["rerank"], metadata["also_in"]) == (False, None, [])
    assert len(metadata["chunk_hash"]) == 64
    assert all(isinstance(metadata[score], float) for score in ("dense", "lexical", "fused"))


def test_every_place_of_a_passage_is_told(cli: Cli, workplace: Workplace) -> None:
    for name in ("a.txt", "sub/b.txt"):
        workplace.write(name, "Forty-two seals were counted.\n")
    workplace.ingest()
    (chunk,) = cli("search", "seals", "--mode", "text", "--json").envelope["data"]["chunks"]
    assert chunk["doc_id"] == "a.txt"
    assert chunk["metadata"]["also_in"] == [
        {"doc_id": "sub/b.txt", "chunk_id": "sub/b.txt#c0000", "page": None, "root": str(workplace.docs)}
    ]


def test_nothing_found_is_an_empty_list(library_cli: Cli) -> None:
    ended = library_cli("search", "zygote", "--mode", "text", "--json")
    assert (ended.status, ended.envelope["data"]["chunks"]) == (0, [])


def test_filters_are_repeated_and_a_document_says_what_it_knows_of_itself(cli: Cli, workplace: Workplace) -> None:
    report = "---\nauthor: Anna\nlanguage: Klingon\n---\n# Annual report 2023/24\n\nForty-two seals were counted.\n"
    workplace.write("report.md", report)
    workplace.write("note.md", "# Note\n\nForty-three seals were counted.\n")
    workplace.ingest()
    options = ["--filter", "year=2024", "--filter", "path~*.MD", "--mode", "text", "--json"]
    data = cli("search", "seals", *options).envelope["data"]
    assert list(data) == ["query", "filters", "chunks", "timings_ms", "devices"]
    assert data["filters"] == ["year=2024", "path~*.MD"]
    (chunk,) = data["chunks"]
    assert (chunk["doc_id"], chunk["metadata"]["language"]) == ("report.md", "en")
    assert chunk["metadata"].keys() == METADATA | {"author", "period", "years"}
    assert (chunk["metadata"]["author"], chunk["metadata"]["years"]) == ("Anna", [2023, 2024])


def test_a_wrong_filter_is_a_mistake_of_usage(library_cli: Cli) -> None:
    for wrong, expected in (("year", "KEY OP VALUE"), ("colour=red", "colour"), ("n<first", "is a number")):
        ended = library_cli("search", "mechanic", "--mode", "text", "--filter", wrong, "--json")
        assert (ended.status, ended.error["code"]) == (2, "usage")
        assert expected in ended.error["message"]


def test_an_exact_search_of_an_exact_index_is_the_same_search(library_cli: Cli) -> None:
    exact, plain = (library_cli("search", "mechanic", *more, "--json").envelope["data"] for more in (["--exact"], []))
    assert exact["chunks"] == plain["chunks"]


def test_a_reranker_that_is_asked_for_and_is_not_there_is_told(library_cli: Cli) -> None:
    ended = library_cli("search", "mechanic", "--rerank", "--json")
    assert ended.status == 7
    assert "bge-reranker-v2-m3" in ended.error["message"]
    (note,) = library_cli("search", "mechanic", "--json").envelope["warnings"]
    assert note.startswith("not reranked: ")
    assert library_cli("search", "mechanic", "--no-rerank", "--json").envelope["warnings"] == []
