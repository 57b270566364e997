from __future__ import annotations

import pytest

from ragfactory.chunking.chunk import chunk_document, size_and_overlap
from ragfactory.documents.model import DocumentBuilder, Table
from ragfactory.errors import ProfileError
from ragfactory.profiles import Chunking


@pytest.fixture
def chunk(tokens):
    def chunk(builder, strategy, size=None, overlap=None, detect=None):
        options = Chunking(strategy=strategy, size=size, overlap=overlap)
        return chunk_document(builder.finish(), options, count_tokens=tokens, detect=detect)

    return chunk


@pytest.fixture
def builder():
    return DocumentBuilder("test")


def texts(chunks):
    return [chunk.text for chunk in chunks]


def balance(rows):
    """The assets side of a Dutch balance sheet, with as many rows as asked for."""
    body = [(f"Materiële vaste activa {i}", f"{i}.577,00", f"{i}.200,00") for i in range(rows)]
    return Table((("Post", "2023", "2022"), *body), header_rows=1, caption="Balans per 31 december 2023")


class TestDefault:
    def test_paragraphs_are_packed_whole(self, builder, chunk):
        for text in ("Eerste alinea.", "Tweede alinea.", "Derde alinea."):
            builder.paragraph(text)
        assert texts(chunk(builder, "default", size=35)) == ["Eerste alinea.\n\nTweede alinea.", "Derde alinea."]

    def test_a_paragraph_over_size_is_cut_at_sentence_ends(self, builder, chunk):
        builder.paragraph("Acme B.V. bezit gebouwen. De waarde is € 1.577,00 per jaar. Meer is er niet.")
        assert texts(chunk(builder, "default", size=40)) == [
            "Acme B.V. bezit gebouwen.",
            "De waarde is € 1.577,00 per jaar.",
            "Meer is er niet.",
        ]

    def test_a_sentence_over_size_is_cut_at_white_space_and_a_word_over_size_anywhere(self, builder, chunk):
        builder.paragraph("een twee drie vier Hottentottententententoonstelling")
        assert texts(chunk(builder, "default", size=13)) == [
            "een twee drie",
            "vier",
            "Hottentottent",
            "entententoons",
            "telling",
        ]

    def test_the_overlap_is_whole_sentences(self, builder, chunk):
        builder.paragraph("Een is klein. Twee is meer. Drie is genoeg.")
        assert texts(chunk(builder, "default", size=30, overlap=15)) == [
            "Een is klein. Twee is meer.",
            "Twee is meer. Drie is genoeg.",
        ]

    def test_a_heading_goes_with_the_text_under_it(self, builder, chunk):
        builder.paragraph("Inleiding van het verslag.")
        builder.heading("Activa", 1)
        builder.heading("Gebouwen", 2)
        builder.paragraph("De gebouwen zijn getaxeerd.")
        first, second = chunk(builder, "default", size=60)
        assert first.text == "Inleiding van het verslag."
        assert second.text == "Activa\n\nGebouwen\n\nDe gebouwen zijn getaxeerd."
        assert (first.headings, second.headings) == ((), ("Activa", "Gebouwen"))


