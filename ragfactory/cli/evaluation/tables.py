"""An evaluation as data for scripts and as tables for people."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from ragfactory.cli.text import counted, on_one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console
    from rich.table import Table

    from ragfactory.evaluation.measure import Answered, Comparison, Evaluation, StageResult
    from ragfactory.evaluation.relevance import Place
    from ragfactory.evaluation.significance import Difference, Interval

_GROUPS = {"languages": "language", "types": "document_type"}
_TITLES = {"recall_at_5": "recall@5", "recall_at_10": "recall@10", "mrr_at_10": "MRR@10", "ndcg_at_10": "nDCG@10"}
_INDENT = (0, 0, 0, 4)
_INSTEAD = 3  # passages shown of what was found instead
_BEGINNING = 60  # characters of a passage or turn that was wanted


@dataclass(frozen=True, slots=True)
class Compared:
    """What an evaluation is compared with, and what that is called."""

    label: str
    evaluation: Evaluation


def data_of(result: Evaluation, compared: Compared | None) -> dict[str, Any]:
    """The evaluation as `--json` prints it."""
    return {
        "questions": result.questions,
        "skipped": result.skipped,
        "absent": list(result.absent),
        "stages": _stages(result),
        **{plural: _groups(result, group) for plural, group in _GROUPS.items()},
        "failures": [_failure(answer) for answer in result.final.failures],
        "compared": compared and _compared(result, compared),
    }


def render_evaluation(result: Evaluation, compared: Compared | None, console: Console, *, limit: int | None) -> None:
    """Write the tables, then at most `limit` of the questions that failed."""
    console.print(f"{counted(result.questions, 'question')}; mean [95% interval]")
    console.print(_stage_table(result))
    latencies = (f"{name} {stage.latency(50):.0f}/{stage.latency(95):.0f}" for name, stage in result.stages.items())
    console.print(f"milliseconds a question, p50/p95: {', '.join(latencies)}")
    for group in _GROUPS.values():
        parts = {name: stage.within(group) for name, stage in result.stages.items()}
        if len(next(iter(parts.values()))) > 1:
            console.print(f"\nnDCG@10 by {group.replace('_', ' ')}")
            console.print(_group_table(group, parts))
    if compared:
        console.print()
        _render_comparison(result, compared, console)
    _render_failures(result.final.failures, console, limit)


def _stages(result: Evaluation) -> dict[str, Any]:
    return {
        name: {metric: asdict(value) for metric, value in stage.intervals.items()}
        | {"p50_ms": round(stage.latency(50), 2), "p95_ms": round(stage.latency(95), 2)}
        for name, stage in result.stages.items()
    }


def _groups(result: Evaluation, group: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, stage in result.stages.items():
        for key, part in stage.within(group).items():
            entry = found.setdefault(key, {"questions": len(part.answers)})
            entry[name] = {metric: value.mean for metric, value in part.intervals.items()}
    return found


def _failure(answer: Answered) -> dict[str, Any]:
    return {
        "id": answer.question.id,
        "query": answer.question.query,
        "relevant": [asdict(target) for target in answer.question.relevant],
        "found": [asdict(found.places[0]) for found in answer.found],
    }


def _compared(result: Evaluation, compared: Compared) -> dict[str, Any]:
    return {
        "with": compared.label,
        "stages": _stages(compared.evaluation),
        "differences": {
            name: {metric: asdict(value) | {"real": value.is_real} for metric, value in comparison.differences.items()}
            | {"better": comparison.better, "worse": comparison.worse}
            for name, comparison in _comparisons(result, compared)
        },
    }


def _comparisons(result: Evaluation, compared: Compared) -> Iterable[tuple[str, Comparison]]:
    from ragfactory.evaluation.measure import compare

    return [(name, compare(stage, compared.evaluation.stages[name])) for name, stage in result.stages.items()]


def _stage_table(result: Evaluation) -> Table:
    table = _table("stage", *_TITLES.values())
    for name, stage in result.stages.items():
        table.add_row(name, *(_with_bounds(stage.intervals[metric]) for metric in _TITLES))
    return table


def _group_table(group: str, parts: dict[str, dict[str, StageResult]]) -> Table:
    table = _table(group.replace("_", " "), "questions", *parts)
    for key, first in next(iter(parts.values())).items():
        means = (f"{stage[key].intervals['ndcg_at_10'].mean:.3f}" for stage in parts.values())
        table.add_row(key, str(len(first.answers)), *means)
    return table


def _render_comparison(result: Evaluation, compared: Compared, console: Console) -> None:
    console.print(on_one_line(f"with {compared.label}:"), soft_wrap=True)
    table = _table("stage", "metric", "now", "other", "difference", "p", "")
    same = {name for name, comparison in _comparisons(result, compared) if not any(_moves(comparison))}
    for name, comparison in _comparisons(result, compared):
        if name in same:
            continue
        before, after = result.stages[name].intervals, compared.evaluation.stages[name].intervals
        for metric, title in _TITLES.items():
            change = comparison.differences[metric]
            figures = f"{before[metric].mean:.3f}", f"{after[metric].mean:.3f}"
            bounds = f"{change.mean:+.3f} [{change.low:+.3f} {change.high:+.3f}]"
            first = name if metric == next(iter(_TITLES)) else ""
            table.add_row(first, title, *figures, bounds, f"{change.p_value:.3f}", _verdict(change))
    if table.rows:
        console.print(table)
    for name, comparison in _comparisons(result, compared):
        moved = f"{counted(comparison.better, 'question')} better, {comparison.worse:,} worse"
        console.print(f"{name}: {'the same on every question' if name in same else moved}")


def _moves(comparison: Comparison) -> list[bool]:
    """Of each metric whether it differs on any question."""
    return [not change.low == change.mean == change.high == 0 for change in comparison.differences.values()]


def _verdict(change: Difference) -> str:
    if change.low == change.high == 0:
        return "the same"
    return ("better" if change.mean > 0 else "worse") if change.is_real else "may be chance"


def _render_failures(failures: list[Answered], console: Console, limit: int | None) -> None:
    from rich.padding import Padding
    from rich.text import Text

    if failures:
        console.print(f"\n{counted(len(failures), 'question')} without an answer among the first 10 passages:")
    for answer in failures[:limit]:
        console.print(
            Text.assemble((on_one_line(f"{answer.question.id}  "), "dim"), on_one_line(answer.question.query))
        )
        for line in (f"wanted {_wanted(answer)}", f"found {_instead(answer)}"):
            console.print(Padding(Text(on_one_line(line)), _INDENT, expand=False))
    if limit is not None and len(failures) > limit:
        console.print(f"and {len(failures) - limit:,} more (--limit 0 shows all)")


def _wanted(answer: Answered) -> str:
    """The relevant files or pages, and how the passage or turn begins that the question asks for, where it asks for one."""
    question = answer.question
    places = ", ".join(_place(target.path, target.page, target.page) for target in question.relevant)
    texts = question.turns or ((question.passage,) if question.passage else ())
    if not texts:
        return places
    said = shorten(texts[0], _BEGINNING, placeholder=" ...")
    return f'{places}: "{said}"' + (f" or {counted(len(texts) - 1, 'other turn')}" if len(texts) > 1 else "")


def _instead(answer: Answered) -> str:
    """What was found; of a file that is wanted, and where there is no page to tell passages apart, which chunk."""
    wanted = {target.path for target in answer.question.relevant}
    places: list[Place] = [found.places[0] for found in answer.found[:_INSTEAD]]
    named = (
        _place(place.path, place.page, place.page_end)
        + (f" chunk {place.chunk}" if place.path in wanted and place.page is None and place.chunk is not None else "")
        for place in places
    )
    return ", ".join(named) or "nothing"


def _place(path: str, page: int | None, page_end: int | None) -> str:
    if page is None:
        return path
    return f"{path} p. {page}" + (f"-{page_end}" if page_end not in (None, page) else "")


def _with_bounds(value: Interval) -> str:
    return f"{value.mean:.3f} [{_short(value.low)} {_short(value.high)}]"


def _short(figure: float) -> str:
    return f"{figure:.2f}".removeprefix("0") if figure < 1 else "1"


def _table(*columns: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i == 0 else "right", no_wrap=i > 0)
    return table
