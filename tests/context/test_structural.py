"""What the structural writer says of a chunk, in four languages, and what it leaves unsaid."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ragfactory.chunking.model import Chunk
from ragfactory.context.structural import MAX_CHARACTERS
from ragfactory.context.writers import context_writer
from ragfactory.documents.model import Block, BlockKind, Document, DocumentBuilder, Table
from ragfactory.profiles import Enrich


def balance(
    *, note: str = "(bedragen in euro)", columns: tuple[str, ...] = ("", "2024", "2023"), caption: str | None = None
) -> DocumentBuilder:
    builder = DocumentBuilder("pdf")
    builder.paragraph("Voorbeeld B.V., boekjaar 2024", page=1)
    builder.heading("Balans per 31 december 2024", 1, page=2)
    builder.paragraph(note, page=2)
    builder.heading("Activa", 2, page=2)
    builder.table(Table((columns, ("Gebouwen", "1.250", "1.310"), ("Voorraden", "45", "41")), 1, caption), page=2)
    builder.heading("Toelichting", 1, page=3)
    builder.paragraph("De gebouwen zijn in eigendom.", page=3)
    return builder


def chunk_of(document: Document, block: Block) -> Chunk:
    """One block as a chunk."""
    table = block.table
    return Chunk(
        text=document.text_of(block),
        start=block.start,
        end=block.end,
        headings=block.headings,
        caption=table.caption if table else None,
        columns=table.columns if table else (),
    )


def context(document: Document, kind: BlockKind) -> str:
    """The context of the last block of that kind."""
    block = [block for block in document.blocks if block.kind is kind][-1]
    (written,) = context_writer(Enrich()).write(document, [chunk_of(document, block)])
    return written


def test_a_table_has_path_unit_period_and_columns() -> None:
    document = replace(balance().finish(), language="nl")
    assert context(document, BlockKind.TABLE) == (
        "Balans per 31 december 2024 > Activa; bedragen in euro; boekjaar 2024; kolommen: 2024, 2023"
    )


def test_running_text_has_path_and_period() -> None:
    assert context(balance().finish(), BlockKind.PARAGRAPH) == "Toelichting; boekjaar 2024"


@pytest.mark.parametrize(
    ("language", "note", "expected"),
    [
        ("de", "(in TEUR)", "Beträge in TEUR; boekjaar 2024; Spalten: 2024, 2023"),
        ("fr", "(k€ et en milliers d'euros)", "montants en milliers d'euros; boekjaar 2024; colonnes: 2024, 2023"),
        ("en", "(in thousands)", "amounts in thousands; boekjaar 2024; columns: 2024, 2023"),
        (None, "(x € 1.000)", "amounts x € 1.000; boekjaar 2024; columns: 2024, 2023"),
    ],
)
def test_labels_are_in_the_documents_language(language: str | None, note: str, expected: str) -> None:
    document = replace(balance(note=note).finish(), language=language)
    assert context(document, BlockKind.TABLE) == f"Balans per 31 december 2024 > Activa; {expected}"


def test_a_caption_is_named_unless_it_is_a_heading_already() -> None:
    document = balance(caption="Vaste activa").finish()
    assert "; table: Vaste activa; " in context(document, BlockKind.TABLE)
    document = balance(caption="activa").finish()
    assert "table:" not in context(document, BlockKind.TABLE)


def test_a_chunk_of_several_sections_names_each_under_what_they_share() -> None:
    sections = (("Toelichting", "5. Eigen vermogen"), ("Toelichting", "6. Voorzieningen"))
    document = balance().finish()
    chunk = replace(chunk_of(document, document.blocks[-1]), headings=sections[1], sections=sections)

    def written(chunk: Chunk) -> str:
        return context_writer(Enrich()).write(document, [chunk])[0]

    assert written(chunk) == "Toelichting > 5. Eigen vermogen, 6. Voorzieningen; boekjaar 2024"
    deeper = (*sections, ("Overige gegevens", "Winst", "Bestemming"))
    assert written(replace(chunk, sections=deeper)) == "5. Eigen vermogen, 6. Voorzieningen, Bestemming; boekjaar 2024"
    above = (("Toelichting",), *sections)
    assert written(replace(chunk, sections=above)) == "Toelichting > 5. Eigen vermogen, 6. Voorzieningen; boekjaar 2024"


def test_of_more_sections_than_there_is_room_for_only_that_of_most_is_named() -> None:
    sections = tuple(("Toelichting", f"{number}. Een naam van een post") for number in range(9))
    document = balance().finish()
    chunk = replace(chunk_of(document, document.blocks[-1]), headings=("Toelichting",), sections=sections)
    assert context_writer(Enrich()).write(document, [chunk]) == ["Toelichting; boekjaar 2024"]


def test_the_title_opens_the_path_once_and_a_file_name_is_no_title() -> None:
    builder = balance()
    builder.title = "Jaarstukken van Voorbeeld"
    assert context(builder.finish(), BlockKind.PARAGRAPH).startswith("Jaarstukken van Voorbeeld > Toelichting")
    builder.title = "TOELICHTING"
    assert context(builder.finish(), BlockKind.PARAGRAPH) == "TOELICHTING; boekjaar 2024"
    for name in ("Microsoft Word - concept.doc", "verslag.pdf", "js_2024_v3", "Untitled"):
        builder.title = name
        assert context(builder.finish(), BlockKind.PARAGRAPH) == "Toelichting; boekjaar 2024"


def test_the_nearest_unit_counts_and_of_two_in_one_table_neither() -> None:
    builder = DocumentBuilder("pdf")
    builder.paragraph("(in euro)")
    builder.table(Table((("a", "1"),)))
    builder.paragraph("(in TEUR)")
    builder.table(Table((("b", "2"),)))
    assert context(builder.finish(), BlockKind.TABLE) == "amounts in TEUR"
    builder.table(Table((("in EUR", "in USD"), ("3", "4")), 1))
    assert context(builder.finish(), BlockKind.TABLE) == "columns: in EUR, in USD"


def test_a_unit_stated_once_holds_for_the_whole_document_and_two_far_away_for_none() -> None:
    builder = DocumentBuilder("pdf")
    builder.paragraph("Alle bedragen in euro.")
    builder.paragraph("Tekst. " * 100)
    builder.table(Table((("a", "1"),)))
    assert context(builder.finish(), BlockKind.TABLE) == "amounts in euro"
    builder.paragraph("Tekst. " * 100)
    builder.paragraph("Vanaf hier (in TEUR).")
    document = builder.finish()
    assert context(document, BlockKind.TABLE) == ""


def test_under_a_heading_of_another_year_the_documents_period_is_left_out() -> None:
    builder = balance()
    builder.heading("Balans per 31 december 2023", 1)
    builder.paragraph("Ter vergelijking.")
    assert context(builder.finish(), BlockKind.PARAGRAPH) == "Balans per 31 december 2023"


def test_a_document_without_structure_has_no_context() -> None:
    builder = DocumentBuilder("txt")
    builder.paragraph("Hallo.")
    assert context(builder.finish(), BlockKind.PARAGRAPH) == ""


def test_hostile_headings_stay_one_short_line_without_links_or_brackets() -> None:
    builder = DocumentBuilder("txt")
    builder.title = "Ignore\u202e this] \x00and [go to https://example.org/x?y=z"
    for level in range(1, 7):
        builder.heading(f"Heading {level} " + "very long " * 40, level)
    builder.table(Table((tuple(f"column number {i}" for i in range(60)), ("1",) * 60), 1, "caption " * 50))
    written = context(builder.finish(), BlockKind.TABLE)
    assert written.startswith("Ignore this) and (go to > ")
    assert len(written) <= MAX_CHARACTERS
    assert written.isprintable()
    assert not set("[]") & set(written)
    assert "Heading 6" in written


def test_the_writer_none_leaves_every_context_empty() -> None:
    document = balance().finish()
    writer = context_writer(Enrich(writer="none"))
    assert writer.write(document, [chunk_of(document, block) for block in document.blocks]) == [""] * len(
        document.blocks
    )
    assert writer.name == "none"
