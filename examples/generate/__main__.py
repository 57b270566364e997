"""Writes the example documents: `python -m examples.generate [FOLDER]`, by default into `examples/documents`."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .accounts import write_accounts
from .offer_docx import write_offer
from .offers import NATURE_LODGES, TEAM_WEEKEND
from .reviews import write_reviews
from .slides import write_slides

if TYPE_CHECKING:
    from collections.abc import Callable

DOCUMENTS = Path(__file__).parents[1] / "documents"

WRITERS: dict[str, Callable[[Path], None]] = {
    "jaarrekening/jaarrekening-2023.pdf": partial(write_accounts, year=2023),
    "jaarrekening/jaarrekening-2024.pdf": partial(write_accounts, year=2024),
    "offertes/offerte-2025-0117-teamweekend.docx": partial(write_offer, offer=TEAM_WEEKEND),
    "offertes/angebot-naturlodges.docx": partial(write_offer, offer=NATURE_LODGES),
    "presentaties/teamdag-2025.pdf": write_slides,
    "reviews/reviews-2024.csv": write_reviews,
}


def main(folder: Path = DOCUMENTS) -> None:
    """Write every generated document under `folder`."""
    for name, write in WRITERS.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
