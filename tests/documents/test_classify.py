"""Which profile a document goes to: every shipped type in four languages, look-alikes, and profiles of a user's own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ragfactory.documents.classify import Classification, classify
from ragfactory.documents.model import CELL_SEPARATOR, Document, DocumentBuilder, Table
from ragfactory.profiles import Profile, load_profiles

SHIPPED = [loaded.profile for loaded in load_profiles().values()]
SAMPLES = re.findall(
    r"^=== (\w+) \w\w (\S+)\n(.*?)(?=^=== |\Z)",
    Path(__file__).with_name("classify_samples.txt").read_text(encoding="utf-8"),
    re.MULTILINE | re.DOTALL,
)
PIECE = re.compile(
    r"```\n(?P<code>[^`]*)```|^# (?P<heading>.+)$|^> (?P<turn>.+)$|(?P<table>(?:^.*\|.*\n?)+)|(?P<paragraph>(?:^(?![#>`]).+\n?)+)",
    re.MULTILINE,
)


def document(text: str) -> Document:
    """`# ` starts a heading, `> ` a turn, ` | ` parts the cells of a table row, ``` stands round code, `---` turns the page."""
    builder = DocumentBuilder("txt")
    pages = text.split("\n---\n")
    builder.page_count = len(pages) if len(pages) > 1 else None
    for number, page in enumerate(pages, start=1):
        for piece in PIECE.finditer(page):
            add(builder, str(piece.lastgroup), piece[str(piece.lastgroup)], number if len(pages) > 1 else None)
    return builder.finish()


def add(builder: DocumentBuilder, kind: str, text: str, page: int | None) -> None:
    match kind:
        case "heading":
            builder.heading(text, 1, page=page)
        case "turn":
            builder.turn(text.partition(":")[0].strip(), text, page=page)
        case "table":
            rows = tuple(tuple(line.split(CELL_SEPARATOR)) for line in text.strip().splitlines())
            builder.table(Table(rows, header_rows=1), page=page)
        case "code":
            builder.code(text, page=page)
        case _:
            builder.paragraph(text, page=page)


def shipped(text: str, filename: str = "scan-0001.txt") -> Classification:
    return classify(document(text), filename, SHIPPED)


@pytest.mark.parametrize(("expected", "filename", "text"), SAMPLES, ids=lambda value: value[:24].replace("\n", " "))
def test_a_sample_of_each_type_in_four_languages_and_look_alikes(expected: str, filename: str, text: str) -> None:
    result = shipped(text, filename)
    assert result.type == expected, result
    assert result.evidence
    assert (result.confidence == 0) if expected == "algemeen" else (0.5 < result.confidence <= 1)


def test_evidence_names_keywords_file_name_and_form() -> None:
    text = "# Balans per 31 december 2024\nActiva | 2024\nVlottende activa | 310.400\nEigen vermogen | 902.500\n"
    result = shipped(text, "Jaarrekening_2024.pdf")
    assert result.type == "jaarrekening"
    assert result.evidence == (
        "4 keywords (nl): balans per, activa, vlottende activa, eigen vermogen",
        "file name matches *jaarrekening*",
        "tables: 1, 33% of the words are numbers",
    )


def test_an_undecided_document_says_what_came_closest() -> None:
    result = shipped("Bedankt voor de offerte. Wij bellen u.")
    assert result.type == "algemeen"
    assert result.confidence == 0
    assert "offerte" in result.evidence[0]


def test_a_long_document_with_one_mention_is_not_of_that_type() -> None:
    mention = "De offerte is geldig tot 1 mei, met een stuksprijs excl. btw en een uurtarief, levertijd een week.\n\n"
    assert shipped("Wij wandelden langs het water.\n\n" * 4000 + mention).type == "algemeen"
    assert shipped(mention).type == "offerte"


def test_case_accents_and_punctuation_do_not_matter() -> None:
    plain = "WINST- EN VERLIESREKENING | 2024\nMATERIELE VASTE ACTIVA | 12\nIMMATERIELE VASTE ACTIVA | 10\nVOORZIENINGEN | 8\n"
    assert shipped(plain).type == "jaarrekening"


def test_nothing_to_go_by() -> None:
    assert classify(DocumentBuilder("txt").finish(), "x", SHIPPED).type == "algemeen"
    assert classify(document("Wat een mooie dag."), "x", []) == Classification(
        "algemeen", 0.0, ("undecided: no profile recognises anything in it",)
    )


def test_a_profile_of_the_users_own_takes_part() -> None:
    contract = Profile.model_validate(
        {
            "name": "contract",
            "recognise": {
                "keywords": {"nl": ["overeenkomst", "partijen", "komen overeen", "ontbinding"]},
                "structure": ["headings"],
            },
        }
    )
    text = "# Overeenkomst\nPartijen komen overeen als volgt.\n\n# Ontbinding\nOntbinding geschiedt schriftelijk.\n\n# Slot\n"
    assert classify(document(text), "c.docx", [*SHIPPED, contract]).type == "contract"
    silenced = contract.model_copy(update={"recognise": contract.recognise.model_copy(update={"weight": 0.0})})
    assert classify(document(text), "c.docx", [*SHIPPED, silenced]).type == "algemeen"


def test_two_profiles_that_fit_alike_leave_it_undecided() -> None:
    twins = [
        Profile.model_validate({"name": name, "recognise": {"filenames": ["*order*"]}})
        for name in ("sales", "purchases")
    ]
    result = classify(document("Hallo."), "order 12.txt", twins)
    assert (result.type, result.confidence) == ("algemeen", 0)
    assert "purchases" in result.evidence[0]
    assert "sales" in result.evidence[0]


def test_the_order_of_profiles_does_not_matter() -> None:
    _, filename, text = SAMPLES[0]
    assert classify(document(text), filename, SHIPPED[::-1]) == shipped(text, filename)


def test_only_the_beginning_of_a_huge_document_counts() -> None:
    filler = "Wij wandelden langs het water.\n" * 8000
    assert shipped(filler + "\n```\n" + "x = 1\n" * 200_000 + "```\n", "a.py").type == "algemeen"


def test_numbers_in_columns_without_a_table_still_count_as_figures() -> None:
    text = "# Balans per 31 december 2024\nMateriële vaste activa 1.250 1.310\nEigen vermogen 902 871\nVoorzieningen 12 14\n"
    assert shipped(text).type == "jaarrekening"


def test_small_numbers_in_the_notes_column_of_a_balance_sheet_are_no_ratings() -> None:
    rows = "Balance sheet | Note | 2024\nFixed assets | 1 | 320,000\nCurrent assets | 2 | 145,300\nTotal assets | | 465,300\n"
    assert shipped(rows + "Share capital | 3 | 10,000\nRetained earnings | 4 | 366,900\n").type == "jaarrekening"
