"""Text from documents made fit for where it goes: one bracketed header line, or a part of a prompt."""

from __future__ import annotations

import re
import unicodedata

from ragfactory.documents.cleaning import clean

_BRACKETS = str.maketrans("[]", "()")
# What opens a tag or a token of a chat template: `</document>`, `<|eot_id|>`, `<｜User｜>`, `<s>`, `<<SYS>>`, `[/INST]`.
_TAG = re.compile(r"<(?=[^\s\d=])")
_INSTRUCTION = re.compile(r"\[(/?[A-Z_]{3,20})\]")


def one_line(text: str) -> str:
    """The text on one line: no control, format or bidirectional characters, round brackets for square ones."""
    spaced = " ".join(text.split())
    return " ".join(_shown(spaced).translate(_BRACKETS).split())


def as_data(text: str) -> str:
    """The text for a prompt: nothing invisible in it, and nothing that a chat template or the prompt's own tags would know.

    A server joins messages to one text and may read template tokens wherever they stand, so that they are broken here, whoever
    writes: `<|eot_id|>` becomes `‹|eot_id|>`, and `[INST]` becomes `(INST)`.
    """
    return _INSTRUCTION.sub(r"(\1)", _TAG.sub("‹", _shown(clean(text), "\n\t")))


def _shown(text: str, spaces: str = "") -> str:
    hidden = {ord(char): None for char in set(text) if char not in spaces and unicodedata.category(char)[0] == "C"}
    return text.translate(hidden) if hidden else text
