"""What holds for every strategy, whatever the document, the size and the overlap."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragfactory.chunking.chunk import chunk_document
from ragfactory.chunking.strategies import STRATEGIES
from ragfactory.documents.model import BlockKind, Document, DocumentBuilder, Table
from ragfactory.profiles import Chunking

every_strategy = pytest.mark.parametrize("name", list(STRATEGIES))
thorough = settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

WORDS = ["De", "gebouwen", "van", "Acme", "B.V.", "zijn", "€", "1.577,00", "waard.", "Waarom?", "z.B.", "naïef", "é", "中文",
         "…", "(zie", "blz.", "3)", "x" * 37, "kapitaalverstrekkers,", "a-b-c-d-e-f-g-h", "!!!"]  # fmt: skip
texts = st.lists(st.sampled_from([*WORDS, "\n", "\n\n", "   "]), min_size=1, max_size=25).map(" ".join)
titles = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
rows = st.lists(st.lists(titles, min_size=2, max_size=3), min_size=1, max_size=8)
parts = st.one_of(
    st.tuples(st.just("heading"), titles, st.integers(1, 4)),
    st.tuples(st.just("paragraph"), texts),
    st.tuples(st.just("list_items"), st.lists(texts, min_size=1, max_size=4)),
    st.tuples(st.just("table"), st.builds(Table, rows, st.integers(0, 2), st.none() | titles)),
    st.tuples(st.just("caption"), titles),
    st.tuples(st.just("turn"), st.sampled_from(["Anna", "Bert", None]), texts),
    st.tuples(st.just("code"), texts.map(lambda text: "def f():\n    " + text)),
)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """A few blocks of any kind, each on the page of the one before it or a later one, or all without pages."""
    paged = draw(st.booleans())
    builder = DocumentBuilder("test")
    page = 1
    for part, *content in draw(st.lists(parts, max_size=12)):
        page += draw(st.sampled_from([0, 0, 1]))
        pages = {"page": page} if paged else {}
        if paged and part in {"paragraph", "list_items", "table"}:
            pages["page_end"] = page = page + draw(st.sampled_from([0, 0, 1]))
        getattr(builder, part)(*content, **pages)
    return builder.finish()


@st.composite
def limits(draw: st.DrawFn) -> tuple[int, int]:
    size = draw(st.integers(1, 30) | st.integers(1, 400))
    return size, draw(st.integers(0, size - 1))


def options_for(name, limit):
    size, overlap = limit
    return Chunking(strategy=name, size=size, overlap=overlap)


def ends_of(name, text, tokens):
    """The offsets where the text's units end, found without the code under test."""
    measure = STRATEGIES[name].measure
    if measure == "characters":
        return [i + 1 for i in range(len(text))]
    if measure == "words":
        return [i + 1 for i, (c, after) in enumerate(pairwise(text + " ")) if not c.isspace() and after.isspace()]
    return [end for _, end in tokens.offsets(text)]


def splits_a_word(text, offset):
    return 0 < offset < len(text) and not text[offset - 1].isspace() and not text[offset].isspace()


def blocks_of(document, chunk):
    return [block for block in document.blocks if block.start < chunk.end and block.end > chunk.start]


@every_strategy
@thorough
@given(document=documents(), limit=limits())
def test_no_text_is_lost_and_order_is_kept(name, tokens, document, limit):
    chunks = chunk_document(document, options_for(name, limit), count_tokens=tokens)
    covered = {i for chunk in chunks for i in range(chunk.start, chunk.end)}
    assert covered >= {i for i, character in enumerate(document.text) if not character.isspace()}
    assert all(a.start < b.start and a.end < b.end for a, b in pairwise(chunks))


@every_strategy
@thorough
@given(document=documents(), limit=limits())
def test_text_is_the_prefix_and_the_stretch(name, tokens, document, limit):
    for chunk in chunk_document(document, options_for(name, limit), count_tokens=tokens):
        stretch = document.text[chunk.start : chunk.end]
        assert chunk.text == chunk.prefix + stretch
        assert stretch
        assert stretch == stretch.strip()
        if chunk.prefix:
            first = blocks_of(document, chunk)[0]
            heads = list(first.table.lines[: first.table.header_rows])
            assert chunk.start > first.start
            assert chunk.prefix.splitlines() in (heads, [first.table.caption, *heads])


