"""What `ingest` and `reindex` share: their options, what listens to a run, and how its report becomes a result."""

from __future__ import annotations

import re
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from ragfactory.cli.report import render_report
from ragfactory.cli.result import CommandResult, Problem
from ragfactory.cli.run import result_of
from ragfactory.cli.text import counted
from ragfactory.errors import ExitCode, FailedBeforeError, GateError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ragfactory.cli.output import Output
    from ragfactory.config import Config
    from ragfactory.errors import RagfactoryError
    from ragfactory.events import Event, Listener
    from ragfactory.reporting.metrics import IndexFigures
    from ragfactory.reporting.report import RunReport
    from ragfactory.reporting.webhook import Webhook

    Work: TypeAlias = Callable[[Listener, RunReport], CommandResult]

AllowShrink = Annotated[
    bool,
    typer.Option("--allow-shrink", help="Let more than half of a folder's documents go, when their files are gone."),
]
LimitContexts = Annotated[
    int | None,
    typer.Option("--limit-contexts", metavar="N", min=0, help="Ask a language model for so many contexts at most."),
]
RetryFailed = Annotated[
    bool, typer.Option("--retry-failed", help="Try files again that failed before and did not change since.")
]
Until = Annotated[
    str | None,
    typer.Option("--until", metavar="HH:MM", help="Stop in good order at that time, and publish what is whole."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Wait = Annotated[
    float,
    typer.Option("--wait", metavar="SECONDS", min=0, help="Wait so long for another run over the same documents."),
]
WebhookUrl = Annotated[
    str | None,
    typer.Option("--webhook", metavar="URL", help="Post the status of each document and of the run there."),
]
MetricsFile = Annotated[
    Path | None,
    typer.Option("--metrics-file", metavar="PATH", help="Write figures for Prometheus's node_exporter there."),
]


@dataclass(frozen=True, slots=True)
class Reporting:
    """Who is told of a run: options of the command line, over those of the configuration. Of a `dry_run` nobody but the user is."""

    dry_run: bool = False
    quiet: bool = False
    webhook: str | None = None
    metrics_file: Path | None = None


def is_over(until: str | None) -> Callable[[], bool]:
    """Tells whether the time of day given as HH:MM, the next there is, has come. Raises UsageError."""
    if until is None:
        return lambda: False
    found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", until)
    if not found:
        raise UsageError(f"--until: a time such as 06:00 expected, got {until!r}", hint="hours and minutes, 24 hours")
    # What a clock on the wall shows: until a time of tomorrow, it may be set an hour forward or back.
    now = datetime.fromtimestamp(time.time()).astimezone().replace(tzinfo=None)
    end = now.replace(hour=int(found[1]), minute=int(found[2]), second=0, microsecond=0)
    moment = (end if end > now else end + timedelta(days=1)).timestamp()
    return lambda: time.time() >= moment


def run_reported(output: Output, config: Config, reporting: Reporting, work: Work) -> CommandResult:
    """Do a run's work and tell everyone who listens how it goes and ends, whatever the end."""
    from ragfactory.reporting.eventlog import EventLog
    from ragfactory.reporting.metrics import check_metrics_path
    from ragfactory.reporting.report import RunReport
    from ragfactory.reporting.webhook import Webhook

    report = RunReport()
    if reporting.dry_run:
        return _watched(output, config, reporting, work, report)
    url, metrics_file = reporting.webhook or config.webhook, reporting.metrics_file or config.metrics_file
    if metrics_file:
        check_metrics_path(metrics_file)
    with ExitStack() as stack:
        log = stack.enter_context(EventLog(config.event_logs, report.run_id, config.keep_logs))
        hook = stack.enter_context(Webhook(url, report.run_id, _token())) if url else None
        result = _watched(output, config, reporting, work, report, log, *([hook] if hook else []))
        _tell_end(hook, result, report)
    alarms = [*result.alarms]
    alarms += [problem for problem in (log.problem, hook and hook.problem) if problem]
    if metrics_file:
        alarms += _write_metrics(metrics_file, config, report, result.exit_code)
    return replace(result, alarms=tuple(alarms))


def result_of_run(
    report: RunReport, errors: Sequence[RagfactoryError] = (), *, some_done: bool = False, full_paths: bool = False
) -> CommandResult:
    """What a run comes to that made a report; `errors` ended it over some projects, and `some_done` says that it did others."""
    return CommandResult(
        data=report.to_dict(),
        render=lambda console: render_report(report, console),
        warnings=notices_of(report),
        alarms=tuple(report.alarms),
        errors=(*problems_of(report, full_paths=full_paths), *map(Problem.of, errors)),
        exit_code=_exit_code(report, errors, some_done=some_done) if errors else report.exit_code,
    )


def _exit_code(report: RunReport, errors: Sequence[RagfactoryError], *, some_done: bool) -> ExitCode:
    """Partial where something was published, or a project was as it should be; else that of the error.

    A gate that let nothing through is told as such, although files are as they should be.
    """
    if report.published:
        return ExitCode.PARTIAL
    if gated := next((error for error in errors if isinstance(error, GateError)), None):
        return gated.exit_code
    done = some_done and report.exit_code is not ExitCode.NOT_PUBLISHED
    return ExitCode.PARTIAL if done else errors[0].exit_code


def problems_of(report: RunReport, *, full_paths: bool) -> tuple[Problem, ...]:
    """The files of a run that failed, each with its reason, and what that means for the index when all of them did."""
    from ragfactory.store.layout import options_of

    problems = []
    for entry in report.failed:
        root, path = str(entry["root"]), str(entry["path"])
        shown = root if path == "." else f"{root}/{path}" if full_paths else path
        problems.append(Problem(str(entry["code"]), str(entry["message"]), entry["hint"], shown))
    failed_before = Counter((entry["tenant"], entry["project"]) for entry in report.failed_before)
    for (tenant, project), before in failed_before.items():
        files = "1 file that failed before is" if before == 1 else f"{before:,} files that failed before are"
        hint = f"`ragfactory index show --failed {options_of(tenant, project)}` says why; --retry-failed tries again"
        problems.append(Problem.of(FailedBeforeError(f"{files} not tried again, since nothing changed", hint=hint)))
    if report.exit_code is ExitCode.NOT_PUBLISHED:
        problems.append(Problem("nothing_published", "nothing was published; what was published before still serves"))
    return tuple(problems)


def notices_of(report: RunReport) -> tuple[str, ...]:
    """What the user should know of a run."""
    recovered = f"{counted(report.vectors_recovered, 'vector')} of an unfinished run used again"
    left = f"time was up: {counted(report.files_left, 'file')} left to the next run"
    missing = f"{counted(report.contexts_missing, 'context')} still to be written; the next run goes on"
    return (
        *report.notices,
        *([missing] if report.contexts_missing else []),
        *_troubles_of(report),
        *([recovered] if report.vectors_recovered else []),
        *([left] if report.files_left else []),
    )


def _troubles_of(report: RunReport) -> Iterator[str]:
    """What went wrong with devices and was made good elsewhere, a line each."""
    for name, totals in report.by_device().items():
        if totals.benched:
            yield f"{name} was benched: {totals.benched}"
        elif totals.workers_lost:
            why = report.reason(name, "worker_lost")
            yield f"{name}: {counted(totals.workers_lost, 'worker')} lost, the work done again" + (
                f": {why}" if why else ""
            )
        elif totals.rests:
            yield f"{name}: {counted(totals.rests, 'rest')}" + (
                f": {why}" if (why := report.reason(name, "rested")) else ""
            )
    fallbacks = [incident["reason"] for incident in report.incidents if incident["what"] == "fell_back"]
    if fallbacks:
        yield f"the CPU took over: {fallbacks[0]}" + (
            f" (and {len(fallbacks) - 1} times more)" if fallbacks[1:] else ""
        )


def _watched(
    output: Output, config: Config, reporting: Reporting, work: Work, report: RunReport, *listeners: Listener
) -> CommandResult:
    """What the work comes to, with its progress on the terminal."""
    from ragfactory.cli.progress import show_progress

    with ExitStack() as shown:
        watching = () if reporting.quiet else (shown.enter_context(show_progress(output, config.fleet)),)
        return result_of(lambda _: work(_all_of((*listeners, *watching)), report), output, resumes=True)


def _token() -> str | None:
    from ragfactory.config import webhook_token

    return webhook_token()


def _all_of(listeners: Iterable[Listener]) -> Listener:
    def tell(event: Event) -> None:
        for listener in listeners:
            listener(event)

    return tell


def _tell_end(hook: Webhook | None, result: CommandResult, report: RunReport) -> None:
    if hook is not None:
        of_files = {*problems_of(report, full_paths=True), *problems_of(report, full_paths=False)}
        errors = [asdict(problem) for problem in result.errors if problem not in of_files]
        hook.run_ended(result.exit_code, report.to_dict(), errors)


def _write_metrics(path: Path, config: Config, report: RunReport, exit_code: ExitCode) -> Iterator[str]:
    """Write the metrics; yields what went wrong, which is no reason for a run to fail."""
    from ragfactory.reporting.metrics import write_metrics

    try:
        write_metrics(path, report.to_dict(), exit_code, _figures(config))
    except OSError as error:
        yield f"the metrics cannot be written: {error}"


def _figures(config: Config) -> Iterator[IndexFigures]:
    """The indexes that serve. One that is damaged has no figures; the exit code and `index check` speak of it."""
    from ragfactory.errors import DamagedIndexError
    from ragfactory.reporting.metrics import IndexFigures
    from ragfactory.store.layout import IndexPaths, find_indexes
    from ragfactory.store.version import current_directory, read_manifest

    for name in find_indexes(config.indexes):
        try:
            manifest = read_manifest(current_directory(IndexPaths.of(config.indexes, name), name))
        except DamagedIndexError:
            continue
        yield IndexFigures(manifest.index, manifest.version, manifest.documents, manifest.chunks)
