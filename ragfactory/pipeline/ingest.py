"""One run: look through the folders, make what is new, publish."""

from __future__ import annotations

import os
import secrets
import time
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ragfactory import events
from ragfactory.documents.registry import parsers
from ragfactory.errors import NothingPublishedError, UsageError
from ragfactory.pipeline.assembly import Assembly
from ragfactory.pipeline.plan import make_plan
from ragfactory.pipeline.prepare import TARGET, PreparedDocument, Request, quote_path, setup_for
from ragfactory.pipeline.recipe import Recipes
from ragfactory.pipeline.report import RunReport
from ragfactory.pipeline.sandbox import Job, Sandbox
from ragfactory.pipeline.scan import scan
from ragfactory.profiles import get_profile, load_profiles
from ragfactory.store.durable import make_private_dirs, replace_file
from ragfactory.store.layout import IndexName, IndexPaths, index_names
from ragfactory.store.lock import writer_lock
from ragfactory.store.vectors import import_faiss
from ragfactory.store.version import current_directory, read_documents, read_manifest, refuse_damage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ragfactory.config import Config
    from ragfactory.errors import RagfactoryError
    from ragfactory.events import Event, Listener
    from ragfactory.pipeline.scan import Scan, Source
    from ragfactory.profiles import Profile
    from ragfactory.store.records import DocumentRecord, EmbedderEntry, Manifest
    from ragfactory.store.version import Identity

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """What a run is asked: a profile for all files or `auto`, an embedder other than the index's own, and whether a folder
    without any file left takes its documents along.
    """

    profile: str = AUTO
    embedder: str | None = None
    allow_empty: bool = False


def ingest(paths: Sequence[Path], options: IngestOptions, config: Config, listener: Listener) -> RunReport:
    """Bring the indexes of the project up to date with the files under `paths`, and publish what changed.

    A file that fails keeps its document from before, if it had one. Raises UsageError when there is nothing to read,
    LockedError, ModelUnavailableError, and NothingPublishedError when the disk refuses.
    """
    report = RunReport(run_id=f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}")

    def emit(event: Event) -> None:
        report(event)
        listener(event)

    started = time.perf_counter()
    found = scan(paths, allow_missing=options.allow_empty)
    with ExitStack() as stack:
        run = _Run(options, config, emit, stack)
        try:
            run.execute(found, report)
        finally:
            report.seconds = time.perf_counter() - started
            _keep(report, config.runs)
    return report


@contextmanager
def _store_errors(report: RunReport | None = None) -> Iterator[None]:
    """What the disk refuses to the store ends the run, and says whether something was published before."""
    try:
        yield
    except OSError as error:
        before = (
            ", ".join(f"{version['index']} version {version['version']:06d}" for version in report.published)
            if report
            else ""
        )
        raise NothingPublishedError(
            f"the store cannot be written: {error}" + (f" (published before that: {before})" if before else ""),
            hint="make room or mend the disk, then run this again",
        ) from error


