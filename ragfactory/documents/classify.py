"""Which profile a document belongs to, from its words, its file name and its form."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePath
from typing import TYPE_CHECKING

from ragfactory.documents.features import measure
from ragfactory.documents.model import BlockKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ragfactory.documents.features import Feature
    from ragfactory.documents.model import Block, Document
    from ragfactory.profiles import Profile, Recognise

FALLBACK = "algemeen"
SURE = 0.5  # the confidence from which on nobody else is asked
SAMPLE_CHARACTERS = 200_000

# What each kind of evidence can add to a type's score, at its strongest.
_KEYWORDS = 0.6
_FILENAME = 0.5
_EXTENSION = 0.15
# A form that few kinds of document have says more than one that many share.
_FORM = {
    "turns": 0.5,
    "ratings": 0.5,
    "code": 0.5,
    "posts": 0.5,
    "slides": 0.4,
    "tables": 0.2,
    "headings": 0.2,
    "short": 0.2,
}

# Below this score, or with a runner-up closer than this, a document stays undecided.
_THRESHOLD = 0.33
_MARGIN = 0.04

# In a document of up to this many words one mention counts in full; in a longer one it has to recur as often.
_MENTION_WORDS = 2000
# What a keyword counts on top, by the most prominent place it is seen in.
_IN_HEADING, _IN_OPENING, _IN_BODY = 1.0, 0.5, 0.0
# The opening of a document without pages, in characters.
_OPENING = 2000
# The sum of keyword counts at which keywords are at 63% of their weight; one alone says little, a handful nearly all.
_KEYWORD_SCALE = 4.0

_WORD = re.compile(r"\w+")
_ACCENT = re.compile("[\u0300-\u036f]")

_Phrase = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Classification:
    """The type of a document, how sure that is (0..1, 0 when undecided), and what spoke for it, in words for people."""

    type: str
    confidence: float
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Score:
    type: str
    value: float
    evidence: tuple[str, ...]


@dataclass(slots=True)
class _Hit:
    count: int = 0
    prominence: float = _IN_BODY


def classify(document: Document, filename: str, profiles: Iterable[Profile]) -> Classification:
    """The type whose profile's `recognise` section fits the document best, or `algemeen` when none stands out.

    Keywords count as whole words or phrases, without case or accents, more in headings and on the first page, less the
    longer the document; where a profile names features of form, its keywords count in full only in that form. Only the
    first 200,000 characters are looked at (about 100 pages), so the time is bounded. Profiles of weight 0 do not take
    part. The same input gives the same answer.
    """
    rules = {profile.name: profile.recognise for profile in profiles if profile.recognise.weight > 0}
    sample = [
        (block, document.text[block.start : min(block.end, SAMPLE_CHARACTERS)])
        for block in document.blocks
        if block.start < SAMPLE_CHARACTERS
    ]
    keywords = {keyword for rule in rules.values() for listed in rule.keywords.values() for keyword in listed}
    phrases = {keyword: words for keyword in keywords if (words := _words(keyword))}
    counts = _Counts(document.title, sample, phrases)
    features = measure(document, sample)
    scores = [_score(name, rule, PurePath(filename), counts, features) for name, rule in rules.items()]
    return _decide(sorted(scores, key=lambda score: (-score.value, score.type)))


class _Counts:
    """How much each keyword counts in one document."""

    def __init__(self, title: str | None, sample: Sequence[tuple[Block, str]], phrases: Mapping[str, _Phrase]) -> None:
        self._phrases = phrases
        self._hits: dict[_Phrase, _Hit] = defaultdict(_Hit)
        index = _by_first_word(phrases.values())
        length = 0
        for words, prominence in _passages(title, sample):
            length += len(words)
            for phrase in _find(words, index):
                hit = self._hits[phrase]
                hit.count += 1
                hit.prominence = max(hit.prominence, prominence)
        self._mentions = max(1.0, length / _MENTION_WORDS)

    def of(self, keyword: str) -> float:
        """0 for a keyword that is not there; up to 2 for one that recurs and stands in a heading."""
        hit = self._hits.get(self._phrases.get(keyword, ()))
        return min(1.0, hit.count / self._mentions) + hit.prominence if hit else 0.0


def _by_first_word(phrases: Iterable[_Phrase]) -> dict[str, list[_Phrase]]:
    index: dict[str, list[_Phrase]] = defaultdict(list)
    for phrase in set(phrases):
        index[phrase[0]].append(phrase)
    return index


def _find(words: _Phrase, index: Mapping[str, Sequence[_Phrase]]) -> Iterator[_Phrase]:
    """Every phrase that stands in `words`, as often as it does."""
    for at, word in enumerate(words):
        for phrase in index.get(word, ()):
            if words[at : at + len(phrase)] == phrase:
                yield phrase


def _passages(title: str | None, sample: Iterable[tuple[Block, str]]) -> Iterator[tuple[_Phrase, float]]:
    """The words of the title and of each block, with what their place adds to a keyword."""
    yield _words(title or ""), _IN_HEADING
    for block, text in sample:
        opening = block.page == 1 if block.page is not None else block.start < _OPENING
        prominence = _IN_HEADING if block.kind is BlockKind.HEADING else _IN_OPENING if opening else _IN_BODY
        yield _words(text), prominence


def _score(name: str, rule: Recognise, path: PurePath, counts: _Counts, features: Mapping[str, Feature]) -> _Score:
    shown = [(feature, features[feature]) for feature in rule.structure]
    form = sum(f.strength for _, f in shown) / len(shown) if shown else 1.0
    value, evidence = _keyword_score(rule, counts, form)
    if pattern := _matching_pattern(rule, path.name):
        value += _FILENAME
        evidence.append(f"file name matches {pattern}")
    if (extension := path.suffix.lower()) in map(str.lower, rule.extensions):
        value += _EXTENSION
        evidence.append(f"extension {extension}")
    if shown:
        value += sum(_FORM[feature] * f.strength for feature, f in shown) / len(shown)
        evidence.extend(f.note for _, f in shown if f.strength > 0)
    return _Score(name, value * rule.weight, tuple(evidence))


def _keyword_score(rule: Recognise, counts: _Counts, form: float) -> tuple[float, list[str]]:
    """What the profile's keywords add, in the language that finds most of them."""
    best, language, found = 0.0, "", list[str]()
    for code, keywords in rule.keywords.items():
        weighed = {keyword: weight for keyword in keywords if (weight := counts.of(keyword))}
        if (total := sum(weighed.values())) > best:
            best, language, found = total, code, sorted(weighed, key=lambda keyword: -weighed[keyword])
    if not found:
        return 0.0, []
    named = ", ".join(found[:5]) + (", ..." if len(found) > 5 else "")
    noun = "keyword" if len(found) == 1 else "keywords"
    strength = 1 - math.exp(-((best / _KEYWORD_SCALE) ** 1.5))
    return _KEYWORDS * strength * (0.5 + 0.5 * form), [f"{len(found)} {noun} ({language}): {named}"]


