"""Years, types and names in a query, as the documents have them; and what they do to a search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ragfactory.retrieval.filters import parse_filter
from ragfactory.retrieval.results import Mode
from ragfactory.retrieval.search import Searcher

if TYPE_CHECKING:
    from ragfactory.retrieval.results import SearchResult
    from tests.conftest import Workplace

LETTER = "Beste lezer, de camping had dit jaar een mooie omzet en de gasten waren tevreden over alles."


def understood(searcher: Searcher, query: str) -> list[tuple[str, str]]:
    return [(entry.kind, entry.value) for entry in searcher.search(query, mode=Mode.TEXT).explanation.understood]


def paths(result: SearchResult) -> list[str]:
    return [hit.at.doc_id for hit in result.hits]


def test_years_and_names_of_the_metadata_are_understood(archive: Searcher) -> None:
    assert understood(archive, "revenue in 2023 by ANNA") == [("year", "2023"), ("name", "anna")]
    assert understood(archive, "revenue in 2019 by Annabel") == []
    assert understood(archive, "12023 pumps, 20233") == []


def test_what_is_said_twice_is_understood_once(archive: Searcher) -> None:
    assert understood(archive, "Anna, revenue of 2023 by Anna, 2023") == [("year", "2023"), ("name", "anna")]


def test_no_word_of_a_type_is_taken_for_a_name(own_library: Workplace) -> None:
    own_library.write("session.md", "The wind was strong along the coast, and the harbour stayed closed.")
    own_library.ingest()
    with Searcher.open(own_library.config) as searcher:
        assert ("name", "session") in understood(searcher, "wind in the session")
        assert understood(searcher, "the coaching session") == [("type", "coaching_chat")]


def test_documents_of_the_name_are_preferred(archive: Searcher) -> None:
    with_name = archive.search("revenue Bob", top_k=50)
    assert all(hit.preferred is not None and hit.score == hit.preferred for hit in with_name.hits)
    without = archive.search("revenue Bob", top_k=50, override={"preference": 0.0})
    assert all(hit.preferred is None for hit in without.hits)
    of_name = {hit.chunk_hash for hit in archive.search("revenue Bob", top_k=50, strict=True).hits}

    def ranks(result: SearchResult) -> list[int]:
        return [rank for rank, hit in enumerate(result.hits) if hit.chunk_hash in of_name]

    assert sum(ranks(with_name)) < sum(ranks(without))
    assert len(with_name.hits) == len(without.hits) > len(of_name)


def test_an_explanation_says_whether_what_was_understood_was_used(archive: Searcher) -> None:
    def use(**options: Any) -> str | None:
        result = archive.search("revenue Bob 2023", **options)
        assert result.explanation.understood
        return result.explanation.use

    assert use() == "preferred"
    assert use(strict=True) == use(strict=True, mode=Mode.TEXT) == "strict"
    assert use(mode=Mode.TEXT) is use(mode=Mode.DENSE) is use(override={"preference": 0.0}) is None
    assert archive.search("revenue 2023", mode=Mode.DENSE).explanation.emphasis == 1


def test_strict_keeps_to_what_was_understood(archive: Searcher) -> None:
    hits = archive.search("pump 2024 Bob", top_k=50, strict=True).hits
    assert all("reports/2024.PDF" in {at.doc_id for at in (hit.at, *hit.others)} for hit in hits)
    assert len(hits) == 3
    everything = archive.search("pump", top_k=50).hits
    assert len(archive.search("pump", top_k=50, strict=True).hits) == len(everything)


def test_what_leaves_no_passage_is_said(archive: Searcher) -> None:
    nothing = archive.search("pump 2024 Anna", strict=True)
    assert nothing.hits == ()
    assert "--strict: no document is of all that the query names: year 2024, name anna" in nothing.notes
    conditions = [parse_filter("year=1871")]
    filtered = archive.search("pump", filters=conditions)
    assert (filtered.hits, filtered.notes[-1]) == ((), "no passage holds to the filter")
    assert (
        archive.search("pump 2024 Anna", strict=True, filters=conditions)
        .notes[-1]
        .endswith(" and holds to the filters")
    )


def test_strict_keeps_a_shared_passage_only_for_a_document_that_meets_everything(archive: Searcher) -> None:
    """The colophon stands in a report of 2024 by Bob, one of 2023 by Anna, and a note by Anna."""

    def found(query: str, *filters: str) -> list[str]:
        conditions = [parse_filter(text) for text in filters]
        hits = archive.search(query, mode=Mode.TEXT, strict=True, filters=conditions).hits
        return [hit.at.doc_id for hit in hits if hit.chunk.text.startswith("Copyright")]

    assert found("copyright 2024 Bob") == ["reports/2024.PDF"]
    assert found("copyright 2023 Anna") == ["reports/2023.pdf"]
    assert found("copyright 2024 Anna") == [], "no document is of 2024 and by Anna"
    assert found("copyright 2024", "author=Anna") == []
    assert found("copyright 2024", "page=12") == [], "page 12 is that of another document"
    assert found("copyright 2024", "page=30") == ["reports/2024.PDF"]
    assert found("copyright Anna", "year!=2023") == ["notes/crèche.md"]


@pytest.mark.parametrize("asked", ["omzet van Camping de Brem", "omzet camping de brem b.v."])
def test_a_company_in_a_file_name_is_understood(workplace: Workplace, asked: str) -> None:
    for n, name in enumerate(("camping-de-brem", "hotel-de-zon", "huis-aan-zee", "de-oude-molen")):
        workplace.write(f"brief_2023_{name}.txt", f"{LETTER} Wij telden {100 + n} nachten.")
    workplace.ingest()
    with Searcher.open(workplace.config) as searcher:
        found = searcher.search(asked)
        strict = searcher.search(asked, strict=True)
    assert [(e.kind, e.value, e.documents) for e in found.explanation.understood] == [("name", "camping de brem", 1)]
    assert len(found.hits) == 4
    assert paths(found)[0] == paths(strict)[0] == "brief_2023_camping-de-brem.txt"
    assert len(strict.hits) == 1


def test_a_type_is_understood_by_its_name_where_there_are_several(library: Workplace) -> None:
    with Searcher.open(library.config) as searcher:
        assert ("type", "coaching_chat") in understood(searcher, "what was agreed in the coaching session")
        hits = searcher.search("part in the coaching session", strict=True, top_k=50).hits
    assert {hit.index.document_type for hit in hits} == {"coaching_chat"}


def test_a_document_that_names_no_year_is_not_put_behind_for_it(archive: Searcher) -> None:
    hits = archive.search("valve 2023", top_k=50).hits
    undated = next(hit for hit in hits if hit.at.doc_id == "notes/empty.md")
    of_another_name = next(
        hit for hit in archive.search("valve Bob", top_k=50).hits if hit.at.doc_id == "notes/empty.md"
    )
    assert undated.preferred is not None
    assert undated.fused is not None
    assert undated.preferred >= undated.fused
    assert (of_another_name.preferred or 0.0) < (of_another_name.fused or 0.0)


def test_names_of_another_tenant_are_not_known(workplace: Workplace) -> None:
    own = workplace.config
    for tenant, name in (("acme", "camping-de-brem"), ("default", "hotel-de-zon")):
        workplace.config = own.model_copy(update={"tenant": tenant})
        workplace.write(f"brief_2023_{name}.txt", f"{LETTER} Dit schreef {name}.", root=tenant)
        workplace.ingest(workplace.path / tenant)
    with Searcher.open(own) as searcher:
        assert understood(searcher, "de brieven van Hotel de Zon") == [("name", "hotel de zon")]
        assert understood(searcher, "de brieven van Camping de Brem") == []
