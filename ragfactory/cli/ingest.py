"""`ragfactory ingest`: build or update the indexes of a project from files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragfactory.cli import options, running
from ragfactory.cli.run import run
from ragfactory.errors import RagfactoryError

if TYPE_CHECKING:
    from ragfactory.cli.output import Output
    from ragfactory.cli.result import CommandResult
    from ragfactory.events import Listener
    from ragfactory.reporting.report import RunReport


def ingest(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Folders and files to take in.")],
    profile: Annotated[
        str, typer.Option("--profile", help="The profile for all files; auto recognises each file's type.")
    ] = "auto",
    embedder: options.Embedder = None,
    until: running.Until = None,
    dry_run: running.DryRun = False,
    allow_shrink: running.AllowShrink = False,
    retry_failed: running.RetryFailed = False,
    context: options.ContextWriter = None,
    limit_contexts: running.LimitContexts = None,
    devices: options.Devices = None,
    quiet: options.Quiet = False,
    wait: running.Wait = 0.0,
    webhook: running.WebhookUrl = None,
    metrics_file: running.MetricsFile = None,
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
        from ragfactory.evaluation.gate import Gatekeeper
        from ragfactory.pipeline.ingest import ingest as run_ingest
        from ragfactory.pipeline.run import RunOptions

        config = options.configure(home, tenant=tenant, project=project, devices=devices)
        asked = RunOptions(
            embedder=embedder,
            context=context,
            limit_contexts=limit_contexts,
            allow_shrink=allow_shrink,
            retry_failed=retry_failed,
            dry_run=dry_run,
            wait=wait,
            is_over=running.is_over(until),
            gate=Gatekeeper(config),
        )

        def work(listener: Listener, report: RunReport) -> CommandResult:
            try:
                run_ingest(paths, config, listener, profile=profile, options=asked, report=report)
            except RagfactoryError as error:
                if not report.published:
                    raise
                return running.result_of_run(report, [error])
            return running.result_of_run(report)

        reporting = running.Reporting(dry_run, quiet, webhook, metrics_file)
        return running.run_reported(output, config, reporting, work)

    run("ingest", body, json=json, quiet=quiet)
