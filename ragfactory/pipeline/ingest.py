"""Ingest: bring the indexes of a project up to date with folders and files that are named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragfactory import events
from ragfactory.documents.registry import parsers
from ragfactory.errors import UsageError
from ragfactory.pipeline.project import Project
from ragfactory.pipeline.reported import reported
from ragfactory.pipeline.run import AUTO, ProjectRun, RunOptions, open_makers
from ragfactory.pipeline.scan import refuse_missing, scan
from ragfactory.profiles import get_profile, load_profiles
from ragfactory.reporting.report import RunReport
from ragfactory.store.records import RootEntry
from ragfactory.store.roots import join_roots

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ragfactory.config import Config
    from ragfactory.events import Listener
    from ragfactory.pipeline.scan import Scan


def ingest(
    paths: Sequence[Path],
    config: Config,
    listener: Listener,
    *,
    profile: str = AUTO,
    options: RunOptions | None = None,
    report: RunReport | None = None,
) -> RunReport:
    """Bring the indexes of the project up to date with the files under `paths`, publish what changed, and return the report.

    `profile` is that of all files; `auto` recognises each. A file that fails keeps its document from before, if it had one. Raises
    UsageError when there is nothing to read, LockedError, ModelUnavailableError, and when the disk refuses NothingPublishedError
    or, after one of the indexes was published, PartlyPublishedError.
    """
    options, report = options or RunOptions(), report or RunReport()
    forced = None if profile == AUTO else get_profile(load_profiles(config.profile_dirs), profile).name
    if not options.allow_shrink:
        refuse_missing(paths)
    with reported(report, config, listener, kept=not options.dry_run) as emit:
        emit(events.Begun(config.tenant, config.project))
        with (
            open_makers(config, report.run_id, emit, options) as makers,
            Project(config, lock=not options.dry_run, wait=options.wait) as project,
        ):
            found = scan(paths, allow_missing=options.allow_shrink)
            _refuse_nothing(found, project)
            roots = _roots(found, project, profile)
            ProjectRun(project, options, lambda _: forced, roots, makers=makers, emit=emit).execute(found, report)
    return report


def _roots(found: Scan, project: Project, profile: str) -> dict[str, RootEntry]:
    """The folders that the project follows from here on: those it knows and those that were named, without those that are gone."""
    asked = [RootEntry(path=root, whole=root in found.whole_roots, profile=profile) for root in found.roots]
    joined = join_roots(project.roots(), asked)
    return {path: entry for path, entry in joined.items() if path not in found.gone}


def _refuse_nothing(found: Scan, project: Project) -> None:
    known = found.whole_roots & project.roots().keys()
    if found.sources or known or any(found.covers(identity) for identity in project.documents):
        return
    skipped = ", ".join(f"{count} {extension}" for extension, count in sorted(found.skipped.items()))
    raise UsageError(
        "there is no file to read" + (f" (left alone: {skipped})" if skipped else ""),
        hint="read are " + " ".join(sorted(parsers())),
    )
