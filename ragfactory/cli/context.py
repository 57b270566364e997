"""`ragfactory context`: the contexts that language models wrote."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from ragfactory.cli import options
from ragfactory.cli.result import CommandResult
from ragfactory.cli.run import run
from ragfactory.cli.text import counted, on_one_line

if TYPE_CHECKING:
    from rich.console import Console

    from ragfactory.cli.output import Output
    from ragfactory.context.cache import CacheStats, Holding, RunRecord

app = typer.Typer(help="Show what language models wrote.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """Show what language models wrote."""


@app.command("cache")
def cache(home: options.Home = None, json: options.Json = False) -> None:
    """Show how many contexts are kept of each model, and how many the last runs found there."""

    def body(_output: Output) -> CommandResult:
        from ragfactory.context.cache import CacheStats, ContextCache

        path = options.configure(home).contexts
        stats = CacheStats(bytes=0)
        if path.exists():
            with ContextCache.open(path) as kept:
                stats = kept.stats()
        data = {
            "path": str(path),
            "bytes": stats.bytes,
            "entries": stats.entries,
            "models": [_holding(holding) for holding in stats.holdings],
            "runs": [_run(record) for record in stats.runs],
        }
        return CommandResult(data=data, render=lambda console: _render(stats, console))

    run("context cache", body, json=json)


def _holding(holding: Holding) -> dict[str, Any]:
    model = holding.model
    return {
        "writer": model.writer,
        "model": model.name,
        "fingerprint": model.fingerprint,
        "entries": holding.entries,
        "text_bytes": holding.bytes,
    }


def _run(record: RunRecord) -> dict[str, Any]:
    counts = record.counts
    return {
        "run_id": record.run_id,
        "writer": record.model.writer,
        "model": record.model.name,
        "ended": datetime.fromtimestamp(record.ended, UTC).isoformat(),
        "asked": counts.asked,
        "found": counts.found,
        "written": counts.written,
        "refused": counts.refused,
        "hit_rate": counts.hit_rate,
    }


def _render(stats: CacheStats, console: Console) -> None:
    if not stats.entries and not stats.runs:
        console.print("no contexts of language models are kept")
        return
    _render_holdings(stats, console)
    if stats.runs:
        console.print()
        _render_runs(stats, console)


def _render_holdings(stats: CacheStats, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    table.add_column("writer", no_wrap=True)
    table.add_column("model", overflow="fold")
    table.add_column("answers", justify="right")
    table.add_column("text", justify="right")
    for holding in stats.holdings:
        name, size = Text(on_one_line(holding.model.name)), _size(holding.bytes)
        table.add_row(holding.model.writer, name, f"{holding.entries:,}", size)
    console.print(table)
    console.print(f"{counted(stats.entries, 'answer')}, {_size(stats.bytes)} on disk")


def _size(size: int) -> str:
    return f"{size / 2**20:,.1f} MiB" if size >= 2**20 else f"{size / 2**10:.1f} KiB"


def _render_runs(stats: CacheStats, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    table.add_column("run", overflow="fold")
    table.add_column("model", overflow="fold")
    for column in ("wanted", "found", "written", "refused", "hit rate"):
        table.add_column(column, justify="right")
    for record in stats.runs:
        counts = record.counts
        numbers = (f"{number:,}" for number in (counts.asked, counts.found, counts.written, counts.refused))
        rate = "" if counts.hit_rate is None else f"{counts.hit_rate:.0%}"
        table.add_row(Text(record.run_id), Text(on_one_line(record.model.name)), *numbers, rate)
    console.print(table)
