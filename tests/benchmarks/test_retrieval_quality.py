"""The parts of the retrieval benchmark that need no package of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.retrieval_peer import PIECE, pack, pieces_of
from benchmarks.retrieval_quality import indexed, margins, measure_contexts, measure_ours, row
from ragfactory.evaluation.questions import Question, Target
from ragfactory.evaluation.relevance import Place

if TYPE_CHECKING:
    from tests.conftest import Workplace


def test_pieces_are_whole_paragraphs_up_to_their_size_and_lose_nothing() -> None:
    paragraphs = ["a" * 600, "b" * 300, "c" * 200, "d" * 2100, "e"]
    pieces = list(pack("\n\n".join(paragraphs)))
    assert [piece[0] + piece[-1] for piece in pieces] == ["ab", "cc", "dd", "dd", "de"]
    assert all(len(piece) <= PIECE for piece in pieces)
    assert "".join(pieces).replace("\n", "") == "".join(paragraphs)


def test_a_row_compares_both_on_the_same_questions(workplace: Workplace) -> None:
    workplace.write("pump.txt", "Order part XK-4471 when the pump is broken.")
    workplace.write("soup.txt", "The chef prepares soup from vegetables.")
    questions = [Question("1", "XK-4471", (Target("pump.txt"),)), Question("2", "soup", (Target("soup.txt"),))]
    with indexed(workplace.docs) as structural, indexed(workplace.docs, writer="none") as plain:
        ours = measure_ours(structural, plain, questions)
        contexts = measure_contexts(structural, plain, questions)
    assert [ours[part].tolist() for part in ("lexical", "no contexts")] == [[[1.0] * 4] * 2] * 2
    assert [values.tolist() for values in contexts.values()] == [[[1.0] * 4] * 2] * 4
    peer = {"dense": np.zeros((2, 4)), "lexical": np.full((2, 4), 0.25)}
    assert row("stock", peer.values()) == "| stock | 0.000 / 0.000 | 0.250 / 0.250 |"
    line = margins("stock", ours, peer)
    assert line.startswith("| stock | 2 | ")
    assert "| +0.000 [+0.000, +0.000] | 1.000 | lexical | +0.750 [+0.750, +0.750] | " in line
    (piece,) = pieces_of(workplace.docs / "pump.txt", "pump.txt")
    assert piece.places == (Place("pump.txt"),)
