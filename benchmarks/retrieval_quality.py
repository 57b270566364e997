"""Are the right passages found? Each stage of ragfactory against a script of one's own, corpus by corpus, as a Markdown table.

    python -m benchmarks.retrieval_quality FOLDER [CORPUS ...]

FOLDER holds a folder for each corpus: `docs/`, and `queries.jsonl` as `ragfactory eval` reads it. Corpora without questions are
left out. Each is taken in with the built-in embedder, into a home that is thrown away. The script is that of `retrieval_peer.py`,
which needs bm25s installed. Figures are recall@5 / nDCG@10; `*` marks where the better of ragfactory's fused and the script's best
is so with p < 0.05 (nDCG@10, paired randomisation test).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.retrieval_peer import Peer
from ragfactory.config import Config
from ragfactory.embedding.locate import resolve
from ragfactory.evaluation.measure import FINAL, STAGES, answerable, evaluate
from ragfactory.evaluation.metrics import METRICS, score, table
from ragfactory.evaluation.questions import read_questions
from ragfactory.evaluation.relevance import Judge
from ragfactory.evaluation.significance import difference
from ragfactory.pipeline.ingest import ingest
from ragfactory.retrieval.search import Searcher

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ragfactory.evaluation.questions import Question

    Values = npt.NDArray[np.float64]  # (questions, metrics)

EMBEDDER = "all-minilm-l6-v2"
RECALL, NDCG = METRICS.index("recall_at_5"), METRICS.index("ndcg_at_10")


def measure_ours(docs: Path, questions: list[Question]) -> dict[str, Values]:
    """The scores of each question by stage."""
    with tempfile.TemporaryDirectory() as home:
        config = Config(home=Path(home), config_dir=Path(home), embedder=EMBEDDER)
        ingest([docs], config, lambda _event: None)
        with Searcher.open(config) as searcher:
            stages = evaluate(searcher, questions).stages
    return {name: table(answer.scores for answer in stage.answers) for name, stage in stages.items()}


def measure_peer(docs: Path, questions: list[Question]) -> dict[str, Values]:
    """The same of the script."""
    asked = answerable(questions)
    judges = [Judge(question) for question in asked]
    peer = Peer(docs, resolve(EMBEDDER, Path()).path)
    values = {}
    for stage in STAGES:
        rankings = getattr(peer, stage)([question.query for question in asked])
        values[stage] = table(
            score([judge.unit(found) for found in peer.found(ranking)], question.total)
            for question, judge, ranking in zip(asked, judges, rankings, strict=True)
        )
    return values


def row(corpus: str, ours: dict[str, Values], peer: dict[str, Values]) -> str:
    """A line of the table."""
    best = max(peer.values(), key=lambda values: values[:, NDCG].mean())
    gain = difference(best[:, NDCG], ours[FINAL][:, NDCG])
    cells = [_figures(values) for values in (*ours.values(), *peer.values())]
    sure = "*" if gain.is_real else ""
    return f"| {corpus} | {len(best)} | " + " | ".join(cells) + f" | {gain.mean:+.3f}{sure} |"


def main(folder: Path, names: list[str]) -> int:
    """Measure every corpus, or those of these names."""
    stages = [*(f"{name}" for name in STAGES), *(f"script {name}" for name in STAGES)]
    print("| corpus | questions | " + " | ".join(stages) + " | fused - script's best |")
    print("|---|" + "---:|" * (len(stages) + 2))
    for questions_file in sorted(folder.glob("*/queries.jsonl")):
        corpus = questions_file.parent
        if not questions_file.stat().st_size or (names and corpus.name not in names):
            continue
        questions = read_questions(questions_file)
        docs = corpus / "docs"
        print(row(corpus.name, measure_ours(docs, questions), measure_peer(docs, questions)), flush=True)
    return 0


def _figures(values: Values) -> str:
    return f"{values[:, RECALL].mean():.3f} / {values[:, NDCG].mean():.3f}"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
