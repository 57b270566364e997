"""Reads a text file whatever its encoding: byte order mark, UTF-8, what the file declares, then the likeliest guess."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from ragfactory.documents.guards import kind_of, mistyped, read_bytes
from ragfactory.errors import EmptyDocumentError

if TYPE_CHECKING:
    from pathlib import Path

_SAMPLE = 64 * 1024  # bytes looked at to tell text from binary data, and one encoding from another
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(
    rb"""(?:<\?xml[^>]{0,200}?encoding|<meta[^>]{0,200}?charset)\s*=\s*["']?([\w.:-]+)""", re.IGNORECASE
)
# Browsers read these labels as cp1252, and so must we: a euro sign under a Latin-1 label is the rule, not the exception.
_LABELS = {"iso-8859-1": "cp1252", "iso8859-1": "cp1252", "latin-1": "cp1252", "latin1": "cp1252", "us-ascii": "cp1252"}
_WESTERN = ("cp1252", "iso8859_15", "mac_roman", "cp850")  # the likeliest first: the first of two equals wins
_ASCII = bytes(range(128))
_NOT_TEXT = re.compile("[\x00-\x08\x0e-\x19\x1c-\x1f\x7f]")


def read_text(path: Path) -> str:
    """The file's text, its byte order mark removed.

    Raises EmptyDocumentError when there is nothing but white space, DocumentError when the file cannot be read or holds
    binary data.
    """
    data = read_bytes(path)
    holds = kind_of(data[:16])
    if holds is not None:
        raise mistyped(path, holds)
    text = decode(data)
    if not text.strip("\ufeff\x00 \t\r\n\f\v\u00a0"):
        raise EmptyDocumentError("the file holds nothing but white space", path=str(path))
    head = text[:_SAMPLE].rstrip("\x00")
    if "\x00" in head or len(_NOT_TEXT.findall(head)) > len(head) / 100:
        raise mistyped(path, "binary data")
    return text


def decode(data: bytes) -> str:
    """Bytes as text, by the first of these that fits: byte order mark, NUL pattern of UTF-16, UTF-8, declaration, guess."""
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return data[len(bom) :].decode(encoding, errors="replace")
    utf16 = _utf16_without_bom(data[:4096])
    if utf16 is not None:
        return data.decode(utf16, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _decode_legacy(data)


def _utf16_without_bom(head: bytes) -> str | None:
    """Latin letters in UTF-16 have a NUL in every other byte."""
    pairs = len(head) // 2
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if pairs and odd > 0.6 * pairs and even < 0.05 * pairs:
        return "utf-16-le"
    if pairs and even > 0.6 * pairs and odd < 0.05 * pairs:
        return "utf-16-be"
    return None


def _decode_legacy(data: bytes) -> str:
    declared = _DECLARED.search(data[:2048])
    if declared:
        label = declared[1].decode("ascii").lower()
        try:
            return data.decode(_LABELS.get(label, label))
        except (LookupError, UnicodeError):
            pass  # an unknown label or a wrong one: judged by the bytes, as if it were not there
    repaired = data.decode("utf-8", errors="replace")
    damaged = repaired.count("\ufffd")
    if sum(1 for char in repaired if char > "\x7f") > 10 * damaged:
        return repaired  # UTF-8 with a few broken characters: another encoding would spoil all of its accents
    return data.decode(_guess(data), errors="replace")


def _guess(data: bytes) -> str:
    """The encoding in which the bytes beyond ASCII read best.

    A short file has a handful of them, too few for the statistics of charset-normalizer, so the Western encodings are told
    apart by what an accent or a sign stands next to; charset-normalizer is asked when none of them reads well.
    """
    first = len(data) - len(data.lstrip(_ASCII))
    sample = data[max(first - 1, 0) :][: 4 * _SAMPLE]
    plausibility = {encoding: _plausibility(sample, encoding) for encoding in _WESTERN}
    best = max(_WESTERN, key=plausibility.__getitem__)
    if plausibility[best] < 0.5:
        from charset_normalizer import from_bytes

        found = from_bytes(sample).best()
        if found is not None and found.language != "Unknown":
            return found.encoding
    return best


_COMMON_LETTERS = frozenset("éèêëïöüäàçßÉÜÖÄ")
_LETTERS = frozenset("áâãåæìíîñòóôõøœùúûýÿÀÁÂÃÅÆÇÈÊËÌÍÎÏÑÒÓÔÕØŒÙÚÛ")
_SIGNS = frozenset("€£§°²³½¼±×µ©®™–—‘’‚“”„…•·«»¿¡†‰\u00a0\u00ad")


def _plausibility(data: bytes, encoding: str) -> float:
    """How well the characters beyond ASCII fit their neighbours: the mean, from -1 to 1, of what each is worth."""
    text = f" {data.decode(encoding, errors='replace')} "
    worths = [_worth(*text[i - 1 : i + 2]) for i, char in enumerate(text) if char > "\x7f"]
    return sum(worths) / len(worths)


def _worth(before: str, char: str, after: str) -> float:
    if char in _COMMON_LETTERS or char in _LETTERS:
        if _wrong_case(before, char, after) or (before > "\x7f" and after > "\x7f"):
            return -1.0
        if not (before.isalpha() or after.isalpha()):
            return 0.5
        return 1.0 if char in _COMMON_LETTERS else 0.75
    if char not in _SIGNS:
        return -1.0
    if before.isalpha() and after.isalpha():  # inside a word
        return 0.5 if char in "’-–\u00ad" else -1.0
    return 1.0 if char in "€£" and (before.isdigit() or after.isdigit() or after.isspace()) else 0.8


def _wrong_case(before: str, char: str, after: str) -> bool:
    return (char.isupper() and before.islower()) or (char.islower() and after.isupper())
