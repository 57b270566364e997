"""Are the right passages found? Each stage of ragfactory against a script of one's own, corpus by corpus, as a Markdown table.

    python -m benchmarks.retrieval_quality FOLDER [CORPUS ...]

FOLDER holds a folder for each corpus: `docs/`, and `queries.jsonl` as `ragfactory eval` reads it. Corpora without questions are
left out. Each is taken in with the built-in embedder, with structural contexts and with none, into homes that are thrown away. The
script is that of `retrieval_peer.py`, which needs bm25s installed. Figures are recall@5 / nDCG@10.

The first table has every stage, the second how the fused ranking differs in nDCG@10 from the better of its parts and from the
script's best (paired bootstrap and randomisation test), the third structural contexts in the vectors and in the full text.
"""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.retrieval_peer import Peer
from ragfactory.config import Config
from ragfactory.embedding.locate import resolve
from ragfactory.evaluation.measure import FINAL, answerable, evaluate
from ragfactory.evaluation.metrics import DEPTH, METRICS, score, table
from ragfactory.evaluation.questions import read_questions
from ragfactory.evaluation.relevance import Found, Judge
from ragfactory.evaluation.significance import difference
from ragfactory.pipeline.ingest import ingest
from ragfactory.profiles import shipped_dir
from ragfactory.retrieval.candidates import emphasis
from ragfactory.retrieval.fusion import fuse
from ragfactory.retrieval.search import Searcher

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt

    from ragfactory.evaluation.questions import Question
    from ragfactory.retrieval.results import Hit

    Key = tuple[str, int]  # a passage: its document, and its number there

    Values = npt.NDArray[np.float64]  # (questions, metrics)

EMBEDDER = "all-minilm-l6-v2"
POOL = 100  # candidates of each part
PARTS = ("dense", "lexical")
VARIATIONS: dict[str, dict[str, Any]] = {
    FINAL: {},
    "by ranks": {"override": {"fusion": "ranks"}},
    "no preference": {"override": {"preference": 0.0}},
    "+ 2 rewritings": {"expand": 2},
}
CONTEXTS = {"neither": (0, 0), "vectors": (1, 0), "text": (0, 1), "both": (1, 1)}  # which index each part is taken from
RECALL, NDCG = METRICS.index("recall_at_5"), METRICS.index("ndcg_at_10")


@contextmanager
def indexed(docs: Path, *, writer: str = "structural") -> Iterator[Searcher]:
    """A corpus taken in, with contexts by that writer, and open for searching."""
    with tempfile.TemporaryDirectory() as home:
        config = Config(home=Path(home), config_dir=Path(home), embedder=EMBEDDER)
        profiles = Path(home) / "profiles"
        profiles.mkdir()
        for profile in shipped_dir().glob("*.toml"):
            text = profile.read_text(encoding="utf-8").replace('writer = "structural"', f'writer = "{writer}"')
            (profiles / profile.name).write_text(text, encoding="utf-8")
        with chdir(home):  # the profiles of the folder that the benchmark is started in would win
            ingest([docs.absolute()], config, lambda _event: None)
            searcher = Searcher.open(config)
        with searcher:
            yield searcher


def measure_ours(structural: Searcher, plain: Searcher, questions: list[Question]) -> dict[str, Values]:
    """The scores of each question by stage, and of the fused stage without contexts, by ranks, and so on."""
    stages = evaluate(structural, questions, stages=PARTS).stages
    stages["no contexts"] = evaluate(plain, questions, stages=[FINAL]).stages[FINAL]
    for name, settings in VARIATIONS.items():
        stages[name] = evaluate(structural, questions, stages=[FINAL], **settings).stages[FINAL]
    return {name: table(answer.scores for answer in stage.answers) for name, stage in stages.items()}


def measure_contexts(structural: Searcher, plain: Searcher, questions: list[Question]) -> dict[str, Values]:
    """The scores of each question, fused, with structural contexts in the vectors, in the full text, in both and in neither."""
    asked = answerable(questions)
    pools = [[{_key(hit): hit for hit in s.pool(q.query, POOL)} for q in asked] for s in (plain, structural)]
    values = {}
    for name, (of_vectors, of_text) in CONTEXTS.items():
        scores = [
            score(_fused(question, pools[of_vectors][i], pools[of_text][i]), question.total)
            for i, question in enumerate(asked)
        ]
        values[name] = table(scores)
    return values


