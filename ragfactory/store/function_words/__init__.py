"""Words that say nothing of what is asked: articles, pronouns, prepositions, conjunctions, auxiliaries and question words.

They are looked past in queries alone. In a long text they are everywhere and weigh next to nothing, but few passages have the
"how" and "does" of a question, and in a small index a rare word weighs as if it told something. Words that are names, months or
things as well are not in the lists (it, may, us).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

LANGUAGES = ("nl", "de", "fr", "en")


@cache
def function_words(language: str) -> frozenset[str]:
    """Those of a language, in lower case; none of one that has no list."""
    if language not in LANGUAGES:
        return frozenset()
    return frozenset(Path(__file__).with_name(f"{language}.txt").read_text(encoding="utf-8").split())
