"""The webhook: a POST for every change of a document's status, and for a run's beginning and end."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from ragfactory.endpoint import Endpoint, bearer
from ragfactory.errors import ExitCode, UsageError
from ragfactory.events import Begun
from ragfactory.reporting.delivery import Delivery
from ragfactory.reporting.jsontext import to_json
from ragfactory.reporting.status import SCHEMA, DocumentTracker, timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ragfactory.events import Event
    from ragfactory.reporting.status import DocumentStatus

_RUN = "run"
_STATUS = {ExitCode.OK: "completed", ExitCode.PARTIAL: "partial"}


class Webhook:
    """A listener that posts statuses in the background. A server that is slow or gone neither delays nor fails the run.

    As a context manager it closes itself.
    """

    def __init__(self, url: str, run_id: str, token: str | None = None, *, drain_s: float = 10.0) -> None:
        """`token` is sent as a bearer token; `close` waits `drain_s` seconds at most. Raises UsageError for a wrong URL."""
        self._endpoint = _endpoint(url)
        self._run_id = run_id
        self._drain_s = drain_s
        self._began = time.monotonic()
        self._projects: list[dict[str, str]] = []
        self._tracker = DocumentTracker(run_id)
        self._delivery = Delivery(self._endpoint, _authorization(token))
        self._post_run({"status": "started", "progress": 0})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __call__(self, event: Event) -> None:
        """Post what an event means for its documents."""
        if isinstance(event, Begun):
            self._projects.append({"tenant": event.tenant, "project": event.project})
        self._post_documents(self._tracker.follow(event))

    def run_ended(
        self,
        exit_code: int,
        report: Mapping[str, Any] | None = None,
        errors: Sequence[Mapping[str, str | None]] = (),
    ) -> None:
        """Post the run's end. `errors` are those that ended it; a file that failed was told as a document."""
        self._post_documents(self._tracker.leave())
        end = {
            "status": _STATUS.get(ExitCode(exit_code), "failed"),
            "progress": 100,
            "exit_code": int(exit_code),
            "projects": self._projects,
            "counts": _counts(report or {}),
            "published": (report or {}).get("published", []),
            "errors": list(errors),
        }
        self._post_run(end)

    def close(self) -> None:
        """Wait a while for what was not sent yet, then give it up; at once, when somebody presses Ctrl-C."""
        with suppress(KeyboardInterrupt):  # the run is over, and ended as it did
            self._delivery.drain(self._drain_s / 2)
            self._delivery.put_first(_RUN)  # when time runs short, this is worth most
            self._delivery.drain(self._drain_s / 2)
        self._delivery.stop()

    @property
    def undelivered(self) -> int:
        """How many statuses the server refused or, after `close`, did not get."""
        return self._delivery.undelivered

    @property
    def problem(self) -> str | None:
        """After `close`: what a user should know of statuses that did not arrive."""
        if not (count := self.undelivered):
            return None
        statuses = "1 status" if count == 1 else f"{count:,} statuses"
        return f"{statuses} not delivered to the webhook at {self._endpoint.name} ({self._delivery.reason or 'slow'})"

    def _post_documents(self, statuses: Iterable[DocumentStatus]) -> None:
        self._delivery.put((status.key, status.to_json) for status in statuses)

    def _post_run(self, fields: dict[str, Any]) -> None:
        record = {
            "schema": SCHEMA,
            "kind": "run",
            "run_id": self._run_id,
            **fields,
            "duration_s": round(time.monotonic() - self._began, 3),
            "time": timestamp(datetime.now(UTC)),
        }
        self._delivery.put([(_RUN, lambda: to_json(record))])


def _endpoint(url: str) -> Endpoint:
    try:
        return Endpoint.parse(url)
    except ValueError as error:
        raise UsageError(
            f"the webhook's URL cannot be used: {error}",
            hint="give one such as https://example.com/hook, and a secret in RAGFACTORY_WEBHOOK_TOKEN",
        ) from error


def _authorization(token: str | None) -> dict[str, str]:
    try:
        return bearer(token)
    except ValueError as error:
        raise UsageError(
            "the webhook's token holds a character that a header cannot",
            hint="set RAGFACTORY_WEBHOOK_TOKEN to printable ASCII, without a line end",
        ) from error


def _counts(report: Mapping[str, Any]) -> dict[str, int]:
    """The numbers of a run report: its integers, and how many files failed or were skipped."""
    numbers = {name: value for name, value in report.items() if isinstance(value, int)}
    lists = {f"files_{name}": len(report[name]) for name in ("failed", "failed_before") if name in report}
    skipped = {"files_skipped": sum(report["files_skipped"].values())} if "files_skipped" in report else {}
    return {**numbers, **lists, **skipped}