def _matching_pattern(rule: Recognise, name: str) -> str | None:
    folded = _fold(name)
    return next((pattern for pattern in rule.filenames if fnmatchcase(folded, _fold(pattern))), None)


def _decide(scores: Sequence[_Score]) -> Classification:
    """The best of `scores`, which come best first, unless it is weak or has an equal."""
    best = scores[0] if scores else _Score(FALLBACK, 0.0, ())
    second = scores[1] if len(scores) > 1 else _Score(FALLBACK, 0.0, ())
    if best.value == 0:
        return Classification(FALLBACK, 0.0, ("undecided: no profile recognises anything in it",))
    if best.value < _THRESHOLD:
        reason = f"undecided: the best fit, {best.type}, scores {best.value:.2f}, under {_THRESHOLD}"
        return Classification(FALLBACK, 0.0, (reason, *best.evidence))
    if best.value - second.value < _MARGIN:
        reason = f"undecided: {best.type} scores {best.value:.2f} and {second.type} {second.value:.2f}"
        return Classification(FALLBACK, 0.0, (reason, *best.evidence, *second.evidence))
    strength = 1 - math.exp(-2 * best.value)
    lead = min(1.0, 2 * (best.value - second.value) / best.value)
    return Classification(best.type, round(strength * (0.5 + 0.5 * lead), 3), best.evidence)


def _words(text: str) -> _Phrase:
    return tuple(_WORD.findall(_fold(text)))


def _fold(text: str) -> str:
    """The text without case and accents."""
    return _ACCENT.sub("", unicodedata.normalize("NFKD", text.casefold()))
