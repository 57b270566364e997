"""What a run's events mean for one document: where it stands, from received to completed, failed or left."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ragfactory import events
from ragfactory.reporting.jsontext import to_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ragfactory.events import Event

SCHEMA = "ragfactory/1"


@dataclass(frozen=True, slots=True)
class DocumentStatus:
    """A document's status from `time` on. `progress` is percent, `duration_s` counts from when it was received."""

    run_id: str
    tenant: str
    project: str
    root: str
    doc_id: str
    status: str
    progress: int
    counts: Mapping[str, int]
    duration_s: float
    time: datetime
    error: Mapping[str, str | None] | None = None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """The document that this is the status of."""
        return self.tenant, self.project, self.root, self.doc_id

    def to_json(self) -> bytes:
        """The status as `docs/reference/status.md` describes it."""
        record: dict[str, Any] = {
            "schema": SCHEMA,
            "kind": "document",
            "run_id": self.run_id,
            "tenant": self.tenant,
            "project": self.project,
            "root": self.root,
            "doc_id": self.doc_id,
            "status": self.status,
            "progress": self.progress,
            "counts": self.counts,
            "duration_s": round(self.duration_s, 3),
            "time": timestamp(self.time),
        }
        return to_json(record if self.error is None else {**record, "error": self.error})


def timestamp(moment: datetime) -> str:
    """A moment as ISO 8601 with milliseconds."""
    return moment.isoformat(timespec="milliseconds")


@dataclass(slots=True)
class _Progress:
    """A document on its way."""

    received: float = field(default_factory=time.monotonic)
    percent: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)


class DocumentTracker:
    """Follows every document of a run, one project after the other."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._tenant = self._project = ""
        self._open: dict[tuple[str, str], _Progress] = {}
        self._stored: dict[str, list[tuple[str, str]]] = {}

    def follow(self, event: Event) -> Iterator[DocumentStatus]:
        """The statuses that an event leads to."""
        match event:
            case events.Begun():
                yield from self.leave()
                self._tenant, self._project = event.tenant, event.project
            case events.Received(root, doc_id):
                yield self._status((root, doc_id), "received", 0)
            case events.Started(root, doc_id):
                yield self._status((root, doc_id), "chunking", 25)
            case events.Prepared(root, doc_id, pages=pages):
                percent = 30 if event.prompts else 50
                yield self._status((root, doc_id), "enriching", percent, {} if pages is None else {"pages": pages})
            case events.Enriched(root, doc_id):
                contexts = {"found": event.found, "written": event.written, "refused": event.refused}
                counts = {f"contexts_{how}": count for how, count in {**contexts, "missing": event.missing}.items()}
                yield self._status((root, doc_id), "enriching", 50, counts)
            case events.Assembled(root, doc_id):
                chunks = {"made": event.made, "reused": event.reused, "deduplicated": event.deduplicated}
                counts = {f"chunks_{how}": count for how, count in chunks.items()}
                yield self._status((root, doc_id), "embedding", 50, counts)
            case events.Stored(root, doc_id):
                self._stored.setdefault(event.index, []).append((root, doc_id))
                yield self._status((root, doc_id), "embedding", 80)
            case events.Publishing():
                yield from (self._status(document, "storing", 85) for document in self._stored.get(event.index, []))
            case events.Published():
                yield from (self._end(document, "completed", 100) for document in self._stored.pop(event.index, []))
            case events.Failed(root, doc_id):
                error = {"code": event.code, "message": event.message, "hint": event.hint}
                yield self._end((root, doc_id), "failed", error=error)
            case events.Left(root, doc_id) | events.Kept(root, doc_id):
                yield self._end((root, doc_id), "left")

    def leave(self) -> Iterator[DocumentStatus]:
        """End the documents that got no end: the run did not come to them, or did not publish them."""
        self._stored.clear()
        for document in list(self._open):
            yield self._end(document, "left")

    def _status(
        self,
        document: tuple[str, str],
        status: str,
        percent: int | None = None,
        counts: Mapping[str, int] | None = None,
        error: Mapping[str, str | None] | None = None,
    ) -> DocumentStatus:
        progress = self._open.setdefault(document, _Progress())
        if percent is not None:
            progress.percent = percent
        if counts:
            progress.counts = {**progress.counts, **counts}  # statuses hold the former one
        root, doc_id = document
        return DocumentStatus(
            self._run_id,
            self._tenant,
            self._project,
            root,
            doc_id,
            status,
            progress.percent,
            progress.counts,
            time.monotonic() - progress.received,
            datetime.now(UTC),
            error,
        )

    def _end(
        self,
        document: tuple[str, str],
        status: str,
        percent: int | None = None,
        error: Mapping[str, str | None] | None = None,
    ) -> DocumentStatus:
        """The last status of a document, which is forgotten then."""
        last = self._status(document, status, percent, error=error)
        del self._open[document]
        return last
