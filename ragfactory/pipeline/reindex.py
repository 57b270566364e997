"""Reindex: bring the indexes of a home up to date with the folders that they were built from."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragfactory import events
from ragfactory.errors import IndexNotFoundError, RagfactoryError, VanishedFolderError
from ragfactory.pipeline.project import Project
from ragfactory.pipeline.reported import reported
from ragfactory.pipeline.run import AUTO, ProjectRun, RunOptions, open_makers
from ragfactory.pipeline.scan import scan_again
from ragfactory.profiles import get_profile, load_profiles
from ragfactory.reporting.report import RunReport
from ragfactory.store.layout import find_indexes, find_projects, options_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ragfactory.config import Config
    from ragfactory.events import Listener
    from ragfactory.pipeline.run import Makers
    from ragfactory.pipeline.scan import Scan, Source
    from ragfactory.store.records import RootEntry


@dataclass(frozen=True, slots=True)
class Selection:
    """Which indexes to look after; None is all."""

    tenant: str | None = None
    project: str | None = None
    document_type: str | None = None


@dataclass(frozen=True, slots=True)
class Reindexed:
    """What came of a reindex: the report over all projects, how many these are, and the errors that ended it over some of them."""

    report: RunReport
    projects: int
    errors: tuple[RagfactoryError, ...]


def reindex(
    config: Config,
    listener: Listener,
    *,
    selection: Selection,
    options: RunOptions | None = None,
    report: RunReport | None = None,
) -> Reindexed:
    """Bring the selected indexes up to date. One project's error does not keep the others from being done.

    Raises IndexNotFoundError when there is none to look after.
    """
    options, report = options or RunOptions(), report or RunReport()
    projects = _projects(config, selection)
    errors = []
    with (
        reported(report, config, listener, kept=not options.dry_run) as emit,
        open_makers(config, report.run_id, emit, options) as makers,
    ):
        for tenant, project in projects:
            emit(events.Begun(tenant, project))
            try:
                own = config.model_copy(update={"tenant": tenant, "project": project})
                with Project(own, lock=not options.dry_run, wait=options.wait) as opened:
                    _reindex_project(opened, selection.document_type, options, makers=makers, emit=emit, report=report)
            except RagfactoryError as error:
                errors.append(error)
    return Reindexed(report, len(projects), tuple(errors))


def _projects(config: Config, selection: Selection) -> list[tuple[str, str]]:
    """(tenant, project) of what was selected. A project without any index counts too, when it follows a folder."""
    tenant, project, document_type = selection.tenant, selection.project, selection.document_type
    if document_type:
        names = find_indexes(config.indexes, tenant=tenant, project=project, document_type=document_type)
        chosen = {(name.tenant, name.project) for name in names}
    else:
        chosen = find_projects(config.indexes, tenant=tenant, project=project)
    if not chosen:
        raise IndexNotFoundError(
            f"there is no such index in {config.indexes}", hint="`ragfactory index list` shows what there is"
        )
    return sorted(chosen)


def _reindex_project(
    project: Project,
    document_type: str | None,
    options: RunOptions,
    *,
    makers: Makers,
    emit: Listener,
    report: RunReport,
) -> None:
    roots = project.roots(document_type)
    _refuse_unknown(roots.values(), project.config)
    known = {*project.documents, *project.failures}
    named = [(root, path) for root, path in known if root in roots and not roots[root].whole]
    found = scan_again([root for root, entry in roots.items() if entry.whole], named)
    _tell_vanished(found, project, roots, emit)
    profile_of = _profile_of(project, roots)
    ProjectRun(project, options, profile_of, project.roots(), makers=makers, emit=emit).execute(found, report)


def _refuse_unknown(roots: Iterable[RootEntry], config: Config) -> None:
    """Raise ProfileError where new files of a folder would be made with a profile that is not there any more."""
    loaded = load_profiles(config.profile_dirs)
    for name in {entry.profile for entry in roots} - {AUTO}:
        get_profile(loaded, name)


def _tell_vanished(found: Scan, project: Project, roots: Mapping[str, RootEntry], emit: Listener) -> None:
    where = options_of(project.config.tenant, project.config.project)
    for root in found.vanished:
        documents = sum(1 for identity in project.documents if identity[0] == root)
        asked = f"--profile {shlex.quote(roots[root].profile)} {where}"
        error = VanishedFolderError(
            f"the folder is not there; the index keeps its {documents} documents",
            hint=f"mount the disk; if the documents are to go: `ragfactory ingest {shlex.quote(root)} --allow-shrink {asked}`",
        )
        emit(events.Failed.of(root, ".", error))


def _profile_of(project: Project, roots: dict[str, RootEntry]) -> Callable[[Source], str | None]:
    """A document that is there keeps the way it got its type; a new one gets what its folder was ingested with."""

    def profile_of(source: Source) -> str | None:
        record = project.documents.get(source.identity)
        if record is not None:
            return record.document_type if record.forced else None
        asked = roots[source.root].profile
        return None if asked == AUTO else asked

    return profile_of
