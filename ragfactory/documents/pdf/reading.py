"""Reads pages with MuPDF: every word with its place and type, and the tables MuPDF hunts down."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ragfactory.documents.pdf.cells import is_numeric, split_cells
from ragfactory.documents.pdf.model import Box, Grid, Line, RawPage, Word
from ragfactory.documents.pdf.rows import merge_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Literal

    import pymupdf

    TableMode = Literal["auto", "native", "off"]

# The hunt tries every pair of distinct edges: its time grows with their product, 10 microseconds each.
HUNT_LIMIT = 40_000
RULE_WIDTH = 3.0  # points; a drawn rectangle thinner than this is a line
RULE_LENGTH = 6.0
HAIRLINE = 1.2  # points
PALE = 0xC0  # of 255, in the darkest channel
EDGE_TOLERANCE = 3.0
RULES_OF_A_TABLE = 3
RULED = 0.6  # of the inner column edges that are drawn
ROWS_OF_A_TABLE = 3
UPRIGHT = 0.98  # cosine of a line's slope

_TEXT, _STRUCT, _VECTOR, _GRID = 0, 2, 3, 4
_BOLD_FLAG = 16
_BOLD_NAME = re.compile(r"(?i)bold|black|heavy|demi")
_FIXED_SPACES = {0xA0: " ", 0x202F: " "}  # they hold the groups of a large number together
_TURNS = {(0, -1): 90, (0, 1): 270, (-1, 0): 180}


def read_pages(doc: pymupdf.Document, numbers: Iterable[int], tables: TableMode) -> list[RawPage]:
    """The pages of these numbers (counted from 1) as plain data, which may cross to another process.

    A page that MuPDF cannot read comes back empty, with a warning on it.
    """
    return [_read_page(doc, number, tables) for number in numbers]


def _read_page(doc: pymupdf.Document, number: int, tables: TableMode) -> RawPage:
    import pymupdf

    flags = pymupdf.TEXT_PRESERVE_WHITESPACE | pymupdf.TEXT_MEDIABOX_CLIP | pymupdf.TEXT_COLLECT_VECTORS
    try:
        page: Any = doc[number - 1]
        if page.rotation:
            page.remove_rotation()
        textpage: Any = page.get_textpage(flags=flags)
        blocks = textpage.extractDICT()["blocks"]
        turn = _turn(blocks)
        if turn:
            page.set_rotation(turn)
            page.remove_rotation()
            textpage = page.get_textpage(flags=flags)
            blocks = textpage.extractDICT()["blocks"]
        lines, sideways = _lines(blocks, textpage.extractWORDS())
        grids, warnings = _hunt(page, number, lines, blocks, tables) if tables != "off" else ((), ())
    except (RuntimeError, ValueError, pymupdf.mupdf.FzErrorBase) as error:
        return RawPage(number, 0.0, 0.0, (), warnings=(f"page {number} could not be read: {error}",))
    return RawPage(number, page.rect.width, page.rect.height, lines, sideways, grids, warnings)


def _turn(blocks: list[dict[str, Any]]) -> int:
    """How far to turn the page so that most of its text stands upright, in degrees."""
    directions: dict[tuple[int, int], int] = {}
    for _, line in _numbered_lines(blocks):
        direction = (round(line["dir"][0]), round(line["dir"][1]))
        directions[direction] = directions.get(direction, 0) + sum(len(span["text"]) for span in line["spans"])
    return _TURNS.get(max(directions, key=lambda d: directions[d]), 0) if directions else 0


def _numbered_lines(blocks: list[dict[str, Any]]) -> Iterator[tuple[tuple[int, int], dict[str, Any]]]:
    """Each line of text with its block's and its own number, as `extractWORDS` counts them."""
    texts = [block for block in blocks if block["type"] == _TEXT]
    for number, block in enumerate(texts):
        yield from (((number, i), line) for i, line in enumerate(block["lines"]))


def _lines(blocks: list[dict[str, Any]], words: list[tuple[Any, ...]]) -> tuple[tuple[Line, ...], tuple[str, ...]]:
    """Join what MuPDF gives apart: `words` have edges but no type, the spans in `blocks` have type but hold several words."""
    by_line: dict[tuple[int, int], list[tuple[Any, ...]]] = {}
    for word in words:
        by_line.setdefault((word[5], word[6]), []).append(word)
    lines: list[Line] = []
    sideways: list[str] = []
    seen: set[tuple[str, int, int]] = set()
    for key, line in _numbered_lines(blocks):
        parts = by_line.get(key)
        if not parts:
            continue
        if line["dir"][0] < UPRIGHT:
            sideways.append(" ".join(part[4] for part in parts))
            continue
        baseline = line["spans"][0]["origin"][1]
        # Bold is sometimes made by printing a word twice, a hair apart.
        fresh = [p for p in parts if p[4].strip() and _unseen(seen, (p[4], round(p[0] / 2), round(baseline / 2)))]
        if fresh:
            lines.append(Line.of(tuple(_words(fresh, line["spans"])), baseline))
    return tuple(lines), tuple(sideways)


def _unseen(seen: set[tuple[str, int, int]], key: tuple[str, int, int]) -> bool:
    fresh = key not in seen
    seen.add(key)
    return fresh


