"""One run over one project: compare what is on disk with what is stored, make what is new, publish."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ragfactory import events
from ragfactory.context.language_models import language_model
from ragfactory.devices import RunDevices
from ragfactory.errors import DocumentError, GateError, NothingPublishedError, PartlyPublishedError
from ragfactory.pipeline.assembly import Assembly
from ragfactory.pipeline.contexts import ContextMaker
from ragfactory.pipeline.intake import Intake
from ragfactory.pipeline.plan import make_plan
from ragfactory.pipeline.reading import Reading
from ragfactory.pipeline.recipe import Recipes
from ragfactory.pipeline.shrinking import keep_shrunk
from ragfactory.pipeline.tries import Tries
from ragfactory.pipeline.vectors import VectorMaker
from ragfactory.profiles import load_profiles
from ragfactory.store.durable import store_errors
from ragfactory.store.faiss_files import import_faiss

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ragfactory.config import Config
    from ragfactory.errors import RagfactoryError
    from ragfactory.events import Listener
    from ragfactory.pipeline.assembly import Gate
    from ragfactory.pipeline.plan import Plan
    from ragfactory.pipeline.project import Project
    from ragfactory.pipeline.scan import Scan, Source
    from ragfactory.profiles import WriterName
    from ragfactory.reporting.report import RunReport
    from ragfactory.store.failures import FailureRecord
    from ragfactory.store.records import RootEntry

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a run is asked, whatever its folders.

    `embedder` names one other than the index's own, `context` a context writer other than the profile's; a language model is asked
    for `limit_contexts` contexts at most. `allow_shrink` lets more than half of a folder's documents go, `retry_failed`
    tries files again that failed and did not change. `is_over` says when it is time to publish what is whole; `dry_run` only
    plans. `wait` is how long, in seconds, to wait for another run over the same project. `gate` looks at each version that
    is complete, and raises GateError for one that is not to serve.
    """

    embedder: str | None = None
    context: WriterName | None = None
    limit_contexts: int | None = None
    allow_shrink: bool = False
    retry_failed: bool = False
    dry_run: bool = False
    wait: float = 0.0
    is_over: Callable[[], bool] = lambda: False
    gate: Gate = lambda _name, _directory, _manifest: None


@dataclass(frozen=True, slots=True)
class Makers:
    """What makes contexts and vectors for a run, on whatever devices there are."""

    contexts: ContextMaker
    vectors: VectorMaker


@contextmanager
def open_makers(config: Config, run_id: str, emit: Listener, options: RunOptions) -> Iterator[Makers]:
    """The makers of a run, over all its projects. Raises UsageError and DeviceUnavailableError for devices that cannot be."""
    with RunDevices(config, run_id, emit) as devices:
        contexts = ContextMaker(config, devices, run_id, emit, limit=options.limit_contexts)
        vectors = VectorMaker(devices, emit)
        with closing(vectors), closing(contexts):
            yield Makers(contexts, vectors)


