"""Text made fit to be shown: harmless to a terminal, on one line, counted."""

from __future__ import annotations

import re

# Controls (newline and tab excepted), bidirectional marks, embeddings, overrides and isolates, zero-width characters, lone
# surrogates, and the tag characters that can hide text. The zero-width joiner stays where it joins emoji into one.
_UNSAFE = re.compile(
    "(?<![\u2600-\u27bf\ufe0f\U0001f000-\U0001faff])\u200d"
    "|[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)


def harmless(text: str) -> str:
    """Text from a document or a file name, made safe to show: what could steer a terminal or turn text around is replaced."""
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)


def on_one_line(text: str) -> str:
    """`harmless` for a file name or a message, which has no business starting a line of its own."""
    return harmless(re.sub("[\n\t]", "\N{REPLACEMENT CHARACTER}", text))


def counted(number: int, noun: str) -> str:
    """A number and what it counts: `1 chunk`, `2,000 chunks`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def printable(text: str) -> str:
    """Text that UTF-8 can hold: bytes of a command line that are not UTF-8 become backslash escapes."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def folded(text: str, width: int, indent: int) -> str:
    """Text in lines of at most `width` characters, all but the first indented, broken only between words.

    What stands in backticks, such as a command to paste, and a word longer than a line stay in one piece.
    """
    from rich.cells import cell_len

    lines, room = [""], width - indent
    for word in re.findall(r"(?:`[^`]*`|\S)+", text):
        if lines[-1] and cell_len(f"{lines[-1]} {word}") > room:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return f"\n{' ' * indent}".join(lines)
