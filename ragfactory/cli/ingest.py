"""`ragfactory ingest`: build or update the indexes of a project from files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragfactory.cli import options
from ragfactory.cli.output import counted
from ragfactory.cli.result import CommandResult, Problem
from ragfactory.cli.run import run
from ragfactory.errors import ExitCode

if TYPE_CHECKING:
    from rich.console import Console

    from ragfactory.cli.output import Output
    from ragfactory.pipeline.report import RunReport, StageTotals


def ingest(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Folders and files to take in.")],
    profile: Annotated[
        str, typer.Option("--profile", help="The profile for all files; auto recognises each file's type.")
    ] = "auto",
    embedder: options.Embedder = None,
    allow_empty: Annotated[
        bool,
        typer.Option("--allow-empty", help="A folder that is gone, or without any file left, takes its documents out."),
    ] = False,
    tenant: options.Tenant = None,
    project: options.Project = None,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Take in folders and files: read, recognise, cut, describe, embed, publish.

    Reads PDF, DOCX, Markdown, text, HTML, CSV, JSON and source code. Files that did not change are left alone, files that
    are gone from a folder are taken out, and what failed is named at the end.
    """

    def body(output: Output) -> CommandResult:
        from ragfactory.cli.progress import show_progress
        from ragfactory.pipeline.ingest import IngestOptions
        from ragfactory.pipeline.ingest import ingest as run_ingest

        config = options.configure(home, tenant=tenant, project=project)
        with show_progress(output) as listener:
            report = run_ingest(paths, IngestOptions(profile, embedder, allow_empty), config, listener)
        return CommandResult(
            data=report.to_dict(),
            render=lambda console: _render(report, console),
            warnings=tuple(report.notices),
            errors=problems(report),
            exit_code=report.exit_code,
        )

    run("ingest", body, json=json)


def problems(report: RunReport) -> tuple[Problem, ...]:
    """The files of a run that failed, each with its reason, and what that means for the index when all of them did."""
    failed = tuple(
        Problem(str(entry["code"]), str(entry["message"]), entry["hint"], entry["path"]) for entry in report.failed
    )
    if report.exit_code is not ExitCode.NOT_PUBLISHED:
        return failed
    return (*failed, Problem("nothing_published", "every file failed, and nothing was published"))


def _render(report: RunReport, console: Console) -> None:
    from rich.table import Table

    facts = [
        ("files", _counts(report)),
        *([("pages", f"{report.pages:,}")] if report.pages else []),
        *([("chunks", chunks)] if (chunks := _chunk_counts(report)) else []),
        *((f"{name}", _stage(totals)) for name, totals in report.stages.items() if totals.items),
        ("time", f"{report.seconds:.1f} s"),
    ]
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(name, value)
    console.print(table)
    if not report.published:
        console.print("nothing changed, nothing published" if not report.failed else "nothing published")
    for version in report.published:
        console.print(
            f"published {version['index']} version {version['version']:06d}: "
            f"{counted(version['documents'], 'document')}, {counted(version['chunks'], 'chunk')}"
        )


def _counts(report: RunReport) -> str:
    counts = {
        "added": report.files_added,
        "changed": report.files_changed,
        "removed": report.files_removed,
        "unchanged": report.files_unchanged,
        "failed": len(report.failed),
        "skipped": sum(report.files_skipped.values()),
    }
    return f"{report.files_seen:,} seen: " + (
        ", ".join(f"{n:,} {what}" for what, n in counts.items() if n) or "none new"
    )


def _chunk_counts(report: RunReport) -> str:
    counts = {
        "made": report.chunks_made,
        "reused": report.chunks_reused,
        "deduplicated": report.chunks_deduplicated,
        "longer than the embedder's window": report.chunks_windowed,
    }
    return ", ".join(f"{n:,} {what}" for what, n in counts.items() if n)


def _stage(totals: StageTotals) -> str:
    rate = f", {totals.items / totals.seconds:,.1f}/s" if totals.seconds else ""
    tokens = f", {totals.tokens / totals.seconds:,.0f} tokens/s" if totals.tokens and totals.seconds else ""
    return f"{totals.items:,} in {totals.seconds:.1f} s{rate}{tokens}"
