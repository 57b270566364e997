"""The door of chunking: a Document and a profile's options in, Chunks with their provenance out."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from ragfactory.chunking.measure import Budget
from ragfactory.chunking.model import Chunk
from ragfactory.chunking.sections import main_section, main_table, sections_of
from ragfactory.chunking.strategies import STRATEGIES
from ragfactory.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragfactory.chunking.measure import TokenCounter
    from ragfactory.chunking.model import Span
    from ragfactory.documents.model import Document
    from ragfactory.profiles import Chunking


def chunk_document(
    document: Document,
    options: Chunking,
    *,
    count_tokens: TokenCounter,
    detect: Callable[[str], str | None] | None = None,
) -> list[Chunk]:
    """Cut a document into chunks, in reading order, by the strategy, size and overlap of `options`.

    Together the chunks hold every character that is not white space, and none begins or ends with white space. The
    overlap and repeated column heads count in a chunk's size. `count_tokens` is asked only by strategies measured in
    tokens. `detect` tells the language of a chunk's text; without it, or where it cannot tell, a chunk has the document's.

    Raises ProfileError where the overlap is not under the size.
    """
    size, overlap = size_and_overlap(options)
    strategy = STRATEGIES[options.strategy]
    budget = Budget.of(document.text, strategy.measure, count_tokens, size=size, overlap=overlap)
    block_ends = [block.end for block in document.blocks]
    chunks: list[Chunk] = []
    for span in strategy.spans(document, budget):
        own = max(span.start, chunks[-1].end if chunks else 0)
        chunks.append(_chunk(document, block_ends, span, own, detect))
    return chunks


def size_and_overlap(options: Chunking) -> tuple[int, int]:
    """The size and overlap of chunks under these options, in the strategy's unit.

    What is not given takes the strategy's default; a default overlap shrinks with a size under the default. Raises
    ProfileError where the overlap is not under the size.
    """
    strategy = STRATEGIES[options.strategy]
    size = strategy.size if options.size is None else options.size
    if options.overlap is None:
        return size, min(strategy.overlap, strategy.overlap * size // strategy.size)
    if options.overlap >= size:
        raise ProfileError(
            f"chunk.overlap: expected less than the size, {size} {strategy.measure}, got {options.overlap}",
            hint=f"give a smaller overlap or a larger size; the default size of {options.strategy} is {strategy.size}",
        )
    return size, options.overlap


def _chunk(
    document: Document, block_ends: Sequence[int], span: Span, own: int, detect: Callable[[str], str | None] | None
) -> Chunk:
    """The chunk of a span. From `own` on it is no overlap: that part decides which sections it stands in."""
    text = span.prefix + document.text[span.start : span.end]
    last = bisect_right(block_ends, span.end - 1) + 1
    blocks = document.blocks[bisect_right(block_ends, span.start) : last]
    pages = [page for block in blocks for page in (block.page, block.page_end) if page is not None]
    sections = sections_of(document, document.blocks[bisect_right(block_ends, own) : last], own, span.end)
    headings = main_section(sections)
    table = main_table(blocks, headings, own, span.end)
    return Chunk(
        text=text,
        start=span.start,
        end=span.end,
        prefix=span.prefix,
        page=min(pages, default=None),
        page_end=max(pages, default=None),
        headings=headings,
        sections=tuple(sections),
        caption=table.caption if table else None,
        columns=table.columns if table else (),
        language=(detect(text) if detect else None) or document.language,
    )
