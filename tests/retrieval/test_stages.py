"""Every stage of a search changes what is found when it is switched on, and says so in the hit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ragfactory.retrieval.results import Mode
from ragfactory.retrieval.search import Searcher

if TYPE_CHECKING:
    from tests.conftest import Workplace

CLAUSE = "The seller warrants that the goods are free of defects for as long as they are used in the way that the manual says."


def test_a_rewriting_finds_what_the_query_does_not(workplace: Workplace) -> None:
    workplace.write("a.md", "Die Rückstellungen der Gesellschaft sind im letzten Jahr stark gestiegen.")
    workplace.write("b.md", "Het weer aan de kust was deze zomer erg wisselvallig en vaak ook koud.")
    workplace.ingest()
    with Searcher.open(workplace.config) as searcher:
        assert searcher.search("voorzieningen", mode=Mode.TEXT).hits == ()
        expanded = searcher.search("voorzieningen", mode=Mode.TEXT, expand=2)
    assert [(hit.at.doc_id, hit.variant) for hit in expanded.hits] == [("a.md", "Rückstellungen")]
    assert expanded.explanation.variants == ("Rückstellungen",)


def test_what_the_query_itself_finds_names_no_rewriting(workplace: Workplace) -> None:
    workplace.write("a.md", "De voorzieningen van de onderneming zijn in het laatste jaar sterk gestegen.")
    workplace.ingest()
    with Searcher.open(workplace.config) as searcher:
        assert [hit.variant for hit in searcher.search("voorzieningen", expand=4).hits] == [None]


@pytest.mark.parametrize("mode", [Mode.TEXT, Mode.HYBRID])
def test_what_the_users_own_words_find_stays_first(workplace: Workplace, mode: Mode) -> None:
    workplace.write("a.md", "De winst over het boekjaar was iets hoger dan die van het jaar ervoor.")
    for n in range(4):
        workplace.write(
            f"{n}.md", f"Aandeel {n} deelt in de winst, zegt artikel {n} van de statuten van de vennootschap."
        )
    workplace.write("z.md", "Le bénéfice a été réparti entre les associés après la clôture des comptes annuels.")
    workplace.ingest()
    with Searcher.open(workplace.config) as searcher:
        plain = searcher.search("winst over het boekjaar", mode=mode).hits[0]
        expanded = searcher.search("winst over het boekjaar", mode=mode, expand=4)
    assert "bénéfice over het boekjaar" in expanded.explanation.variants
    best = expanded.hits[0]
    assert (best.at.doc_id, best.variant, best.score) == ("a.md", None, plain.score)
    assert "z.md" in [hit.at.doc_id for hit in expanded.hits]


def test_near_duplicates_are_one_hit_with_all_places(workplace: Workplace) -> None:
    for name, ending in (("a.txt", ""), ("b.txt", " Thank you."), ("c.txt", " Until 2031.")):
        workplace.write(name, CLAUSE + ending)
    workplace.ingest()
    with Searcher.open(workplace.config) as searcher:
        hits = searcher.search("defects of the goods").hits
    found = {tuple(sorted(at.doc_id for at in (hit.at, *hit.others))): hit.near_duplicates for hit in hits}
    assert found == {("a.txt", "b.txt"): 1, ("c.txt",): 0}


@pytest.mark.parametrize("query", ["pump revenue", "valve of the nursery"])
def test_fusion_by_ranks_gives_other_scores(archive: Searcher, query: str) -> None:
    by_scores = archive.search(query, top_k=50).hits
    by_ranks = archive.search(query, top_k=50, override={"fusion": "ranks"}).hits
    assert {hit.chunk_hash for hit in by_scores} == {hit.chunk_hash for hit in by_ranks}
    assert [hit.fused for hit in by_scores] != [hit.fused for hit in by_ranks]
    assert min(hit.fused or 0.0 for hit in by_ranks) > 0.4  # by rank, the last of nine is not far behind


def test_a_number_in_the_query_makes_words_count_more(archive: Searcher) -> None:
    assert archive.search("pump revenue").explanation.emphasis == 1
    assert archive.search("pump revenue 2023").explanation.emphasis > 1
