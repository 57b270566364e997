"""Does the same text come out of PDF, DOCX and Markdown? Prints the agreement of each document's three readings.

    python -m benchmarks.format_agreement FOLDER

FOLDER holds folders of equal texts by format, such as pdf/, docx/ and md/, with equal file names but for the extension. The
baseline is the Markdown, whose text needs no reading order. Agreement is the Dice coefficient of the words, and of the pairs
of neighbouring words, which falls when the order differs: 1.000 is the same text.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

from ragfactory.documents.registry import parser_for
from ragfactory.profiles import Parse

BASELINE = "md"


def words_of(file: Path) -> list[str]:
    """The document's words in reading order, without punctuation."""
    return re.findall(r"\w+", parser_for(file).parse(file, Parse()).text.casefold())


def dice(one: Counter[object], other: Counter[object]) -> float:
    """2 |A n B| / (|A| + |B|) over multisets."""
    total = one.total() + other.total()
    return 2 * (one & other).total() / total if total else 1.0


def main(folder: Path) -> int:
    formats = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and entry.name != BASELINE)
    print(f"{'document':<24}" + "".join(f"{name + ' words':>12}{name + ' pairs':>12}" for name in formats))
    sums: Counter[str] = Counter()
    documents = sorted((folder / BASELINE).glob(f"*.{BASELINE}"))
    for document in documents:
        expected = words_of(document)
        cells = ""
        for name in formats:
            found = words_of(folder / name / f"{document.stem}.{name}")
            words = dice(Counter(expected), Counter(found))
            pairs = dice(Counter(pairwise(expected)), Counter(pairwise(found)))
            sums[f"{name} words"] += words
            sums[f"{name} pairs"] += pairs
            cells += f"{words:>12.3f}{pairs:>12.3f}"
        print(f"{document.stem:<24}{cells}")
    means = "".join(
        f"{sums[f'{name} {what}'] / len(documents):>12.3f}" for name in formats for what in ("words", "pairs")
    )
    print(f"{'mean':<24}{means}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
