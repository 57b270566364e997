"""The example documents are what their generator makes, add up, and answer the questions that go with them."""

from __future__ import annotations

import html
import importlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
DOCUMENTS = EXAMPLES / "documents"
QUESTIONS = [json.loads(line) for line in (EXAMPLES / "questions.jsonl").read_text(encoding="utf-8").splitlines()]
ACCOUNTS = "jaarrekening/jaarrekening-{}.pdf"


def generator(name: str) -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT)
        return importlib.import_module(f"examples.generate.{name}")


def text_of(path: Path, page: int | None = None) -> str:
    """The text of a file or of one page, in one line."""
    if path.suffix == ".pdf":
        text = pdf_text(path, page)
    elif path.suffix == ".docx":
        text = docx_text(path)
    else:
        text = html.unescape(path.read_text(encoding="cp1252" if path.suffix == ".csv" else "utf-8"))
    return " ".join(text.split())


def pdf_text(path: Path, page: int | None) -> str:
    import pymupdf

    with pymupdf.open(path) as document:
        pages = [sheet.get_text() for sheet in document]
    return "\n".join(pages) if page is None else pages[page - 1]


def docx_text(path: Path) -> str:
    import docx

    document = docx.Document(str(path))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(paragraph.text for paragraph in document.paragraphs), *cells])


def amounts_after(label: str, path: str) -> set[tuple[str, str]]:
    """The two amounts that follow `label` wherever it stands before figures in a document."""
    return set(re.findall(rf"{label} ([\d.]+) ([\d.]+)", text_of(DOCUMENTS / path)))


def test_generating_again_gives_the_committed_documents(tmp_path: Path) -> None:
    generator("__main__").main(tmp_path)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.suffix for path in written} == {".pdf", ".docx", ".csv"}
    for path in written:
        assert text_of(path) == text_of(DOCUMENTS / path.relative_to(tmp_path)), path.name


def test_every_binary_document_has_its_generator() -> None:
    writers = generator("__main__").WRITERS
    committed = {path.relative_to(DOCUMENTS).as_posix() for path in DOCUMENTS.rglob("*") if path.is_file()}
    assert {name for name in committed if name.endswith((".pdf", ".docx", ".csv"))} == set(writers)


def test_the_books_balance_at_the_start_and_end_of_every_year() -> None:
    for books in generator("ledger").books().values():
        for balance in (books.opening, books.closing):
            assert balance.total_assets == balance.total_liabilities


@pytest.mark.parametrize("year", [2023, 2024])
def test_the_printed_balance_sheets_balance(year: int) -> None:
    path = ACCOUNTS.format(year)
    totals = amounts_after("Totaal activa", path)
    assert len(totals) == 1
    assert totals == amounts_after("Totaal passiva", path)


@pytest.mark.parametrize(
    "label",
    ["Totaal activa", "Totaal eigen vermogen", "Totaal vorderingen", "Totaal netto-omzet", "Resultaat na belastingen"],
)
def test_last_years_figures_are_those_of_last_years_accounts(label: str) -> None:
    ((this_year, _),) = amounts_after(label, ACCOUNTS.format(2023))
    ((_, year_before),) = amounts_after(label, ACCOUNTS.format(2024))
    assert year_before == this_year


@pytest.mark.parametrize("year", [2023, 2024])
@pytest.mark.parametrize(
    ("label", "total"),
    [  # a row of a statement with the number of its note, and the total in that note
        ("Vorderingen 3", "Totaal vorderingen"),
        ("Voorraden 2", "Totaal voorraden"),
        ("Liquide middelen 4", "Totaal liquide middelen"),
        ("Kortlopende schulden 8", "Totaal kortlopende schulden"),
        ("Personeelskosten 11", "Totaal personeelskosten"),
        ("Overige bedrijfskosten 12", "Totaal overige bedrijfskosten"),
    ],
)
def test_notes_tie_with_the_statements(year: int, label: str, total: str) -> None:
    path = ACCOUNTS.format(year)
    assert amounts_after(label, path) == amounts_after(total, path) != set()


def test_there_are_questions_in_every_language() -> None:
    assert len(QUESTIONS) >= 45
    assert {question["language"] for question in QUESTIONS} == {"nl", "de", "fr", "en"}
    assert len({question["id"] for question in QUESTIONS}) == len(QUESTIONS)
    assert len({question["query"] for question in QUESTIONS}) == len(QUESTIONS)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["id"])
def test_the_answer_stands_in_every_place_that_is_named(question: dict[str, Any]) -> None:
    assert question["relevant"]
    for place in question["relevant"]:
        path = DOCUMENTS / place["path"]
        assert ("page" in place) == (path.suffix == ".pdf")
        assert question["answer"] in text_of(path, place.get("page")), place


def test_every_document_answers_a_question() -> None:
    asked = {place["path"] for question in QUESTIONS for place in question["relevant"]}
    assert asked == {path.relative_to(DOCUMENTS).as_posix() for path in DOCUMENTS.rglob("*") if path.is_file()}
