"""Which failed files are worth another try, and what came of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ragfactory.store.durable import sha256_of
from ragfactory.store.failures import FailureRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ragfactory.errors import RagfactoryError
    from ragfactory.pipeline.project import Project
    from ragfactory.pipeline.recipe import Recipes
    from ragfactory.pipeline.scan import Scan, Source


class Tries:
    """The failed files of a project during a run. A file that failed is tried again when its bytes or its recipe changed, or with
    `retry`; `skipped` are those that are not.
    """

    def __init__(
        self, project: Project, recipes: Recipes, profile_of: Callable[[Source], str | None], *, retry: bool
    ) -> None:
        self.skipped: list[FailureRecord] = []
        self._failures = dict(project.failures)
        self._limits = project.config.limits
        self._recipes = recipes
        self._profile_of = profile_of
        self._retry = retry

    def worth_trying(self, sources: Sequence[Source]) -> list[Source]:
        """Those of `sources` that did not fail before as they are now."""
        hopeless = [record for source in sources if (record := self._same_failure(source))]
        self.skipped = [] if self._retry else hopeless
        known = {record.identity for record in self.skipped}
        return [source for source in sources if source.identity not in known]

    def failed(self, source: Source, error: RagfactoryError) -> None:
        """Note that a source failed."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        before = self._failures.get(source.identity)
        self._failures[source.identity] = FailureRecord(
            root=source.root,
            path=source.doc_id,
            key=_key_of(source),
            size=source.size,
            mtime_ns=source.mtime_ns,
            recipe=self._recipe(source),
            code=error.code,
            message=error.message,
            hint=error.hint,
            attempts=before.attempts + 1 if before else 1,
            first_try=before.first_try if before else now,
            last_try=now,
        )

    def succeeded(self, source: Source) -> None:
        """Forget that a source failed."""
        self._failures.pop(source.identity, None)

    def records(self, found: Scan) -> Iterator[FailureRecord]:
        """The failures to remember: those of files that are still there, as far as the scan can tell."""
        present = {source.identity for source in found.sources}
        for identity, record in self._failures.items():
            if identity in present or not found.covers(identity):
                yield record

    def _same_failure(self, source: Source) -> FailureRecord | None:
        """The failure of a source that has the bytes and the recipe with which it failed."""
        record = self._failures.get(source.identity)
        if record is None or record.key is None or record.recipe != self._recipe(source):
            return None
        same = (record.size, record.mtime_ns) == (source.size, source.mtime_ns)
        return record if same or _key_of(source) == record.key else None

    def _recipe(self, source: Source) -> str:
        return self._recipes.attempt_digest(source.doc_id, self._profile_of(source), self._limits)


def _key_of(source: Source) -> str | None:
    """SHA-256 (hex) of the file; None when it cannot be read, or is not as it was when it was found."""
    try:
        key = sha256_of(source.path)
        status = source.path.stat()
    except OSError:
        return None
    return key if (status.st_size, status.st_mtime_ns) == (source.size, source.mtime_ns) else None
