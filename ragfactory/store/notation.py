"""Numbers, codes and abbreviations in one notation, however they are written: 1.577,00 and 1,577 and 1 577 are all 1577.

A group of three digits after a separator counts as thousands, unless a zero stands alone before it. Signs, currencies and
zeros at the end of decimals are left out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_THOUSANDS = r"\d{1,3}(?:(?P<separator>[.,'’\u00a0\u2009\u202f ])\d{3})(?:(?P=separator)\d{3})*"
_NUMBER = re.compile(rf"(?<!\w)(?:(?P<grouped>{_THOUSANDS})|(?P<whole>\d+))(?:[.,](?P<decimals>\d+))?(?!\w)")
_JOINED = re.compile(r"(?<![\w.,])\w+(?:[-/._]\w+)+")
_DATE = re.compile(r"(?<!\d)(\d{1,2})\.(\d{1,2})\.(\d{4}|\d{2})(?!\d)")
_BESIDE_DIGITS = re.compile(r"(?<=\d)(?=[^\W\d])|(?<=[^\W\d])(?=\d)")
_DIGITS = 6
# An IBAN (ISO 13616) as on paper, in groups of four; after the bank's letters each has a digit, so that no word is taken for one.
_GROUP = r"[ \u00a0\u202f](?=[a-z]{0,3}\d)[a-z0-9]"
_IBAN = re.compile(
    rf"(?<!\w)[a-z]{{2}}\d\d(?:[ \u00a0\u202f][a-z]{{4}})?(?:{_GROUP}{{4}}){{2,7}}(?:{_GROUP}{{1,3}})?(?!\w)",
    re.IGNORECASE | re.ASCII,
)
_IBAN_LENGTHS = {
    **dict.fromkeys(("at", "lu"), 20),
    **dict.fromkeys(("dk", "fi", "nl"), 18),
    **dict.fromkeys(("de", "gb", "ie"), 22),
    **dict.fromkeys(("es", "se"), 24),
    "be": 16,
    "ch": 21,
    "fr": 27,
    "it": 27,
    "no": 15,
    "pl": 28,
    "pt": 25,
}
_INITIALS = re.compile(r"(?<!\w)(?:[^\W\d_]\.){2,}")


def one_notation(text: str) -> str:
    """`text` with every number in plain digits and a decimal point, and initials without points (B.V. is BV).

    Where only blanks group the digits, which may as well be numbers side by side, these stay beside the whole.
    """
    text = _INITIALS.sub(lambda found: found.group().replace(".", "") + " ", text)
    return _NUMBER.sub(_plain, text)


def numbers(text: str) -> Iterator[tuple[frozenset[str], ...]]:
    """Each number in `text`, in one notation, as every set of numbers that it may be: where only blanks group its digits, the
    whole, or those side by side. Letters next to a number (5mm) and zeros before it make no difference; of a date with points,
    each part is a number.
    """
    apart = _BESIDE_DIGITS.sub(" ", _DATE.sub(r"\1 . \2 . \3", text))
    for found in _NUMBER.finditer(apart):
        whole = _plain(found).split()[0]
        side_by_side = (_NUMBER.sub(_plain, part) for part in found.group().split())
        yield tuple({frozenset({_without_zeros(whole)}), frozenset(map(_without_zeros, side_by_side))})


def codes(text: str) -> list[str]:
    """The codes and dates in `text` without what is between their parts: XK-4472 is XK4472, 31-12-2024 is 31122024, and
    NL91 ABNA 0417 1643 00 is one word.
    """
    joined = (found.group() for found in _JOINED.finditer(text))
    plain = [re.sub(r"[-/._]", "", code) for code in joined if _is_code(code)]
    return plain + [_iban(found).split()[0] for found in _IBAN.finditer(text)]


def joined_ibans(text: str) -> str:
    """`text` with each IBAN as one word, for a query: its groups alone would find other accounts with the same bank."""
    return _IBAN.sub(_iban, text)


def _iban(found: re.Match[str]) -> str:
    """An IBAN as one word, and after it a number that stands behind it, where its length is known by its country."""
    joined = "".join(found.group().split())
    length = _IBAN_LENGTHS.get(joined[:2].lower(), len(joined))
    return f"{joined[:length]} {joined[length:]}".rstrip()


def _is_code(joined: str) -> bool:
    """Whether there are digits and letters in it, or digits enough to be no sum or range."""
    digits = sum(map(str.isdigit, joined))
    return digits > 0 and (any(map(str.isalpha, joined)) or (digits >= _DIGITS and "." not in joined))


def _plain(found: re.Match[str]) -> str:
    grouped, decimals = found["grouped"], (found["decimals"] or "").rstrip("0")
    separator = found["separator"]
    whole = found["whole"] or grouped.replace(separator, "")
    if grouped and whole.startswith("0"):  # 0.125 and 0,125
        whole, decimals = "0", whole[1:].rstrip("0")
    number = f"{whole}.{decimals}" if decimals else whole
    return f"{number} {grouped}" if separator is not None and separator.isspace() else number


def _without_zeros(number: str) -> str:
    return re.sub(r"^0+(?=\d)", "", number)