class TestSections:
    """A chunk that holds parts of several sections stands under the heading of most of it."""

    def test_it_begins_with_the_last_words_of_another(self, builder, chunk):
        builder.heading("Toelichting", 1, page=1)
        builder.heading("5. Eigen vermogen", 2, page=1)
        builder.paragraph("Het kapitaal is geplaatst.", page=1)
        builder.heading("6. Voorzieningen", 2, page=1)
        builder.table(balance(4), page=1)
        (only,) = chunk(builder, "page_plus_table_aware")
        assert only.headings == ("Toelichting", "6. Voorzieningen")
        assert only.sections == (("Toelichting", "5. Eigen vermogen"), ("Toelichting", "6. Voorzieningen"))
        assert only.columns == ("Post", "2023", "2022")

    def test_an_overlap_does_not_count(self, builder, chunk):
        builder.heading("4. Liquide middelen", 1, page=1)
        builder.paragraph(
            "De kas. " * 20 + "De bank heeft meer geld dan de kas, en dat blijft zo, ook volgend jaar.", page=1
        )
        builder.heading("5. Eigen vermogen", 1, page=1)
        builder.table(Table((("Post", "2023"), ("Kapitaal", "1.000")), header_rows=1), page=1)
        *_, last = chunk(builder, "page_plus_table_aware", size=240, overlap=90)
        assert last.text.startswith("De kas. De kas. De bank heeft meer geld")
        assert (last.headings, last.sections) == (("5. Eigen vermogen",), (("5. Eigen vermogen",),))

    def test_it_has_the_columns_of_the_table_in_its_section(self, builder, chunk):
        builder.heading("1. Voorraden", 1, page=1)
        builder.table(Table((("Winkel", "2024"), ("Brood", "1")), header_rows=1), page=1)
        builder.heading("2. Vorderingen", 1, page=1)
        builder.table(balance(4), page=1)
        (only,) = chunk(builder, "page_plus_table_aware")
        assert (only.headings, only.columns) == (("2. Vorderingen",), ("Post", "2023", "2022"))

    def test_where_none_holds_over_half_the_heading_over_all_of_them_does(self, builder, chunk):
        builder.heading("Toelichting", 1)
        for number in (1, 2, 3):
            builder.heading(f"Post {number}", 2)
            builder.paragraph("Tien woorden over een post van de balans, en niet meer.")
        (only,) = chunk(builder, "default")
        assert only.headings == ("Toelichting",)
        assert only.sections == tuple(("Toelichting", f"Post {number}") for number in (1, 2, 3))


class TestPagePlusTableAware:
    def test_a_chunk_ends_where_its_page_does(self, builder, chunk):
        builder.paragraph("Op de eerste bladzijde.", page=1)
        builder.paragraph("Loopt door.", page=1, page_end=2)
        builder.paragraph("Op de tweede.", page=2)
        builder.paragraph("Op de derde.", page=3)
        first, second = chunk(builder, "page_plus_table_aware")
        assert (first.page, first.page_end, second.page, second.page_end) == (1, 2, 3, 3)
        assert second.text == "Op de derde."

    def test_a_table_over_size_is_whole_with_its_heading_and_caption(self, builder, chunk):
        builder.paragraph("Hieronder staat de balans.", page=1)
        builder.heading("Balans", 1, page=1)
        builder.caption("Balans per 31 december 2023", page=1)
        builder.table(balance(10), page=1)
        text, table = chunk(builder, "page_plus_table_aware", size=200, overlap=0)
        assert text.text == "Hieronder staat de balans."
        assert table.text.startswith("Balans\n\nBalans per 31 december 2023\n\nPost | 2023 | 2022\n")
        assert table.text.endswith("Materiële vaste activa 9 | 9.577,00 | 9.200,00")
        assert (table.caption, table.columns) == ("Balans per 31 december 2023", ("Post", "2023", "2022"))

    def test_a_table_far_over_size_is_cut_between_rows(self, builder, chunk):
        builder.table(balance(30), page=1)
        chunks = chunk(builder, "page_plus_table_aware", size=200, overlap=0)
        assert len(chunks) > 4
        assert all(len(c.text) <= 200 for c in chunks)
        assert {c.prefix for c in chunks[1:]} == {"Balans per 31 december 2023\nPost | 2023 | 2022\n"}


