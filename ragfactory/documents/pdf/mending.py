"""Mends text that was cut into lines: words hyphenated at a line's end, sentences that go on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ragfactory.documents.pdf.model import RawPage

SOFT_HYPHEN = "\u00ad"
HYPHENS = ("-", "\u2010", SOFT_HYPHEN)

# "voor- en nadelen": the hyphen stands for a word that comes later.
_CONJUNCTION = re.compile(r"(?:en|of|and|or|und|oder|bzw\.|et|ou|tot|t/m|bis|to)\b", re.IGNORECASE)
_COMPOUND = re.compile(r"[^\W\d_]+-[^\W\d_]+")
_LETTERS = re.compile(r"[^\W\d_]+")
_SENTENCE_END = re.compile(r"""[.!?:;…]["'”’»)\]]*\d{0,2}$""")


@dataclass(frozen=True, slots=True)
class Mender:
    """Joins lines, knowing which words the document writes with a hyphen where no line ends."""

    compounds: frozenset[str] = frozenset()

    @classmethod
    def of(cls, pages: Iterable[RawPage]) -> Mender:
        """Learn the words with a hyphen inside ("long-term") from all lines."""
        words = (word.text for page in pages for line in page.lines for word in line.words)
        return cls(frozenset(match[0].lower() for word in words if "-" in word for match in _COMPOUND.finditer(word)))

    def join_lines(self, lines: Iterable[str]) -> str:
        """The lines as one text, with words that were hyphenated at a line's end made whole."""
        text = ""
        for line in lines:
            text = self._join(text, line) if text else line
        return text.replace(SOFT_HYPHEN, "")

    def _join(self, text: str, line: str) -> str:
        if text[-1:] not in HYPHENS or text[-2:-1].isspace() or not line:
            return f"{text} {line}"
        if text[-1] == SOFT_HYPHEN:
            return text[:-1] + line
        stem = text[:-1].rsplit(maxsplit=1)[-1].lstrip("(\"'“‘«") if len(text) > 1 else ""
        if _CONJUNCTION.match(line) or not (line[0].isalnum() and stem[-1:].isalnum()):
            return f"{text} {line}"
        # A capital, a figure, or a word that has a hyphen already ("e-\nmail", "state-of-the-\nart"): the hyphen is the word's own.
        broken = line[0].islower() and stem[-1].isalpha() and len(stem) > 1 and "-" not in stem
        return text[:-1] + line if broken and not self._is_compound(stem, line) else text + line

    def _is_compound(self, stem: str, line: str) -> bool:
        after = _LETTERS.match(line)
        return after is not None and f"{stem}-{after[0]}".lower() in self.compounds


def ends_sentence(text: str) -> bool:
    """Whether the text closes a sentence or leads into what comes next."""
    return bool(_SENTENCE_END.search(text))


def goes_on(text: str, after: str) -> bool:
    """Whether `after`, on the next page or in the next column, evidently continues the sentence of `text`."""
    if not text or not after or ends_sentence(text):
        return False
    return after[0].islower() or text[-1] in (",", *HYPHENS) or (text[-1] in "(–" and after[0].isalnum())
