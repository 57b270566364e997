"""`ragfactory eval QUESTIONS`: every stage measured, alone or beside another version or other settings."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragfactory.cli.bar import counting_bar
from ragfactory.cli.evaluation.tables import Compared, data_of, render_evaluation
from ragfactory.cli.index.selection import the_index
from ragfactory.cli.result import CommandResult
from ragfactory.cli.text import counted
from ragfactory.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from ragfactory.cli.output import Output
    from ragfactory.config import Config
    from ragfactory.evaluation.measure import Evaluation

_NAMED = 3  # documents that a warning names


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be measured, None for all stages; against which version, with which `KEY=VALUE`; how many failures are shown."""

    stages: Sequence[str] | None
    version: int | None
    settings: Sequence[str]
    limit: int | None


def measure(config: Config, document_type: str | None, file: Path, asked: Asked, output: Output) -> CommandResult:
    """Measure the indexes of a project, or the one of a type, and what they are compared with."""
    from ragfactory.evaluation.measure import STAGES, answerable, evaluate, held, possible
    from ragfactory.evaluation.questions import read_questions
    from ragfactory.retrieval.reranking import QueryReranker
    from ragfactory.retrieval.search import Searcher

    questions = given = read_questions(file)
    _refuse_unknown(asked.stages or (), STAGES)
    override = _override(asked.settings)
    is_one_type = document_type is not None
    if asked.version is not None:
        document_type = the_index(config, document_type).document_type
    twice = asked.version is not None or bool(override)
    other: Evaluation | None = None
    with ExitStack() as opened:
        reranker = opened.enter_context(closing(QueryReranker(config)))
        searcher = second = opened.enter_context(Searcher.open(config, document_type, reranker=reranker))
        if is_one_type:
            questions = held(searcher, given)
        if asked.version is not None:
            number = asked.version
            second = opened.enter_context(Searcher.open(config, document_type, number=number, reranker=reranker))
        stages = asked.stages or possible(searcher)
        advance = opened.enter_context(
            counting_bar(output, "searches", len(answerable(questions)) * len(set(stages)) * (1 + twice))
        )
        result = evaluate(searcher, questions, stages=stages, progress=advance)
        if twice:
            other = evaluate(second, questions, stages=stages, override=override, progress=advance)
    compared = Compared(_label(asked), other) if other else None
    return CommandResult(
        data=data_of(result, compared),
        render=lambda console: render_evaluation(result, compared, console, limit=asked.limit),
        warnings=(
            *dict.fromkeys((*searcher.notes, *second.notes)),
            *left_out(len(given) - len(questions)),
            *_warnings(result),
        ),
    )


def left_out(questions: int) -> Iterator[str]:
    """A warning about so many questions that are of no concern to the index of the type that was named."""
    if questions:
        yield f"{counted(questions, 'question')} about documents that this index does not hold left out"


def _refuse_unknown(stages: Iterable[str], known: Iterable[str]) -> None:
    for stage in stages:
        if stage not in known:
            raise UsageError(f"--stage: no stage named {stage!r}", hint=f"there are {', '.join(known)}")


def _override(settings: Sequence[str]) -> dict[str, object]:
    """The keys of [retrieve] that `KEY=VALUE` texts name, with values of their kinds. Raises UsageError."""
    from pydantic import ValidationError

    from ragfactory.config import explain
    from ragfactory.profiles import Retrieve

    given = {}
    for text in settings:
        key, equals, value = (part.strip() for part in text.partition("="))
        if not equals or key not in Retrieve.model_fields:
            raise UsageError(
                f"--set: KEY=VALUE expected, got {text!r}", hint=f"KEY is one of {', '.join(Retrieve.model_fields)}"
            )
        given[key] = value
    try:
        checked = Retrieve.model_validate(given)
    except ValidationError as error:
        raise UsageError(f"--set: {explain(error)}", hint="see [retrieve] in the reference of profiles") from error
    return {key: getattr(checked, key) for key in given}


def _label(asked: Asked) -> str:
    version = [] if asked.version is None else [f"version {asked.version:06d}"]
    return ", ".join([*version, *asked.settings])


def _warnings(result: Evaluation) -> Iterator[str]:
    if result.skipped:
        yield f"{counted(result.skipped, 'question')} without an answer left out"
    if result.absent:
        named = ", ".join(result.absent[:_NAMED]) + (" ..." if len(result.absent) > _NAMED else "")
        verb = "is" if len(result.absent) == 1 else "are"
        yield f"{counted(len(result.absent), 'document')} that questions ask for {verb} in no index: {named}"