class TestTableAware:
    def test_a_table_cut_in_two_repeats_its_caption_and_column_heads(self, builder, chunk):
        builder.table(balance(4))
        first, second = chunk(builder, "table_aware", size=150, overlap=0)
        assert first.text == (
            "Post | 2023 | 2022\n"
            "Materiële vaste activa 0 | 0.577,00 | 0.200,00\n"
            "Materiële vaste activa 1 | 1.577,00 | 1.200,00"
        )
        assert second.text == (
            "Balans per 31 december 2023\n"
            "Post | 2023 | 2022\n"
            "Materiële vaste activa 2 | 2.577,00 | 2.200,00\n"
            "Materiële vaste activa 3 | 3.577,00 | 3.200,00"
        )

    def test_the_overlap_is_whole_rows(self, builder, chunk):
        builder.table(balance(4))
        chunks = chunk(builder, "table_aware", size=150, overlap=50)
        rows = [[line.split(" | ")[0] for line in c.text.splitlines() if "activa" in line] for c in chunks]
        assert [[row[-1] for row in names] for names in rows] == [["0", "1"], ["1", "2"], ["2", "3"]]

    def test_a_large_table_has_its_chunks_to_itself_and_a_small_one_shares(self, builder, chunk):
        builder.paragraph("Toelichting vooraf.")
        builder.heading("Balans", 1)
        builder.table(balance(10))
        builder.paragraph("Toelichting achteraf.")
        builder.table(balance(1))
        first, *tables, last = chunk(builder, "table_aware", size=200, overlap=0)
        assert first.text == "Toelichting vooraf."
        assert tables[0].text.startswith("Balans\n\nPost")
        assert not any("Toelichting" in c.text for c in tables)
        assert last.text.startswith("Toelichting achteraf.\n\nPost")

    def test_heads_that_would_fill_half_a_chunk_are_not_repeated(self, builder, chunk):
        wide = tuple(f"kolom {i}" for i in range(10))
        builder.table(Table((wide, *(("1",) * 10 for _ in range(6))), header_rows=1))
        assert {c.prefix for c in chunk(builder, "table_aware", size=110, overlap=0)} == {""}


class TestSemanticSections:
    def test_a_section_that_fits_is_a_chunk_with_its_subsections(self, builder, chunk):
        builder.heading("Activa", 1)
        builder.paragraph("De activa bestaan uit twee posten. " * 2)
        builder.heading("Gebouwen", 2)
        builder.paragraph("De gebouwen.")
        builder.heading("Passiva", 1)
        builder.paragraph("De passiva bestaan uit schulden. " * 4)
        first, second = chunk(builder, "semantic_sections", size=160)
        assert first.text.startswith("Activa")
        assert first.text.endswith("De gebouwen.")
        assert second.text.startswith("Passiva")
        assert (first.headings, second.headings) == (("Activa",), ("Passiva",))

    def test_a_section_over_size_is_cut_at_its_subsections(self, builder, chunk):
        builder.heading("Activa", 1)
        for name in ("Gebouwen", "Terreinen", "Machines"):
            builder.heading(name, 2)
            builder.paragraph(f"De {name.lower()} zijn gewaardeerd op kostprijs. " * 2)
        chunks = chunk(builder, "semantic_sections", size=140)
        assert [c.headings for c in chunks] == [("Activa", "Gebouwen"), ("Activa", "Terreinen"), ("Activa", "Machines")]
        assert chunks[0].text.startswith("Activa\n\nGebouwen\n\nDe gebouwen")

    def test_tiny_sections_are_joined_under_one_parent_only(self, builder, chunk):
        builder.heading("Vragen", 1)
        builder.heading("Waarom?", 2)
        builder.paragraph("Omdat het moet. " * 8)
        builder.heading("Wat?", 2)
        builder.paragraph("Dit.")
        builder.heading("Waar?", 2)
        builder.paragraph("Hier.")
        builder.heading("Slot", 1)
        builder.paragraph("Klaar.")
        _, *tiny = chunk(builder, "semantic_sections", size=160)
        assert texts(tiny) == ["Wat?\n\nDit.\n\nWaar?\n\nHier.", "Slot\n\nKlaar."]


