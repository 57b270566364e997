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
    "rerank",
    "also_in",
}


def test_a_chunk_has_its_text_score_and_metadata(library_cli: Cli, library: Workplace) -> None:
    data = library_cli("search", "mechanic", "--top-k", "2", "--json").envelope["data"]
    assert set(data) == {"query", "chunks", "timings_ms"}
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