class ProjectRun:
    """A run over what one scan found. `profile_of` names the profile that a source is made with, None when it is recognised.

    `roots` are all folders that the project follows from here on.
    """

    def __init__(
        self,
        project: Project,
        options: RunOptions,
        profile_of: Callable[[Source], str | None],
        roots: Mapping[str, RootEntry],
        *,
        makers: Makers,
        emit: Listener,
    ) -> None:
        config = project.config
        self._project = project
        self._options = options
        self._profile_of = profile_of
        self._roots = roots
        self._makers = makers
        self._emit = emit
        self._recipes = Recipes(
            [entry.profile for entry in load_profiles(config.profile_dirs).values()],
            config,
            choice=options.embedder,
            stored=project.stored_embedder,
            context=options.context,
            stored_context=project.stored_context,
        )

    def execute(self, found: Scan, report: RunReport) -> None:
        """Plan, make, publish. Raises NothingPublishedError when the disk refuses, or PartlyPublishedError when it did so after one
        of the indexes was published, and ModelUnavailableError.
        """
        for extension, count in found.skipped.items():
            report.files_skipped[extension] = report.files_skipped.get(extension, 0) + count
        plan = make_plan(found, self._project.documents, self._recipes, self._profile_of)
        if not self._options.allow_shrink:
            plan = keep_shrunk(plan, self._project.documents, self._emit)
        tries = Tries(self._project, self._recipes, self._profile_of, retry=self._options.retry_failed)
        tasks = tries.worth_trying(plan.tasks)
        self._announce(found, plan, len(tasks), report, tries)
        if self._project.unreadable:
            self._emit(events.Notice(f"{self._project.unreadable.message}: what failed before is tried again"))
        if self._options.dry_run:
            if tasks and self._options.context:  # whose absence would end the run
                language_model(self._options.context, self._project.config)
            for what, places in _planned(plan, tasks, self._project).items():
                report.planned.setdefault(what, []).extend(places)
            return
        try:
            with _told_what_serves(report), store_errors():
                self._change(plan, tasks, tries, report)
                self._project.keep_roots(self._roots.values())
        finally:
            self._keep_failures(tries.records(found))

    def _announce(self, found: Scan, plan: Plan, tasks: int, report: RunReport, tries: Tries) -> None:
        config = self._project.config
        where = {"tenant": config.tenant, "project": config.project}
        report.failed_before += [where | record.model_dump() for record in tries.skipped]
        self._emit(
            events.Scanned(
                seen=len(found.sources) + len(found.unreadable),
                to_process=tasks,
                unchanged=plan.unchanged,
                removed=len(plan.removed),
                skipped=sum(found.skipped.values()),
                failed_before=len(tries.skipped),
            )
        )
        for entry in found.unreadable:
            self._emit(events.Failed.of(entry.root, entry.place, DocumentError(f"it cannot be read: {entry.reason}")))

    def _change(self, plan: Plan, tasks: Sequence[Source], tries: Tries, report: RunReport) -> None:
        leaving = (*plan.removed, *self._project.left_over)
        restyled = self._restyled()
        if not tasks and not leaving and not restyled:
            return
        import_faiss()  # a missing extra is told before the work, not after it
        making = {source.identity for source in tasks}
        with Assembly(
            self._project.open_index,
            self._recipes,
            self._makers.vectors,
            self._emit,
            making=making,
            removed=leaving,
            renamed=plan.moved.values(),
            is_over=self._options.is_over,
            give_up=partial(self._failed, tries),
            meanwhile=self._look_after_contexts,
            gate=self._options.gate,
        ) as assembly:
            intake = Intake(assembly, self._recipes, self._makers.contexts, self._emit, is_over=self._options.is_over)
            reading = Reading(
                self._project,
                self._recipes,
                plan,
                tries,
                profile_of=self._profile_of,
                is_over=self._options.is_over,
                emit=self._emit,
            )
            taken_in = reading.read(tasks, intake) if tasks else 0
            for document_type in restyled:
                assembly.touch(document_type)
            for source in plan.touched:
                assembly.refresh(self._project.documents[source.identity], source.mtime_ns)
            # When every file failed, what serves now goes on serving.
            if taken_in or plan.unchanged or not tasks:
                assembly.publish(self._roots)
                report.files_removed += len(plan.lost)

    def _keep_failures(self, failures: Iterable[FailureRecord]) -> None:
        """Write the list of failed files. Without it they are tried again, so a disk that refuses is told and no more."""
        try:
            self._project.keep_failures(failures)
        except OSError as error:
            self._emit(events.Notice(f"the list of failed files cannot be kept: {error}"))

    def _restyled(self) -> list[str]:
        """The indexes whose vectors are to be searched in another way than they are."""
        wanted = {document_type: self._recipes.options(document_type) for document_type in self._project.manifests}
        return [
            document_type
            for document_type, manifest in self._project.manifests.items()
            if (options := wanted[document_type]) and manifest.recipe.get("index") != options.model_dump(mode="json")
        ]

    def _look_after_contexts(self, timeout_s: float) -> None:
        if self._options.is_over():
            self._makers.contexts.give_up()
        self._makers.contexts.tend(timeout_s)

    def _failed(self, tries: Tries, source: Source, error: RagfactoryError) -> None:
        tries.failed(source, error)
        self._emit(events.Failed.of(source.root, source.doc_id, error))


@contextmanager
def _told_what_serves(report: RunReport) -> Iterator[None]:
    """An error that comes after an index was published says so."""
    before = len(report.published)
    try:
        yield
    except GateError:  # names the index that it is about
        raise
    except NothingPublishedError as error:
        published = [f"{entry['index']} version {entry['version']:06d}" for entry in report.published[before:]]
        if not published:
            raise
        message = f"{error.message} (published before that: {', '.join(published)})"
        raise PartlyPublishedError(message, hint=error.hint) from error


def _planned(plan: Plan, tasks: Sequence[Source], project: Project) -> dict[str, list[str]]:
    """What a run would do, file by file."""
    planned: dict[str, list[str]] = {"added": [], "changed": [], "moved": [], "removed": []}
    for source in tasks:
        known = source.identity in project.documents
        what = "changed" if known else "moved" if source.identity in plan.moved else "added"
        planned[what].append(f"{source.root}/{source.doc_id}")
    planned["removed"] = [f"{record.root}/{record.path}" for record in plan.lost]
    return planned
