"""Where text may be cut: at blank lines, line ends, sentence ends and white space.

Each function yields the (start, end) offsets of the pieces of `text[start:end]`, in order. A piece begins with a character that
is not white space, and only white space lies between two pieces.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

Pieces = Callable[[str, int, int], Iterator[tuple[int, int]]]

_WORD = re.compile(r"\S+")
_LINE = re.compile(r"\S[^\n]*")
_BLANK_LINE = re.compile(r"\n[^\S\n]*+\n\s*+")
# A run of stops with its closing quotes and brackets, then white space, then the character that follows; or a blank line.
# The lookbehind lets a match begin only where a run of stops does, or a long run would be tried again from each of its stops.
_SENTENCE_END = re.compile(
    rf"(?<![.!?…])(?P<stop>[.!?…]++[\"'»”’)\]]*+(?:\s»)?+)\s++(?=(?P<next>\S))|{_BLANK_LINE.pattern}"
)

# What a stop may follow without ending a sentence, in Dutch, German, French and English: an initial, B.V or z.B, the ordinal of a
# date or a list, and abbreviations that are seldom the last word.
_NOT_AN_END = re.compile(
    r"""(?xi)
    [^\W\d](?:\.[^\W\d])* | \d{1,2} |
    abb | abs | afb | approx | art | bijv | bl | blz | bv | bzw | ca | cf | dhr | dr | drs | env | evt | evtl | excl | fam |
    fig | geb | ggf | incl | ing | inkl | inv | ir | jhr | jl | max | mevr | mind | mln | mlle | mme | mr | mrd | mrs | mw |
    nr | nrs | pag | par | plm | pp | prof | ref | resp | sog | sr | st | str | tab | tel | vgl | vs | zgn | zzgl
    """
)
_LONGEST = 16


def blank_lines(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The stretches between blank lines."""
    begin = start
    for gap in _BLANK_LINE.finditer(text, start, end):
        yield begin, gap.start()
        begin = gap.end()
    yield begin, end


def lines(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The lines that hold anything, without their indentation."""
    return (match.span() for match in _LINE.finditer(text, start, end))


def sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The sentences. An abbreviation, an initial, an ordinal or a number does not end one."""
    begin = start
    for gap in _SENTENCE_END.finditer(text, start, end):
        if gap["stop"] is None:
            yield begin, gap.start()
        elif gap["next"].islower() or (gap["stop"] == "." and _is_abbreviation(text, begin, gap.start())):
            continue
        else:
            yield begin, gap.end("stop")
        begin = gap.end()
    yield begin, end


def words(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The runs of characters between white space."""
    return (match.span() for match in _WORD.finditer(text, start, end))


def trim(text: str, start: int, end: int) -> tuple[int, int]:
    """The same stretch without the white space at its ends; empty where it holds nothing else."""
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def _is_abbreviation(text: str, begin: int, stop: int) -> bool:
    before = text[max(begin, stop - _LONGEST) : stop].split()
    return bool(before) and _NOT_AN_END.fullmatch(before[-1].lstrip("([\"'„“«‘")) is not None
