"""Reads the running text of the annual accounts: a little Markdown, with figures to fill in and words that may be hyphenated."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FOLDER = Path(__file__).parent / "prose"
SOFT_HYPHEN = "\u00ad"

# Where long words may be broken at the end of a line.
_SYLLABLES = """
    aan-nemings-over-een-komst ac-com-mo-da-ties af-schrij-vings-per-cen-ta-ge be-drijfs-re-sul-taat be-drijfs-tak-pen-si-oen-fonds
    be-oor-de-ling be-stuur be-zet-tings-graad boekings-ka-na-len con-ti-nu-ï-teit duur-zaam-heids-le-ning ge-amor-ti-seer-de
    ge-beur-te-nis-sen ge-mid-deld huis-ves-tings-kos-ten in-ves-te-ring in-ves-te-rin-gen jaar-ver-slag-ge-ving
    kam-peer-plaat-sen kort-lo-pen-de lang-lo-pen-de le-ve-ran-ciers maat-schap-pe-lij-ke mi-ni-mum-loon on-der-houds-plan
    over-nach-tin-gen per-so-neel re-ke-ning-cou-rant re-ser-ve-rings-sys-teem re-ser-ve-rin-gen re-sul-taat-be-pa-ling
    schom-me-ling sol-va-bi-li-teit toe-ge-re-kend toe-lich-ting twee-staps-ve-ri-fi-ca-tie uit-ke-rin-gen ven-noot-schap
    ven-noot-schaps-be-las-ting ver-gro-ten ver-huur-ac-com-mo-da-ties ver-plich-tin-gen ver-vaar-di-gings-prijs
    ver-wach-ting ver-wach-tin-gen voor-zie-ning waar-de-ver-min-de-ring ver-on-der-stel-ling
    vervoer-middelen lang-lo-pend ma-na-ge-ment-ver-goe-ding jubileum-uitkeringen op-ge-no-men
    agio-re-ser-ve plaats-vindt res-te-ren-de ener-gie-kos-ten op-dracht
"""
_BREAKS = {word.replace("-", ""): word.replace("-", SOFT_HYPHEN) for word in _SYLLABLES.split()}


class Style(Enum):
    """What a passage is."""

    CHAPTER = auto()
    HEADING = auto()
    PARAGRAPH = auto()


@dataclass(frozen=True, slots=True)
class Passage:
    """A heading or a paragraph; `columns` when it is set in two columns."""

    style: Style
    text: str
    columns: bool = False


def passages(name: str, facts: Mapping[str, str]) -> Iterator[Passage]:
    """The passages of `prose/<name>.txt`, with `{facts}` filled in.

    A blank line parts two passages; `# ` marks a chapter, `## ` a heading, and `::: kolommen` to `:::` stands in two columns.
    """
    columns = False
    for block in (FOLDER / f"{name}.txt").read_text(encoding="utf-8").format_map(facts).strip().split("\n\n"):
        if block.startswith(":::"):
            columns = block != ":::"
        else:
            yield _passage(block, columns=columns)


def typeset(text: str) -> str:
    """The text with soft hyphens in the long words that are known, and no line end between € and its amount."""
    return re.sub(r"\w+", lambda match: _hyphenate(match[0]), text.replace("€ ", "€\u00a0"))


def _passage(text: str, *, columns: bool) -> Passage:
    if text.startswith("## "):
        return Passage(Style.HEADING, text.removeprefix("## "), columns)
    if text.startswith("# "):
        return Passage(Style.CHAPTER, text.removeprefix("# "), columns)
    return Passage(Style.PARAGRAPH, text, columns)


def _hyphenate(word: str) -> str:
    broken = _BREAKS.get(word.lower())
    return word[0] + broken[1:] if broken else word
