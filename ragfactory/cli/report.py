"""How a run report is shown to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragfactory.cli.text import counted, on_one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from ragfactory.reporting.report import DeviceTotals, RunReport, StageTotals


_RETYPED = 5  # documents whose type a model suggested that are named; the others are counted


def render_report(report: RunReport, console: Console) -> None:
    """Write what a run did, or with --dry-run would do, as a table and a line for each index that it published."""
    from rich.table import Table

    if report.planned:
        _render_plan(report, console)
        return
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in _facts(report):
        table.add_row(name, value)
    console.print(table)
    if not report.published:
        console.print(
            "nothing published" if report.failed or report.files_left else "nothing changed, nothing published"
        )
    for version in report.published:
        console.print(
            f"published {version['index']} version {version['version']:06d}: "
            f"{counted(version['documents'], 'document')}, {counted(version['chunks'], 'chunk')}"
        )


def _render_plan(report: RunReport, console: Console) -> None:
    from rich.text import Text

    for what, paths in report.planned.items():
        for path in paths:
            console.print(Text.assemble((f"{what:8}", "bold"), on_one_line(path)), soft_wrap=True)
    counts = ", ".join(f"{len(paths):,} {what}" for what, paths in report.planned.items() if paths)
    console.print(f"would be done: {counts or 'nothing'}; {report.files_unchanged:,} unchanged")


def _facts(report: RunReport) -> Iterator[tuple[str, str]]:
    yield "files", _counts(report)
    for entry in report.retyped[:_RETYPED]:
        yield (
            "type",
            f"{on_one_line(entry['path'])}: {entry['to']}, as the language model suggests; {entry['from']} by rule",
        )
    if len(report.retyped) > _RETYPED:
        yield "type", f"{len(report.retyped) - _RETYPED:,} more documents, which --json names"
    if report.pages:
        yield "pages", f"{report.pages:,}"
    if chunks := _chunk_counts(report):
        yield "chunks", chunks
    if contexts := _context_counts(report):
        yield "contexts", contexts
    for name, totals in report.stages.items():
        if totals.items:
            yield name, _stage(totals)
    for name, device in report.by_device().items():
        if len(report.devices) > 1 or name != "cpu":
            yield name, _device(device)
    yield "time", f"{report.seconds:.1f} s"


def _counts(report: RunReport) -> str:
    counts = {
        "added": report.files_added,
        "changed": report.files_changed,
        "moved": report.files_moved,
        "removed": report.files_removed,
        "unchanged": report.files_unchanged,
        "left to the next run": report.files_left,
        "failed": len(report.failed),
        "failed before": len(report.failed_before),
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


def _context_counts(report: RunReport) -> str:
    counts = {
        "written": report.contexts_written,
        "kept from before": report.contexts_found,
        "refused": report.contexts_refused,
        "still missing": report.contexts_missing,
    }
    return ", ".join(f"{n:,} {what}" for what, n in counts.items() if n)


def _stage(totals: StageTotals | DeviceTotals) -> str:
    rate = f", {totals.items / totals.seconds:,.1f}/s" if totals.seconds else ""
    tokens = f", {totals.tokens / totals.seconds:,.0f} tokens/s" if totals.tokens and totals.seconds else ""
    return f"{totals.items:,} in {totals.seconds:.1f} s{rate}{tokens}"


def _device(totals: DeviceTotals) -> str:
    again = f", {totals.retried:,} done again" if totals.retried else ""
    lost = f", {counted(totals.workers_lost, 'worker')} lost" if totals.workers_lost else ""
    said = again + lost + (f", {counted(totals.rests, 'rest')}" if totals.rests else "")
    return _stage(totals) + said + (", benched" if totals.benched else "")
