from __future__ import annotations

import os

from ragfactory.pipeline.names import printable_path


def test_printable_paths_hold_no_surrogates() -> None:
    assert printable_path("gebäude.txt") == "gebäude.txt"
    assert printable_path(os.fsdecode(b"\xff/a")) == r"\xff/a"
