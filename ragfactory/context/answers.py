"""Whether what a model wrote can be a context: one or two plain sentences in the right language, or the reason why not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragfactory.context.text import one_line
from ragfactory.documents.language import detect_language

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ragfactory.context.prompt import Prompt

MAX_TOKENS = 80
# About so many characters are 80 tokens in the language that takes fewest; a longer answer is cut after a sentence.
MAX_CHARACTERS = 480

_MIN_LETTERS = 12
_SURELY_WHOLE = 160  # characters, which are less than 80 tokens
_LANGUAGE_LETTERS = 70  # under that many, the detector is not sure enough to refuse an answer
_ECHO_WORDS = 8  # so many of the instruction's words in a row are no accident

_THOUGHT = re.compile(r"^\s*<think>.*?(?:</think>|\Z)", re.DOTALL)
_QUOTED = re.compile(r"^[\"“”„«»']+\s*(.*?)\s*[\"“”«»']+$", re.DOTALL)
_COURTESY = re.compile(
    r"^(?:sure|certainly|of course|okay|ok|zeker|natuurlijk|uiteraard|prima|gerne|natürlich|selbstverständlich|klar|bien sûr"
    r"|certainement|volontiers|d'accord)\b[^\n:.!]{0,40}[.!,:]\s*",
    re.IGNORECASE,
)
_OPENING = (
    r"(?:here(?:['’]s|\s(?:is|are))|below\sis|this\sis|hier\s(?:is|zijn|volgt|ist|sind|folgt)|hieronder|dit\sis|dies\sist|voici|voilà"
    r"|ci-dessous|the\s(?:context|summary|description)|de\s(?:context|samenvatting|beschrijving)"
    r"|der\s(?:kontext)|die\s(?:zusammenfassung|beschreibung)|le\s(?:contexte|résumé)|la\s(?:description)"
    r"|context|contexte|kontext|summary|samenvatting|zusammenfassung|résumé|answer|antwoord|antwort|réponse)"
)
_LABEL = re.compile(rf"^[*_\"“„«\s]*{_OPENING}\b[^\n:]{{0,100}}:\s*\**\s*", re.IGNORECASE)
_PREAMBLE = re.compile(
    r"^(?:here(?:['’]s|\s(?:is|are))\b|hier\s(?:is|zijn|volgt|ist|sind|folgt)\b|hieronder\b|voici\b|voilà\b|ci-dessous\b)",
    re.IGNORECASE,
)
_DECLINED = re.compile(
    r"^(?:i(?:['’]m|\sam)\s(?:sorry|unable)|i\scan(?:not|['’]t)|as\san\sai|sorry|het\sspijt\sme|ik\skan\s(?:niet|geen|je\sniet)|als\sai"
    r"|es\stut\smir\sleid|ich\skann\s(?:nicht|keine)|als\ski|je\ssuis\sdésolé|désolé|je\sne\speux\spas|en\stant\squ['’]ia)\b",
    re.IGNORECASE,
)
_LIST = re.compile(r"^\s*(?:[-*•–▪]\s|\d{1,2}[.)]\s\S)", re.MULTILINE)
_LINK = re.compile(r"\b(?:https?|ftp|file|data|javascript):\S|\bwww\.|\]\(|\b[\w-]+\.[a-z]{2,6}/\S", re.IGNORECASE)
_MARKUP = re.compile(
    r"<(?=[^\s\d=])|‹|\*\*|__|```|`\S|^\s*#{1,6}\s|^\s*\||\\[a-z]+\{|&(?:[a-z]+|#\d+);|^\s*[{\[]", re.MULTILINE
)
# Control characters other than white space: colours of a terminal, of which one line would keep all but the first character.
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
_BLEMISHES = (
    (_CONTROL, "control characters"),
    (_PREAMBLE, "preamble"),
    (_DECLINED, "declined"),
    (_LIST, "list"),
    (_LINK, "link"),
    (_MARKUP, "markup"),
)
_SENTENCE_END = re.compile(r"[.!?…][\"”»)]*(?=\s|$)")
_ABBREVIATION = re.compile(
    r"(?:\b(?:[A-Za-z]|bijv|resp|incl|excl|ca|nr|art|blz|Dr|Mr|Mrs|St|No|bzw|inkl|exkl|Abs|Nr|z|usw|cf|env|inc|approx)|\.[A-Za-z])\.$"
)
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an answer is no context, in a few words."""

    reason: str


def check_answer(answer: str, prompt: Prompt) -> str | Refusal:
    """The context in a model's answer, on one line, or why there is none.

    A preamble that ends in a colon, a courtesy and quotation marks are taken off; an answer that the cap on tokens cut off ends
    with its last whole sentence. Refused are: nothing; a preamble that cannot be told from the rest; control characters, lists,
    links and markup; an apology; words of the instructions; text that is surely in another language than was asked; and a text
    without one whole sentence in 480 characters.
    """
    text = _unwrapped(answer)
    if not text:
        return Refusal("empty")
    if reason := blemish(text):
        return Refusal(reason)
    whole = one_line(text)
    context = _whole_sentences(whole)
    if sum(map(str.isalpha, context)) < _MIN_LETTERS:  # three numbers and their full stops are no sentence
        return Refusal("too short" if context == whole else "cut off")
    if _echoes(context, (prompt.instructions, *prompt.own.splitlines()[-2:])):
        return Refusal("echo of the instructions")
    if in_another_language(context, prompt.language):
        return Refusal("wrong language")
    return context


def without_thoughts(answer: str) -> str:
    """The answer without what a model thought aloud before it."""
    return _THOUGHT.sub("", answer).strip()


def blemish(text: str) -> str | None:
    """What keeps a text from being plain words on the matter, in one word; None where nothing does."""
    return next((reason for pattern, reason in _BLEMISHES if pattern.search(text)), None)


def in_another_language(text: str, language: str) -> bool:
    """Whether a text is surely in another language than this one; of a short one nothing is sure."""
    if sum(map(str.isalpha, text)) < _LANGUAGE_LETTERS:
        return False
    return detect_language(text) not in {None, language}


def _unwrapped(answer: str) -> str:
    """The answer without what models put around one."""
    text = without_thoughts(answer)
    text = _COURTESY.sub("", text, count=1)
    text = _LABEL.sub("", text, count=1).strip()
    quoted = _QUOTED.match(text)
    return quoted[1] if quoted else text


def _whole_sentences(text: str) -> str:
    """The text up to the end of its last whole sentence under the cap; a short one without its full stop is whole too."""
    ends = [
        end.end()
        for end in _SENTENCE_END.finditer(text[:MAX_CHARACTERS])
        if end.end() == len(text) or not _ABBREVIATION.search(text, 0, end.end())
    ]
    if ends:
        return text[: ends[-1]]
    return text if len(text) <= _SURELY_WHOLE else ""


def _echoes(context: str, instructions: Iterable[str]) -> bool:
    said = set(_shingles(context))
    return any(shingle in said for text in instructions for shingle in _shingles(text))


def _shingles(text: str) -> Iterable[tuple[str, ...]]:
    words = _WORD.findall(text.casefold())
    return zip(*(words[i:] for i in range(_ECHO_WORDS)), strict=False)