class _Run:
    """The state of one run: the project's indexes as they were, locked, and the recipes."""

    def __init__(self, options: IngestOptions, config: Config, emit: Listener, stack: ExitStack) -> None:
        loaded = load_profiles(config.profile_dirs)
        self._forced = None if options.profile == AUTO else get_profile(loaded, options.profile).name
        self._profiles: dict[str, Profile] = {name: entry.profile for name, entry in loaded.items()}
        self._allow_empty = options.allow_empty
        self._config = config
        self._emit = emit
        self._stack = stack
        self._manifests: dict[str, Manifest] = {}
        self._stored: dict[Identity, DocumentRecord] = {}
        self._left_over: list[DocumentRecord] = []
        with _store_errors():
            self._open_project()
        self._recipes = Recipes(
            self._profiles.values(),
            routed=self._forced is None,
            choice=options.embedder,
            default=config.embedder,
            models=config.models,
            stored=self._stored_embedder,
        )

    def execute(self, found: Scan, report: RunReport) -> None:
        """Plan, make, publish."""
        if not found.sources and not any(found.covers(identity) for identity in self._stored):
            skipped = ", ".join(f"{count} {extension}" for extension, count in sorted(found.skipped.items()))
            raise UsageError(
                "there is no file to read" + (f" (left alone: {skipped})" if skipped else ""),
                hint="read are " + " ".join(sorted(parsers())),
            )
        self._refuse_emptied(found)
        report.files_skipped = found.skipped
        plan = make_plan(found, self._stored, self._recipes, self._forced)
        report.files_unchanged = plan.unchanged
        self._emit(
            events.Scanned(
                len(found.sources) + len(found.unreadable),
                len(plan.tasks),
                plan.unchanged,
                len(plan.removed),
                sum(found.skipped.values()),
            )
        )
        for entry in found.unreadable:
            self._emit(events.Failed(entry.place, "unreadable", f"it cannot be read: {entry.reason}"))
        leaving = (*plan.removed, *self._left_over)
        if not plan.tasks and not leaving:
            return
        import_faiss()  # a missing extra is told before the work, not after it
        making = {source.identity for source in plan.tasks}
        with Assembly(self._open_index, self._recipes, self._emit, making=making, removed=leaving) as assembly:
            if plan.tasks:
                self._process(plan.tasks, assembly, report)
            if report.good_files or not plan.tasks:  # else every file failed, and what serves now goes on serving
                with _store_errors(report):
                    assembly.publish()
                report.files_removed = len(plan.removed)

    def _refuse_emptied(self, found: Scan) -> None:
        """A folder that had documents and now holds none looks like a disk that is not mounted."""
        if self._allow_empty or found.unreadable:
            return
        filled = {source.root for source in found.sources}
        for root in sorted(found.whole_roots - filled):
            if gone := sum(found.covers(identity) for identity in self._stored if identity[0] == root):
                raise NothingPublishedError(
                    f"{root} is empty, and the index has {gone} of its documents",
                    hint="mount the disk, or say --allow-empty if they are to go",
                    path=root,
                )

    def _process(self, tasks: Sequence[Source], assembly: Assembly, report: RunReport) -> None:
        with self._sandbox(len(tasks)) as sandbox:
            for source, outcome in zip(tasks, sandbox.run(map(self._job, tasks)), strict=True):
                if outcome.error is not None:
                    self._emit(_failure(source, outcome.error))
                    continue
                prepared = PreparedDocument.from_json(outcome.answer)
                self._announce(source, prepared)
                previous = self._stored.get(source.identity)
                with _store_errors():
                    assembly.add(source, prepared, previous, forced=self._forced is not None)
                if previous is None:
                    report.files_added += 1
                else:
                    report.files_changed += 1

    def _sandbox(self, tasks: int) -> Sandbox:
        usable = [self._profiles[self._forced]] if self._forced else self._profiles.values()
        setup = setup_for(usable, self._recipes, self._config.limits)
        make_private_dirs(self._config.logs)
        workers = min(self._config.parsers or os.cpu_count() or 1, tasks)
        return Sandbox(
            TARGET, setup, workers=workers, limits=self._config.limits, log=self._config.logs / "parsers.log"
        )

    def _job(self, source: Source) -> Job:
        return Job(source.path, asdict(Request(quote_path(source.path), self._forced)))

    def _announce(self, source: Source, prepared: PreparedDocument) -> None:
        for warning in prepared.warnings:
            self._emit(events.Notice(warning, source.doc_id))
        self._emit(
            events.Prepared(
                source.doc_id,
                prepared.classification.type,
                prepared.pages,
                len(prepared.chunks),
                prepared.parse_s,
                prepared.chunk_s,
            )
        )

    def _open_project(self) -> None:
        """Lock the project's indexes and read what they hold."""
        make_private_dirs(self._config.home)
        for name in index_names(self._config.indexes, tenant=self._config.tenant, project=self._config.project):
            paths = IndexPaths.of(self._config.indexes, name)
            self._stack.enter_context(writer_lock(paths.lock))
            directory = current_directory(paths, name)
            manifest = read_manifest(directory)
            refuse_damage(paths, directory, manifest, read_all=False)
            self._manifests[name.document_type] = manifest
            for identity, record in read_documents(directory).items():
                self._note_stored(identity, record)

    def _note_stored(self, identity: Identity, record: DocumentRecord) -> None:
        """Take a document into account; of one that a killed run left in two indexes, the older is taken out."""
        other = self._stored.get(identity)
        if other is not None:
            created = [self._manifests[r.document_type].created for r in (record, other)]
            record, other = (record, other) if created[0] >= created[1] else (other, record)
            self._left_over.append(other)
        self._stored[identity] = record

    def _stored_embedder(self, document_type: str) -> EmbedderEntry | None:
        manifest = self._manifests.get(document_type)
        return manifest.embedder if manifest else None

    def _open_index(self, document_type: str) -> tuple[IndexName, IndexPaths]:
        """The name and places of an index, locked; one that is new gets its folder."""
        name = IndexName(self._config.tenant, self._config.project, document_type)
        paths = IndexPaths.of(self._config.indexes, name)
        if document_type not in self._manifests:
            make_private_dirs(paths.root)
            self._stack.enter_context(writer_lock(paths.lock))
        return name, paths


def _failure(source: Source, error: RagfactoryError) -> events.Failed:
    return events.Failed(source.doc_id, error.code, error.message, error.hint)


def _keep(report: RunReport, runs: Path) -> None:
    """Write the report. What the run did stands without it, so a disk that refuses is told and no more."""
    try:
        make_private_dirs(runs)
        replace_file(runs / f"{report.run_id}.json", report.to_json())
    except OSError as error:
        report.notices.append(f"the run report cannot be kept: {error}")