class TestConversationTurns:
    def test_a_question_stays_with_its_answer(self, builder, chunk):
        builder.turn("Coach", "Coach: Fijn dat je er bent.")
        builder.turn("Coach", "Coach: Hoe ging het?")
        builder.turn("Anna", "Anna: Goed, ik heb geoefend.")
        assert texts(chunk(builder, "conversation_turns", size=60)) == [
            "Coach: Fijn dat je er bent.",
            "Coach: Hoe ging het?\n\nAnna: Goed, ik heb geoefend.",
        ]

    def test_a_turn_is_cut_only_when_it_is_over_size(self, builder, chunk):
        builder.turn("Anna", "Anna: Kort. En nog iets.")
        builder.turn("Bert", "Bert: Dit is een heel lang verhaal. Het gaat maar door. Nu is het uit.")
        assert texts(chunk(builder, "conversation_turns", size=40)) == [
            "Anna: Kort. En nog iets.",
            "Bert: Dit is een heel lang verhaal.",
            "Het gaat maar door. Nu is het uit.",
        ]

    def test_without_turns_paragraphs_are_packed(self, builder, chunk):
        builder.paragraph("Geen gesprek.")
        builder.paragraph("Wel een alinea.")
        assert texts(chunk(builder, "conversation_turns", size=20)) == ["Geen gesprek.", "Wel een alinea."]


class TestWindows:
    def test_words_slide_over_the_text(self, builder, chunk):
        builder.paragraph("een twee drie vier vijf")
        builder.paragraph("zes zeven")
        assert texts(chunk(builder, "words", size=4, overlap=1)) == ["een twee drie vier", "vier vijf\n\nzes zeven"]

    def test_tokens_are_those_of_the_embedder(self, builder, chunk, tokens):
        builder.paragraph("Materiële vaste activa worden gewaardeerd tegen verkrijgingsprijs. " * 20)
        chunks = chunk(builder, "tokens", size=30, overlap=5)
        counts = [len(tokens.offsets(c.text)) for c in chunks]
        assert max(counts) <= 30
        assert min(counts[:-1]) > 15

    def test_a_word_over_size_in_tokens_is_cut_between_its_tokens(self, builder, chunk, tokens):
        word = "verkrijgingsprijswaarderingsgrondslagen"
        builder.paragraph(word)
        chunks = chunk(builder, "tokens", size=5, overlap=0)
        assert "".join(texts(chunks)) == word
        assert {c.end for c in chunks} <= {end for _, end in tokens.offsets(word)}


class TestCode:
    def test_functions_are_kept_whole(self, builder, chunk):
        functions = [f"def {name}(x):\n    y = x + 1\n    return y" for name in "abc"]
        for function in functions:
            builder.code(function)
        assert texts(chunk(builder, "code", size=35, overlap=0)) == ["\n\n".join(functions[:2]), functions[2]]

    def test_a_function_over_size_is_cut_at_blank_lines_then_at_line_ends(self, builder, chunk):
        builder.code("def f(x):\n    y = x + 1\n    y = y + 2\n\n    z = y + 3\n    return z")
        assert texts(chunk(builder, "code", size=20, overlap=0)) == [
            "def f(x):\n    y = x + 1\n    y = y + 2",
            "z = y + 3\n    return z",
        ]


class TestLanguage:
    def test_each_chunk_is_detected_by_itself(self, builder, chunk):
        builder.paragraph("Het huis is groot.")
        builder.paragraph("Das Haus ist groß.")
        chunks = chunk(builder, "default", size=20, detect=lambda text: "nl" if "Het" in text else "de")
        assert [c.language for c in chunks] == ["nl", "de"]

    def test_without_a_detector_there_is_no_language(self, builder, chunk):
        builder.paragraph("Het huis is groot.")
        assert chunk(builder, "default")[0].language is None


class TestSizeAndOverlap:
    def test_an_empty_document_has_no_chunks(self, builder, chunk):
        assert chunk(builder, "default") == []

    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            (Chunking(strategy="table_aware"), (1000, 100)),
            (Chunking(strategy="table_aware", size=2000), (2000, 100)),
            (Chunking(strategy="table_aware", size=100), (100, 10)),
            (Chunking(strategy="table_aware", overlap=400), (1000, 400)),
        ],
    )
    def test_defaults(self, options, expected):
        assert size_and_overlap(options) == expected

    def test_an_overlap_over_the_default_size_is_refused(self):
        with pytest.raises(ProfileError, match="expected less than the size, 500 words, got 500"):
            size_and_overlap(Chunking(strategy="words", overlap=500))
