"""Near-duplicates among results: passages that say the same in almost the same words, such as a clause in every contract."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ragfactory.retrieval.results import Hit

ALIKE = 0.8  # of the word pairs of two passages: how many they must share (A. Broder, "On the resemblance of documents", 1997)

_NEGATIONS = frozenset(
    (  # noqa: SIM905 - a list of so many words would stand a line each
        "niet geen nooit noch zonder niets niemand nergens"
        " nicht kein keine keinen keinem keiner keines nie niemals ohne weder nichts"
        " ne pas non aucun aucune jamais sans ni rien"
        " not no never nor neither none nothing without cannot"
    ).split()
)
_SHORT_NOT = re.compile(r"n['’]t\b")  # don't
_COMPARED = 100  # results that a further one is compared with


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The neighbouring words of a passage, in pairs, and its numbers and negations in their order."""

    pairs: frozenset[tuple[str, str]]
    decisive: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Fingerprint:
        """The fingerprint of a passage; case and signs make no difference."""
        words = re.findall(r"\w+", _SHORT_NOT.sub(" not", text.casefold()))
        decisive = tuple(word for word in words if word in _NEGATIONS or any(map(str.isdigit, word)))
        return cls(frozenset(pairwise(words)), decisive)

    def is_like(self, other: Fingerprint) -> bool:
        """Whether both say the same: other numbers in the same words do not, nor does one that denies what the other says."""
        either = len(self.pairs | other.pairs)
        return self.decisive == other.decisive and either > 0 and len(self.pairs & other.pairs) >= ALIKE * either


@dataclass(slots=True)
class Folding:
    """Tells of each further result which of those before it says the same."""

    _kept: list[Fingerprint] = field(default_factory=list)

    def place(self, text: str) -> int:
        """The number of the result, from 0, that this passage goes with: an earlier one's, or the next, which is its own."""
        fingerprint = Fingerprint.of(text)
        for number, earlier in enumerate(self._kept[:_COMPARED]):
            if fingerprint.is_like(earlier):
                return number
        self._kept.append(fingerprint)
        return len(self._kept) - 1


def fold(hits: Iterable[Hit], count: int) -> tuple[Hit, ...]:
    """The first `count` hits that differ, each with the places of those after it that say the same."""
    kept: list[Hit] = []
    folding = Folding()
    for hit in hits:
        if len(kept) == count:
            break
        number = folding.place(hit.chunk.text)
        if number == len(kept):
            kept.append(hit)
        else:
            first = kept[number]
            places = (*first.others, hit.at, *hit.others)
            kept[number] = replace(first, others=places, near_duplicates=first.near_duplicates + 1)
    return tuple(kept)