def _words(parts: list[tuple[Any, ...]], spans: list[dict[str, Any]]) -> Iterator[Word]:
    styles = [(span["bbox"][2], round(span["size"], 1), _is_bold(span)) for span in spans]
    index = 0
    for x0, _, x1, _, text, *_ in parts:
        middle = (x0 + x1) / 2
        while index < len(styles) - 1 and styles[index][0] < middle:
            index += 1
        yield Word(x0, x1, text.translate(_FIXED_SPACES), styles[index][1], styles[index][2])


def _is_bold(span: dict[str, Any]) -> bool:
    return bool(span["flags"] & _BOLD_FLAG) or bool(_BOLD_NAME.search(span["font"]))


def _hunt(
    page: pymupdf.Page, number: int, lines: tuple[Line, ...], blocks: list[dict[str, Any]], tables: TableMode
) -> tuple[tuple[Grid, ...], tuple[str, ...]]:
    """MuPDF's own table hunt, on a page where it can find what the words alone do not show, within a bound on its time."""
    import pymupdf

    vectors = [block for block in blocks if block["type"] == _VECTOR]
    rules = _vertical_rules(vectors)
    ruled = len({round(rule.x0 / RULE_WIDTH) for rule in rules}) >= RULES_OF_A_TABLE
    if not ruled and not _has_columns(lines, of_text=tables == "auto"):
        return (), ()
    xs = {round(x) for vector in vectors for x in (vector["bbox"][0], vector["bbox"][2])}
    ys = {round(y) for vector in vectors for y in (vector["bbox"][1], vector["bbox"][3])}
    if len(xs) * len(ys) > HUNT_LIMIT:
        return (), (f"page {number}: too many drawings to look for ruled tables; its text was read without them",)
    flags = (
        pymupdf.TEXT_TABLE_HUNT | pymupdf.TEXT_COLLECT_VECTORS | pymupdf.TEXT_COLLECT_STRUCTURE
        | pymupdf.TEXT_SEGMENT | pymupdf.TEXT_PRESERVE_WHITESPACE
    )  # fmt: skip
    structure = page.get_textpage(flags=flags).extractDICT()["blocks"]
    return tuple(_grids(structure, rules)), ()


def _has_columns(lines: tuple[Line, ...], *, of_text: bool) -> bool:
    """Whether rows have cells side by side; with `of_text`, three texts, for rows of numbers the geometric pass sees itself."""
    rows = [split_cells(row) for row in merge_rows(lines)]
    if not of_text:
        return sum(len(cells) >= 2 for cells in rows) >= ROWS_OF_A_TABLE
    texts = sum(sum(not is_numeric(cell.text) for cell in cells) >= 3 for cells in rows)
    numbers = sum(any(is_numeric(cell.text) for cell in cells[1:]) for cells in rows)
    return texts >= ROWS_OF_A_TABLE and texts > numbers


def _vertical_rules(vectors: list[dict[str, Any]]) -> list[Box]:
    """Vertical lines, and the sides of stroked rectangles."""
    rules = []
    for vector in vectors:
        x0, y0, x1, y1 = vector["bbox"]
        if y1 - y0 < RULE_LENGTH or _is_shading(vector):
            continue
        if x1 - x0 < RULE_WIDTH:
            rules.append(Box(x0, y0, x1, y1))
        elif vector["stroked"] and vector["isrect"]:
            rules += (Box(x0, y0, x0, y1), Box(x1, y0, x1, y1))
    return rules


def _is_shading(vector: dict[str, Any]) -> bool:
    """Whether the vector is a filled area in a pale colour: a strip of it between two cells is no rule."""
    width = vector["bbox"][2] - vector["bbox"][0]
    pale = min(vector["color"].to_bytes(3)) >= PALE
    return not vector["stroked"] and pale and width > HAIRLINE


def _grids(blocks: list[dict[str, Any]], rules: list[Box]) -> Iterator[Grid]:
    for block in blocks:
        if block["type"] != _STRUCT:
            continue
        if block["std"] != "Table":
            yield from _grids(block["blocks"], rules)
            continue
        for grid in block["blocks"]:
            if grid["type"] == _GRID:
                xs, ys = (tuple(position for position, _ in grid[axis]) for axis in ("xpos", "ypos"))
                drawn = _drawn_edges(xs, ys, rules)
                ruled = bool(drawn) and len(drawn) >= RULED * len(xs[1:-1])
                # The hunt puts an edge near a rule, or at a gap in the text where there is none: the rules know better.
                yield Grid((xs[0], *drawn, xs[-1]) if ruled else xs, ys, tuple(_cells(block)), ruled)


def _cells(table: dict[str, Any]) -> Iterator[Box]:
    for row in table["blocks"]:
        if row["type"] == _STRUCT:
            yield from (Box(*cell["bbox"]) for cell in row["blocks"] if cell["type"] == _STRUCT)


def _drawn_edges(xs: tuple[float, ...], ys: tuple[float, ...], rules: list[Box]) -> list[float]:
    """Where inside the grid vertical lines run for at least half its height, from left to right."""
    inside = [rule for rule in rules if xs[0] + EDGE_TOLERANCE < rule.x0 < xs[-1] - EDGE_TOLERANCE]
    lengths: dict[float, float] = {}
    for rule in sorted(inside):
        length = min(rule.y1, ys[-1]) - max(rule.y0, ys[0])
        if length > 0:
            edge = next((x for x in lengths if abs(x - rule.x0) <= EDGE_TOLERANCE), rule.x0)
            lengths[edge] = lengths.get(edge, 0) + length
    return [x for x, length in lengths.items() if length >= (ys[-1] - ys[0]) / 2]
