"""One search after another: memory, and versions that come meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest

from ragfactory.errors import IndexNotFoundError, ModelUnavailableError
from ragfactory.retrieval.embedders import QueryEmbedders
from ragfactory.retrieval.finding import Found, found_of
from ragfactory.retrieval.live import LiveSearch

if TYPE_CHECKING:
    from ragfactory.context.prompt import Prompt
    from ragfactory.retrieval.rewriting.writers import By
    from ragfactory.retrieval.search import Searcher
    from tests.conftest import Workplace


class Finder:
    """Finds, and knows what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, searcher: Searcher, query: str) -> Found:
        self.asked.append(query)
        return found_of(searcher, searcher.search(query), top_k=5)


def test_a_repeated_question_is_answered_from_memory(library: Workplace) -> None:
    finder = Finder()
    with LiveSearch(library.config, None, finder) as live:
        first, other, again = (live.search(query) for query in ("pump", "valve", "pump"))
    assert finder.asked == ["pump", "valve"]
    assert again.result.hits == first.result.hits != other.result.hits
    assert list(again.result.timings_ms) == ["memory", "total"]
    assert "lexical" in first.result.timings_ms


def test_what_a_passing_failure_made_worse_is_not_remembered(library: Workplace) -> None:
    class Flaky:
        by: By = "http"
        answers: ClassVar[list[str | None]] = [None, "which pump broke"]

        def write(self, _prompt: Prompt) -> str:
            if (answer := self.answers.pop(0)) is None:
                raise ModelUnavailableError("no answer within 3 seconds")
            return answer

        def close(self) -> None:
            """There is nothing to let go of."""

    def find(searcher: Searcher, query: str) -> Found:
        return found_of(searcher, searcher.search(query, expand=1, rewriter=Flaky()), top_k=5)

    with LiveSearch(library.config, None, find) as live:
        first, second, third = (live.search("the pump that broke").result for _ in range(3))
    assert (first.degraded, second.degraded) == (True, False)
    assert (first.explanation.rewritten_by, second.explanation.rewritten_by) == ("rules", "http")
    assert list(third.timings_ms) == ["memory", "total"]
    assert third.explanation == second.explanation


def test_a_new_version_and_a_new_index_are_seen_and_empty_the_memory(workplace: Workplace) -> None:
    workplace.write("a.txt", "Forty-two seals were counted.\n")
    workplace.ingest()
    finder = Finder()
    with LiveSearch(workplace.config, None, finder) as live:
        assert [hit.at.doc_id for hit in live.search("seals").result.hits] == ["a.txt"]
        warm = QueryEmbedders([*live.searcher.manifests], workplace.config.models).encode("x")
        workplace.write("b.txt", "Forty-three seals were counted.\n")
        workplace.ingest()
        found = live.search("seals").result.hits
        assert {hit.at.doc_id for hit in found} == {"a.txt", "b.txt"}
        assert {hit.version for hit in found} == {2}
        assert QueryEmbedders([*live.searcher.manifests], workplace.config.models).encode("x").keys() == warm.keys()
        workplace.write("c.md", "Nine seals were counted.\n", root="other")
        workplace.ingest(workplace.path / "other", profile="rapport")
        assert {hit.index.document_type for hit in live.search("seals").result.hits} == {"algemeen", "rapport"}
        assert finder.asked == ["seals"] * 3


def test_without_an_index_there_is_nothing_to_open(workplace: Workplace) -> None:
    with pytest.raises(IndexNotFoundError):
        LiveSearch(workplace.config, None, Finder())
