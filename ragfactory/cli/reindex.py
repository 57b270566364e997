"""`ragfactory reindex`: bring every index up to date with the folders it was built from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ragfactory.cli import options, running
from ragfactory.cli.run import run

if TYPE_CHECKING:
    from ragfactory.cli.output import Output
    from ragfactory.cli.result import CommandResult
    from ragfactory.events import Listener
    from ragfactory.reporting.report import RunReport


def reindex(
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
    tenant: Annotated[str | None, typer.Option("--tenant", help="Only this tenant's.", show_default="all")] = None,
    project: Annotated[str | None, typer.Option("--project", help="Only this project's.", show_default="all")] = None,
    document_type: Annotated[
        str | None,
        typer.Option("--type", help="Only the folders that the index of this type was built from.", show_default="all"),
    ] = None,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Bring every index up to date with the folders it was built from: files added, changed, moved, removed.

    Made for cron: run it every night, and again after a crash. A folder that has vanished keeps its documents.
    """

    def body(output: Output) -> CommandResult:
        from ragfactory.evaluation.gate import Gatekeeper
        from ragfactory.pipeline.reindex import Selection
        from ragfactory.pipeline.reindex import reindex as run_reindex
        from ragfactory.pipeline.run import RunOptions

        config = options.configure(home, devices=devices)
        asked = RunOptions(
            context=context,
            limit_contexts=limit_contexts,
            allow_shrink=allow_shrink,
            retry_failed=retry_failed,
            dry_run=dry_run,
            wait=wait,
            is_over=running.is_over(until),
            gate=Gatekeeper(config),
        )
        selection = Selection(tenant, project, document_type)

        def work(listener: Listener, report: RunReport) -> CommandResult:
            done = run_reindex(config, listener, selection=selection, options=asked, report=report)
            some_done = len(done.errors) < done.projects
            return running.result_of_run(report, done.errors, some_done=some_done, full_paths=True)

        reporting = running.Reporting(dry_run, quiet, webhook, metrics_file)
        return running.run_reported(output, config, reporting, work)

    run("reindex", body, json=json, quiet=quiet)
