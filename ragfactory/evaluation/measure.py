"""Measuring the indexes of a project: every question asked of every stage, every ranking judged."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ragfactory.errors import QuestionsError
from ragfactory.evaluation.metrics import DEPTH, METRICS, Scores, score, table
from ragfactory.evaluation.relevance import Found, Judge
from ragfactory.evaluation.significance import Difference, Interval, difference, interval
from ragfactory.retrieval.results import Mode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ragfactory.evaluation.questions import Question
    from ragfactory.retrieval.search import Searcher

    Progress = Callable[[], None]

# What is measured, and how it is asked for.
STAGES: dict[str, Mode] = {"dense": Mode.DENSE, "lexical": Mode.TEXT, "fused": Mode.HYBRID, "reranked": Mode.HYBRID}
RERANKED = "reranked"
FINAL = "fused"  # the last stage that needs no second model


@dataclass(frozen=True, slots=True)
class Answered:
    """A question as one stage answered it: its scores, the passages found, best first, and how long it took in milliseconds.

    `language` is that of the question where it says, else of the first relevant document in the index; `document_type` is that
    document's. Both are None where there is none.
    """

    question: Question
    scores: Scores
    found: tuple[Found, ...]
    milliseconds: float
    language: str | None
    document_type: str | None

    @property
    def is_failed(self) -> bool:
        """Whether none of the passages answers the question."""
        return self.scores.recall_at_10 == 0


@dataclass(frozen=True)
class StageResult:
    """What one stage made of all questions, in their order."""

    answers: tuple[Answered, ...]

    @cached_property
    def intervals(self) -> dict[str, Interval]:
        """The mean of each metric, with its bounds."""
        values = table(answer.scores for answer in self.answers)
        return {metric: interval(values[:, i]) for i, metric in enumerate(METRICS)}

    @property
    def failures(self) -> list[Answered]:
        """The questions that were not answered."""
        return [answer for answer in self.answers if answer.is_failed]

    def latency(self, percentile: float) -> float:
        """The milliseconds within which that percentage of the questions was answered."""
        return float(np.percentile([answer.milliseconds for answer in self.answers], percentile))

    def within(self, group: str) -> dict[str, StageResult]:
        """The questions by `language` or `document_type`; those without one under `unknown`."""
        parts: dict[str, list[Answered]] = {}
        for answer in self.answers:
            parts.setdefault(getattr(answer, group) or "unknown", []).append(answer)
        return {key: StageResult(tuple(parts[key])) for key in sorted(parts)}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Every stage's result over the same questions.

    `skipped` counts questions that nothing can answer, `absent` names documents that questions ask for and no index holds.
    """

    stages: dict[str, StageResult]
    skipped: int
    absent: tuple[str, ...]

    @property
    def questions(self) -> int:
        """How many questions were asked."""
        return len(next(iter(self.stages.values())).answers)

    @property
    def final(self) -> StageResult:
        """The result of the last stage that was measured: what a user gets."""
        return self.stages[next(reversed(self.stages))]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One stage of two evaluations of the same questions: how each metric differs, and on how many nDCG@10 rose or fell."""

    differences: dict[str, Difference]
    better: int
    worse: int


def evaluate(
    searcher: Searcher,
    questions: Sequence[Question],
    *,
    stages: Iterable[str] | None = None,
    override: Mapping[str, object] | None = None,
    expand: int = 0,
    progress: Progress = lambda: None,
) -> Evaluation:
    """Ask every question of every stage, or of those that are given, and judge the first ten passages of each. Without a reranker
    on this machine, all stages are those before it.

    `override` has keys of a profile's [retrieve] to use in place of the indexes' own; `expand` is the most rewritings of a question
    that are searched as well; `progress` is called after each question of each stage.
    Raises QuestionsError when no question can be answered, and what `Searcher.search` raises.
    """
    asked = answerable(questions)
    chosen = [name for name in STAGES if name in set(stages or possible(searcher))]
    for name in chosen:  # what the first search loads is no part of how long a search takes
        searcher.search(asked[0].query, top_k=DEPTH, mode=STAGES[name], rerank=name == RERANKED, override=override)
    judges = [Judge(question) for question in asked]
    results = {
        name: _stage(searcher, asked, judges, name, override=override, expand=expand, progress=progress)
        for name in chosen
    }
    wanted = {target.path for question in asked for target in question.relevant}
    absent = sorted(path for path in wanted if searcher.document(path) is None)
    return Evaluation(results, len(questions) - len(asked), tuple(absent))


def possible(searcher: Searcher) -> list[str]:
    """The stages that this machine has the models for."""
    return [name for name in STAGES if name != RERANKED or searcher.can_rerank]


def compare(before: StageResult, after: StageResult) -> Comparison:
    """How the second result differs from the first, over the same questions."""
    first, second = (table(answer.scores for answer in result.answers) for result in (before, after))
    gained = second[:, METRICS.index("ndcg_at_10")] - first[:, METRICS.index("ndcg_at_10")]
    return Comparison(
        {metric: difference(first[:, i], second[:, i]) for i, metric in enumerate(METRICS)},
        better=int((gained > 0).sum()),
        worse=int((gained < 0).sum()),
    )


def answerable(questions: Sequence[Question]) -> list[Question]:
    """The questions that something can answer. Raises QuestionsError when there is none."""
    asked = [question for question in questions if question.is_answerable]
    if not asked:
        raise QuestionsError("no question that can be answered: each has an empty list of turns")
    return asked


def held(searcher: Searcher, questions: Sequence[Question]) -> list[Question]:
    """The questions about a document that an open index holds. Raises QuestionsError when there is none."""
    about = [
        question
        for question in questions
        if any(searcher.document(target.path) is not None for target in question.relevant)
    ]
    if not about:
        names = ", ".join(str(name) for name in searcher.retrieve)
        raise QuestionsError(f"no question is about a document of {names}")
    return about


def _stage(
    searcher: Searcher,
    questions: Sequence[Question],
    judges: Sequence[Judge],
    stage: str,
    *,
    override: Mapping[str, object] | None,
    expand: int,
    progress: Progress,
) -> StageResult:
    answers = []
    for question, judge in zip(questions, judges, strict=True):
        result = searcher.search(
            question.query,
            top_k=DEPTH,
            mode=STAGES[stage],
            rerank=stage == RERANKED,
            override=override,
            expand=expand,
        )
        found = tuple(map(Found.of, result.hits))
        scores = score([judge.unit(passage) for passage in found], question.total)
        language, document_type = _kind(searcher, question)
        answers.append(Answered(question, scores, found, result.timings_ms["total"], language, document_type))
        progress()
    return StageResult(tuple(answers))


def _kind(searcher: Searcher, question: Question) -> tuple[str | None, str | None]:
    documents = (searcher.document(target.path) for target in question.relevant)
    document = next((document for document in documents if document is not None), None)
    if document is None:
        return question.language, None
    return question.language or document.language, document.document_type
