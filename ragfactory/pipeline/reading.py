"""Reading the files of a run in parsers' processes; what comes of each is told and taken in."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING

from ragfactory import events
from ragfactory.pipeline.arrival import Arrival
from ragfactory.pipeline.prepare import TARGET, PreparedDocument, Request, quote_path, setup_for
from ragfactory.pipeline.sandbox import Job, Sandbox
from ragfactory.store.durable import make_private_dirs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragfactory.events import Listener
    from ragfactory.pipeline.intake import Intake
    from ragfactory.pipeline.plan import Plan
    from ragfactory.pipeline.project import Project
    from ragfactory.pipeline.recipe import Recipes
    from ragfactory.pipeline.sandbox import Outcome
    from ragfactory.pipeline.scan import Source
    from ragfactory.pipeline.tries import Tries

    Task = tuple[Source, Request]

_TICK_S = 0.05  # how often a run that waits for parsers looks after models


class Reading:
    """Takes in what is read of the sources of a plan. `profile_of` names the profile that one is made with, None when it is
    recognised.
    """

    def __init__(
        self,
        project: Project,
        recipes: Recipes,
        plan: Plan,
        tries: Tries,
        *,
        profile_of: Callable[[Source], str | None],
        is_over: Callable[[], bool],
        emit: Listener,
    ) -> None:
        self._project = project
        self._recipes = recipes
        self._plan = plan
        self._tries = tries
        self._profile_of = profile_of
        self._is_over = is_over
        self._emit = emit

    def read(self, sources: Sequence[Source], intake: Intake) -> int:
        """Make documents of sources, until time is up, and return of how many."""
        for source in sources:
            self._emit(events.Received(*source.identity))
        with self._sandbox(sources) as sandbox, intake:
            tasks = [(source, Request(quote_path(source.path), self._profile_of(source))) for source in sources]
            taken_in = self._go_through(sandbox, tasks, intake)
            misfits = intake.settle_types()
            taken_in += self._go_through(sandbox, misfits, intake) - len(misfits)
        with intake:
            intake.flush()
        return taken_in

    def _go_through(self, sandbox: Sandbox, tasks: Sequence[Task], intake: Intake) -> int:
        tried = taken_in = 0
        outcomes = sandbox.ticks(map(self._job, tasks), _TICK_S) if tasks and not self._is_over() else ()
        for outcome in outcomes:
            if outcome is not None:
                taken_in += self._take_in(tasks[tried][0], outcome, intake)
                tried += 1
            intake.tend()
            while intake.is_full and not self._is_over():
                intake.tend(_TICK_S)
            if self._is_over():
                break
        for source, _ in tasks[tried:]:
            self._emit(events.Left(*source.identity))
        return taken_in

    def _job(self, task: Task) -> Job:
        source, request = task
        self._emit(events.Started(*source.identity))
        return Job(source.path, asdict(request))

    def _take_in(self, source: Source, outcome: Outcome, intake: Intake) -> bool:
        """Take in what became of a source. False where it failed."""
        if outcome.error is not None:
            self._tries.failed(source, outcome.error)
            self._emit(events.Failed.of(source.root, source.doc_id, outcome.error))
            return False
        self._tries.succeeded(source)
        prepared = PreparedDocument.from_json(outcome.answer)
        self._tell(source, prepared)
        intake.add(
            Arrival(
                source,
                prepared,
                previous=self._project.documents.get(source.identity),
                forced=self._profile_of(source) is not None,
                moved=source.identity in self._plan.moved,
                for_contexts=source.identity in self._plan.for_contexts,
                leaning=source.identity in self._plan.leaning,
            )
        )
        return True

    def _tell(self, source: Source, prepared: PreparedDocument) -> None:
        for warning in prepared.warnings:
            self._emit(events.Notice(warning, source.doc_id))
        self._emit(
            events.Prepared(
                *source.identity,
                prepared.classification.type,
                prepared.pages,
                len(prepared.chunks),
                len(prepared.sheet.owns),
                prepared.parse_s,
                prepared.chunk_s,
            )
        )

    def _sandbox(self, sources: Sequence[Source]) -> Sandbox:
        config = self._project.config
        wanted = {self._profile_of(source) for source in sources}
        usable = self._recipes.names if None in wanted else {name for name in wanted if name is not None}
        setup = setup_for(sorted(usable), self._recipes, config.limits)
        make_private_dirs(config.logs)
        workers = min(config.parsers or os.cpu_count() or 1, len(sources))
        return Sandbox(TARGET, setup, workers=workers, limits=config.limits, log=config.logs / "parsers.log")
