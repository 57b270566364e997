"""The run report: what a run saw, did and published, put together from the events of the run."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from ragfactory import events
from ragfactory.errors import ExitCode

if TYPE_CHECKING:
    from ragfactory.events import Event


@dataclass(slots=True)
class StageTotals:
    """What one stage did: `seconds` of work, which stages do at the same time, so they do not add up to the run's."""

    items: int = 0
    seconds: float = 0.0
    tokens: int = 0


@dataclass(slots=True)
class RunReport:
    """A listener that sums up a run."""

    run_id: str
    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    seconds: float = 0.0
    files_seen: int = 0
    files_added: int = 0
    files_changed: int = 0
    files_removed: int = 0
    files_unchanged: int = 0
    files_skipped: dict[str, int] = field(default_factory=dict)
    failed: list[dict[str, str | None]] = field(default_factory=list)
    pages: int = 0
    chunks_made: int = 0
    chunks_reused: int = 0
    chunks_deduplicated: int = 0
    chunks_windowed: int = 0
    types: dict[str, int] = field(default_factory=dict)
    stages: dict[str, StageTotals] = field(
        default_factory=lambda: {name: StageTotals() for name in ("parse", "chunk", "embed", "publish")}
    )
    devices: dict[str, StageTotals] = field(default_factory=dict)
    published: list[dict[str, Any]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        """Take an event into account."""
        match event:
            case events.Scanned():
                self.files_seen = event.seen
            case events.Prepared():
                self._add("parse", 1, event.parse_s)
                self._add("chunk", event.chunks, event.chunk_s)
                self.pages += event.pages or 0
                self.types[event.document_type] = self.types.get(event.document_type, 0) + 1
            case events.Failed():
                self.failed.append(
                    {"path": event.doc_id, "code": event.code, "message": event.message, "hint": event.hint}
                )
            case events.Embedded():
                for totals in (self.stages["embed"], self.devices.setdefault(event.device, StageTotals())):
                    totals.items += event.chunks
                    totals.seconds += event.seconds
                    totals.tokens += event.tokens
                self.chunks_windowed += event.windowed
            case events.Assembled():
                self.chunks_made += event.made
                self.chunks_reused += event.reused
                self.chunks_deduplicated += event.deduplicated
            case events.Published():
                self._add("publish", 1, event.seconds)
                self.published.append(
                    {
                        "index": event.index,
                        "version": event.version,
                        "documents": event.documents,
                        "chunks": event.chunks,
                    }
                )
            case events.Notice():
                self.notices.append(f"{event.doc_id}: {event.message}" if event.doc_id else event.message)

    @property
    def exit_code(self) -> ExitCode:
        """OK, PARTIAL when some files failed, NOT_PUBLISHED when every file did and nothing else was published."""
        if not self.failed:
            return ExitCode.OK
        return ExitCode.PARTIAL if self.good_files or self.published else ExitCode.NOT_PUBLISHED

    @property
    def good_files(self) -> int:
        """Files whose documents are right: made by this run, or as they were."""
        return self.files_added + self.files_changed + self.files_unchanged

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data, as `--json` prints it and `runs/` keeps it."""
        return asdict(self)

    def to_json(self) -> bytes:
        """The report as indented JSON."""
        return orjson.dumps(self.to_dict(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

    def _add(self, stage: str, items: int, seconds: float) -> None:
        self.stages[stage].items += items
        self.stages[stage].seconds += seconds