@every_strategy
@thorough
@given(document=documents(), limit=limits())
def test_only_a_table_kept_whole_is_over_size(name, tokens, document, limit):
    size, _ = limit
    for chunk in chunk_document(document, options_for(name, limit), count_tokens=tokens):
        length = len(ends_of(name, chunk.text, tokens))
        if length <= size:
            continue
        if STRATEGIES[name].measure == "tokens":
            # The pieces of a word may be more tokens than the word was; one is cut only where it alone is over size.
            assert splits_a_word(document.text, chunk.start) or splits_a_word(document.text, chunk.end)
            continue
        *lead_in, table = blocks_of(document, chunk)
        assert name == "page_plus_table_aware"
        assert all(block.kind in {BlockKind.HEADING, BlockKind.CAPTION} for block in lead_in)
        assert table.kind is BlockKind.TABLE
        assert (chunk.end, chunk.prefix) == (table.end, "")
        assert size < table.end - chunk.start
        assert table.end - table.start <= 4 * size


@every_strategy
@thorough
@given(document=documents(), limit=limits())
def test_a_word_is_cut_only_when_it_is_over_size(name, tokens, document, limit):
    size, _ = limit
    ends = ends_of(name, document.text, tokens)
    for chunk in chunk_document(document, options_for(name, limit), count_tokens=tokens):
        for offset in (chunk.start, chunk.end):
            if splits_a_word(document.text, offset):
                start = max(document.text.rfind(space, 0, offset) for space in " \n") + 1
                word = document.text[start:].split(maxsplit=1)[0]
                room = size - len(ends_of(name, chunk.prefix, tokens))
                in_table = any(block.kind is BlockKind.TABLE for block in blocks_of(document, chunk))
                assert sum(start < end <= start + len(word) for end in ends) > (size // 2 if in_table else room)


@every_strategy
@thorough
@given(document=documents(), limit=limits())
def test_overlap_is_never_more_than_asked_for(name, tokens, document, limit):
    _, overlap = limit
    ends = ends_of(name, document.text, tokens)
    for a, b in pairwise(chunk_document(document, options_for(name, limit), count_tokens=tokens)):
        assert sum(b.start < end <= a.end for end in ends) <= overlap


@every_strategy
@thorough
@given(document=documents(), limit=limits())
def test_provenance_is_that_of_the_blocks(name, tokens, document, limit):
    for chunk in chunk_document(document, options_for(name, limit), count_tokens=tokens):
        blocks = blocks_of(document, chunk)
        pages = [page for block in blocks for page in (block.page, block.page_end) if page]
        assert (chunk.page, chunk.page_end) == ((min(pages), max(pages)) if pages else (None, None))
        tables = {(block.table.caption, block.table.columns) for block in blocks if block.table}
        assert (chunk.caption, chunk.columns) in (tables or {(None, ())})


@every_strategy
@thorough
@given(document=documents(), limit=limits())
def test_a_chunk_stands_in_the_sections_of_its_own_text(name, tokens, document, limit):
    end = 0
    for chunk in chunk_document(document, options_for(name, limit), count_tokens=tokens):
        own = {i for i in range(max(chunk.start, end), chunk.end) if not document.text[i].isspace()}
        bodies = [
            b for b in blocks_of(document, chunk) if b.kind is not BlockKind.HEADING and own & {*range(b.start, b.end)}
        ]
        headings = [
            b for b in blocks_of(document, chunk) if b.kind is BlockKind.HEADING and own & {*range(b.start, b.end)}
        ]
        if bodies:
            assert set(chunk.sections) == {body.headings for body in bodies}
        else:
            assert chunk.sections == ((*headings[-1].headings, document.text_of(headings[-1])),)
        assert any(path[: len(chunk.headings)] == chunk.headings for path in chunk.sections)
        end = chunk.end


@every_strategy
@thorough
@given(document=documents(), limit=limits())
def test_a_heading_does_not_dangle(name, tokens, document, limit):
    size, _ = limit
    chunk_ends = {chunk.end for chunk in chunk_document(document, options_for(name, limit), count_tokens=tokens)}
    ends = ends_of(name, document.text, tokens)
    for heading, block in pairwise(document.blocks):
        fits = sum(heading.start < end <= block.end for end in ends) <= size
        same_page = heading.page_end == block.page or name != "page_plus_table_aware"
        under_heading = heading.kind is BlockKind.HEADING and block.kind not in {BlockKind.HEADING, BlockKind.CAPTION}
        if under_heading and fits and same_page:
            assert heading.end not in chunk_ends


@thorough
@given(document=documents(), limit=limits())
def test_a_chunk_crosses_pages_only_inside_a_block(tokens, document, limit):
    for chunk in chunk_document(document, options_for("page_plus_table_aware", limit), count_tokens=tokens):
        assert all(a.page_end == b.page for a, b in pairwise(blocks_of(document, chunk)))


@every_strategy
@thorough
@given(document=documents(), limit=limits())
def test_the_same_document_gives_the_same_chunks(name, tokens, document, limit):
    again = Document.from_json(document.to_json())
    options = options_for(name, limit)
    chunks = chunk_document(document, options, count_tokens=tokens)
    assert chunk_document(again, options, count_tokens=tokens) == chunks
