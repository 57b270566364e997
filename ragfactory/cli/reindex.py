"""`ragfactory reindex`: bring every index up to date with the folders it was built from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ragfactory.cli import options, running
from ragfactory.cli.ingest import render_report
from ragfactory.cli.result import CommandResult, Problem
from ragfactory.cli.run import run
from ragfactory.errors import ExitCode, GateError

if TYPE_CHECKING:
    from ragfactory.cli.output import Output
    from ragfactory.events import Listener
    from ragfactory.pipeline.reindex import Reindexed
    from ragfactory.reporting.report import RunReport


def reindex(
    until: running.Until = None,
    dry_run: running.DryRun = False,
    allow_shrink: running.AllowShrink = False,
    retry_failed: running.RetryFailed = False,
    context: running.ContextWriter = None,
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
            return _result(run_reindex(config, listener, selection=selection, options=asked, report=report))

        return running.run_reported(output, config, running.Reporting(quiet, webhook, metrics_file), work)

    run("reindex", body, json=json, quiet=quiet)


def _result(done: Reindexed) -> CommandResult:
    report = done.report
    return CommandResult(
        data=report.to_dict(),
        render=lambda console: render_report(report, console),
        warnings=running.notices_of(report),
        errors=(*running.problems_of(report, full_paths=True), *map(Problem.of, done.errors)),
        exit_code=_exit_code(done),
    )


def _exit_code(done: Reindexed) -> ExitCode:
    """That of the report; where a project could not be done at all, partial if another was, else that of its error.

    A gate that let nothing through is told as such, although files are as they should be.
    """
    if not done.errors:
        return done.report.exit_code
    refused = [error for error in done.errors if isinstance(error, GateError)]
    if refused and not done.report.published:
        return refused[0].exit_code
    if done.report.published or done.report.good_files:
        return ExitCode.PARTIAL
    return done.errors[0].exit_code
