"""How the segments of a version are searched: which get an accelerator, and what that comes to for the index."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ragfactory.store.fast import build_fast, kind_for, worth_it
from ragfactory.store.segment import fast_name, vectors_name
from ragfactory.store.vectors import Codec, VectorFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ragfactory.profiles import Index as IndexOptions
    from ragfactory.store.fast import Kind
    from ragfactory.store.records import Manifest, SegmentEntry
    from ragfactory.store.staging import Staging


def accelerate(
    entries: Sequence[SegmentEntry], staging: Staging, options: IndexOptions, dimension: int, base: Manifest | None
) -> tuple[SegmentEntry, ...]:
    """Give each segment that is large enough the accelerator that `options` ask for, taken over from `base` where it has it."""
    kind = kind_for(options, sum(entry.rows - entry.deleted for entry in entries))
    asked_before = base is not None and base.recipe.get("index") == options.model_dump(mode="json")
    known = {entry.number: entry for entry in base.segments} if base and asked_before else {}
    return tuple(
        _accelerated(entry, known.get(entry.number), staging=staging, options=options, kind=kind, dimension=dimension)
        if kind is not None and worth_it(entry.rows)
        else entry
        for entry in entries
    )


def _accelerated(
    entry: SegmentEntry,
    known: SegmentEntry | None,
    *,
    staging: Staging,
    options: IndexOptions,
    kind: Kind,
    dimension: int,
) -> SegmentEntry:
    if known and known.missed == kind:
        return entry.model_copy(update={"missed": kind})
    if known and known.fast and known.fast.kind == kind:
        staging.link(fast_name(entry.number))
        return entry.model_copy(update={"fast": known.fast})
    codec = Codec(dimension, entry.precision)
    exact = VectorFile.at(staging.directory / vectors_name(entry.number), entry.rows, codec)
    fast = build_fast(staging.directory / fast_name(entry.number), exact, kind, options)
    return entry.model_copy(update={"fast": fast, "missed": None if fast else kind})


def main_kind(segments: Iterable[SegmentEntry]) -> str:
    """How most rows are searched."""
    rows: Counter[str] = Counter()
    for entry in segments:
        exact = "exact" if entry.precision == "bf16" else "flat"
        rows[entry.fast.kind if entry.fast else exact] += entry.rows
    return max(rows, key=lambda kind: rows[kind], default="exact")


def overall_recall(segments: Sequence[SegmentEntry]) -> float:
    """The recall@10 of all segments, each counting by its rows; exact search finds all."""
    rows = sum(entry.rows for entry in segments)
    return sum(entry.rows * (entry.fast.recall if entry.fast else 1.0) for entry in segments) / rows if rows else 1.0
