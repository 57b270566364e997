"""`ragfactory eval --fit` and `--unfit`: the weights of one index, found and forgotten."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ragfactory.cli.bar import counting_bar
from ragfactory.cli.evaluation.measuring import left_out
from ragfactory.cli.index.selection import the_index
from ragfactory.cli.result import CommandResult
from ragfactory.cli.text import counted

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from ragfactory.cli.output import Output
    from ragfactory.config import Config
    from ragfactory.evaluation.fit import Fit
    from ragfactory.store.layout import IndexName
    from ragfactory.store.records import Manifest
    from ragfactory.store.settings import Settings

_FEW = 50  # questions under which what is found may be chance


def fit(config: Config, document_type: str | None, file: Path, output: Output) -> CommandResult:
    """Find the weights that suit an index, and keep them when they hold on questions they were not fitted to."""
    from ragfactory.evaluation.fit import Setting, collect
    from ragfactory.evaluation.fit import fit as fit_to
    from ragfactory.evaluation.measure import held
    from ragfactory.evaluation.questions import read_questions
    from ragfactory.retrieval.search import Searcher
    from ragfactory.store.durable import store_errors
    from ragfactory.store.layout import IndexPaths
    from ragfactory.store.settings import write_settings

    given = read_questions(file)
    name = the_index(config, document_type)
    with Searcher.open(config, name.document_type) as searcher, ExitStack() as shown:
        questions = held(searcher, given)
        advance = shown.enter_context(counting_bar(output, "questions", len(questions)))
        (manifest,) = searcher.manifests
        now = searcher.retrieve[name]
        found = fit_to(collect(searcher, questions, advance), Setting(now.dense_weight, now.lexical_weight, now.depth))
    if found.is_better:
        with store_errors():
            write_settings(IndexPaths.of(config.indexes, name), _settings(found, manifest))
    few = f"{counted(found.questions, 'question')} are few: what suits them may be chance"
    return CommandResult(
        data={
            "index": str(name),
            "questions": found.questions,
            "written": found.is_better,
            "retrieve": asdict(found.best),
            "before": found.before,
            "held_out": found.held_out,
            "difference": asdict(found.gain) | {"real": found.gain.is_real},
        },
        render=lambda console: _render(name, found, console),
        warnings=(*left_out(len(given) - len(questions)), *([few] if found.questions < _FEW else [])),
    )


def unfit(config: Config, document_type: str | None) -> CommandResult:
    """Have an index searched as its profile says."""
    from ragfactory.store.durable import store_errors
    from ragfactory.store.layout import IndexPaths
    from ragfactory.store.settings import remove_settings

    name = the_index(config, document_type)
    with store_errors():
        removed = remove_settings(IndexPaths.of(config.indexes, name))
    told = "is searched as its profile says again" if removed else "has no settings of its own"
    return CommandResult(
        data={"index": str(name), "removed": removed}, render=lambda console: console.print(f"{name} {told}")
    )


def _settings(found: Fit, manifest: Manifest) -> Settings:
    from ragfactory.store.settings import Fitted, Settings

    fitted = Fitted(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        questions=found.questions,
        version=manifest.version,
        embedder=manifest.embedder.name,
        fingerprint=manifest.embedder.fingerprint,
        ndcg_at_10=round(found.held_out, 4),
        before=round(found.before, 4),
    )
    return Settings(retrieve=asdict(found.best), fitted=fitted)


def _render(name: IndexName, found: Fit, console: Console) -> None:
    keys = ", ".join(f"{key} {value:g}" for key, value in asdict(found.best).items())
    gain = found.gain
    console.print(f"{name}: best on {counted(found.questions, 'question')} is {keys}", soft_wrap=True)
    console.print(
        f"nDCG@10 on questions not chosen by: {found.held_out:.3f}, before {found.before:.3f}; "
        f"difference {gain.mean:+.3f} [{gain.low:+.3f} {gain.high:+.3f}], p {gain.p_value:.3f}",
        soft_wrap=True,
    )
    if not found.is_better:
        console.print("no better than what is there: nothing was changed")
        return
    sure = "" if gain.is_real else ", though the difference may be chance"
    console.print(f"kept in the settings of the index{sure}; --unfit removes them", soft_wrap=True)