def _fused(question: Question, of_vectors: dict[Key, Hit], of_text: dict[Key, Hit]) -> list[str | None]:
    """What the best passages show when one index's cosines are fused with the other's BM25 scores."""
    keys = sorted(of_vectors.keys() | of_text.keys())
    floor = min(hit.dense or 0.0 for hit in of_vectors.values())
    dense = np.array([of_vectors[key].dense if key in of_vectors else floor for key in keys], dtype=np.float32)
    lexical = np.array([(of_text[key].lexical if key in of_text else None) or 0.0 for key in keys], dtype=np.float32)
    fused = fuse(dense, lexical, dense_weight=1.0, lexical_weight=emphasis(question.query))
    judge = Judge(question)
    best = (keys[i] for i in np.argsort(-fused, kind="stable")[:DEPTH])
    return [judge.unit(Found.of(of_vectors.get(key) or of_text[key])) for key in best]


def _key(hit: Hit) -> Key:
    return hit.at.doc_id, hit.at.place.n


def measure_peer(docs: Path, questions: list[Question]) -> dict[str, Values]:
    """The scores of each question by stage of the script."""
    asked = answerable(questions)
    judges = [Judge(question) for question in asked]
    peer = Peer(docs, resolve(EMBEDDER, Path(os.devnull)).path)
    values = {}
    for stage in (*PARTS, FINAL):
        rankings = getattr(peer, stage)([question.query for question in asked])
        values[stage] = table(
            score([judge.unit(found) for found in peer.found(ranking)], question.total)
            for question, judge, ranking in zip(asked, judges, rankings, strict=True)
        )
    return values


def row(corpus: str, values: Iterable[Values]) -> str:
    """A line of a table of figures."""
    return f"| {corpus} | " + " | ".join(map(_figures, values)) + " |"


def margins(corpus: str, ours: dict[str, Values], peer: dict[str, Values]) -> str:
    """A line of the second table: the fused ranking against the better of its parts, and against the script's best."""
    cells = []
    for others in ({part: ours[part] for part in PARTS}, peer):
        best = max(others, key=lambda name: others[name][:, NDCG].mean())
        gain = difference(others[best][:, NDCG], ours[FINAL][:, NDCG])
        cells += [best, f"{gain.mean:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]", f"{gain.p_value:.3f}"]
    return f"| {corpus} | {len(ours[FINAL])} | " + " | ".join(cells) + " |"


def main(folder: Path, names: list[str]) -> int:
    """Measure every corpus, or those of these names."""
    figures, differences, contexts = [], [], []
    for file in sorted(folder.glob("*/queries.jsonl")):
        corpus = file.parent.name
        if not file.stat().st_size or (names and corpus not in names):
            continue
        docs, questions = file.parent / "docs", read_questions(file)
        with indexed(docs) as structural, indexed(docs, writer="none") as plain:
            ours = measure_ours(structural, plain, questions)
            of_contexts = measure_contexts(structural, plain, questions)
        peer = measure_peer(docs, questions)
        figures.append(row(corpus, (*ours.values(), *peer.values())))
        differences.append(margins(corpus, ours, peer))
        contexts.append(row(corpus, of_contexts.values()))
        print(f"{corpus}: measured", file=sys.stderr)
    if not figures:
        print(f"{folder}: a folder with docs/ and a queries.jsonl that has questions expected", file=sys.stderr)
        return 1
    _print([*ours, *(f"script {name}" for name in peer)], figures)
    _print(["questions", "better part", "fused - it", "p", "script's best", "fused - it", "p"], differences)
    _print([f"context in {name}" for name in CONTEXTS], contexts)
    return 0


def _print(heads: list[str], lines: list[str]) -> None:
    print("| corpus | " + " | ".join(heads) + " |", "|---|" + "---:|" * len(heads), *lines, "", sep="\n")


def _figures(values: Values) -> str:
    return f"{values[:, RECALL].mean():.3f} / {values[:, NDCG].mean():.3f}"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
