"""`ragfactory bench`: how fast this machine does the work, beside a named baseline in the same run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragfactory.cli import options
from ragfactory.cli.result import CommandResult
from ragfactory.cli.run import run
from ragfactory.cli.running import problems_of

if TYPE_CHECKING:
    from rich.console import Console

    from ragfactory.cli.output import Output
    from ragfactory.pipeline.benchmark import IngestBenchmark

app = typer.Typer(help="Measure how fast this machine does the work.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _bench() -> None:
    """Measure how fast this machine does the work."""


@app.command("ingest")
def ingest(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Folders and files to measure on.")],
    profile: Annotated[str, typer.Option("--profile", help="The profile for all files.")] = "auto",
    max_pages: Annotated[
        int, typer.Option("--max-pages", min=1, help="At most so many pages with tables for the comparison.")
    ] = 60,
    embedder: options.Embedder = None,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Take files in twice, in a temporary home, and print the rate of each stage.

    The baseline for tables is PyMuPDF's find_tables on the same pages, in the same run.
    """

    def body(output: Output) -> CommandResult:
        from ragfactory.cli.progress import show_progress
        from ragfactory.pipeline.benchmark import benchmark_ingest
        from ragfactory.pipeline.run import RunOptions

        config = options.configure(home)
        with show_progress(output, config.fleet) as listener:
            result = benchmark_ingest(
                paths, profile, RunOptions(embedder=embedder), config, listener, max_pages=max_pages
            )
        return CommandResult(
            data=_data(result),
            render=lambda console: _render(result, console),
            warnings=tuple(result.first.notices),
            errors=problems_of(result.first, full_paths=False),
            exit_code=result.first.exit_code,
        )

    run("bench ingest", body, json=json)


def _data(result: IngestBenchmark) -> dict[str, Any]:
    return {
        "first": result.first.to_dict(),
        "second_seconds": result.second.seconds,
        "tables": {
            "pages": result.tables.pages,
            "ours_s": result.tables.ours_s,
            "find_tables_s": result.tables.find_tables_s,
            "ratio": result.tables.ratio,
        },
    }


def _render(result: IngestBenchmark, console: Console) -> None:
    from rich.table import Table

    report = result.first
    files = report.files_added
    table = Table(box=None, pad_edge=False)
    table.add_column("stage")
    for name in ("seconds", "files/s", "pages/s", "chunks/s", "tokens/s"):
        table.add_column(name, justify="right")
    chunks = report.chunks_made + report.chunks_reused + report.chunks_deduplicated
    tokens = report.stages["embed"].tokens
    rows = [(name, totals.seconds) for name, totals in report.stages.items()] + [("whole run", report.seconds)]
    for name, seconds in rows:
        amounts = {
            "parse": (files, report.pages, None, None),
            "chunk": (files, report.pages, chunks, None),
            "embed": (None, None, report.stages["embed"].items, tokens),
            "publish": (files, report.pages, chunks, None),
        }.get(name, (files, report.pages, chunks, tokens))
        table.add_row(name, f"{seconds:.2f}", *(_rate(amount, seconds) for amount in amounts))
    console.print(table)
    console.print(f"second run, nothing changed: {result.second.seconds:.2f} s, {_share(result)} of the first")
    race = result.tables
    if race.pages:
        console.print(
            f"PDF pages with tables: {race.pages} pages, ours {race.pages / race.ours_s:.1f} pages/s, "
            f"PyMuPDF find_tables {race.pages / race.find_tables_s:.1f} pages/s, ratio {race.ratio:.1f}"
        )
    else:
        console.print("PDF pages with tables: there are none among these files")


def _rate(amount: int | None, seconds: float) -> str:
    return "" if not amount or not seconds else f"{amount / seconds:,.1f}"


def _share(result: IngestBenchmark) -> str:
    return f"{result.second.seconds / result.first.seconds:.1%}" if result.first.seconds else "no part"
