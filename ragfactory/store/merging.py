"""Merging segments: fewer files to search, and no room taken by rows that no longer count. Vectors are moved, never made again.

A row keeps its id, so documents and the full-text index do not notice.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate, pairwise
from tempfile import TemporaryFile
from threading import Event
from typing import TYPE_CHECKING

import numpy as np

from ragfactory.store.rows import ROW_FIELDS
from ragfactory.store.segment import chunks_name, rows_name, vectors_name
from ragfactory.store.vectors import write_index

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from ragfactory.store.records import SegmentEntry
    from ragfactory.store.segment import Ids, Segment
    from ragfactory.store.vectors import Codec

MAX_SEGMENTS = 8
MAX_DELETED = 1 / 5  # of a segment's rows
_BLOCK = 8192  # rows moved at a time


def plan_merge(segments: Collection[SegmentEntry]) -> set[int]:
    """The segments to make one of, by number; none when there are few and most of their rows count.

    Those with many deleted rows, and, when there are too many segments, the smallest: as many as it takes, and up to the last
    that is no larger than all before it together. So a row is moved about as often as the index doubles.
    """
    live = {entry.number: entry.rows - entry.deleted for entry in segments}
    chosen = {entry.number for entry in segments if entry.deleted > MAX_DELETED * entry.rows}
    left = sorted(live.keys() - chosen, key=lambda number: (live[number], number))
    if len(left) + bool(chosen) <= MAX_SEGMENTS:
        return chosen
    together = accumulate((live[number] for number in left), initial=sum(live[number] for number in chosen))
    doubled = [n for n, (number, before) in enumerate(zip(left, together, strict=False), 1) if live[number] <= before]
    least = len(left) + 1 - MAX_SEGMENTS
    return chosen.union(left[: max([least, *doubled])])


class BackgroundMerge:
    """The merge that the segments of a version are due for, in a thread: `number` names the segment that `sources` become."""

    def __init__(self, segments: Mapping[int, Segment], directory: Path, number: int, codec: Codec) -> None:
        self.number = number
        self.sources = plan_merge([segment.entry for segment in segments.values()])
        self._stopped = Event()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="merge")
        filled = [segments[n] for n in sorted(self.sources) if segments[n].live.any()]
        self._ids = self._executor.submit(merge, filled, directory, number, codec, self._stopped) if filled else None

    def result(self) -> Ids | None:
        """The ids of the merged segment's rows, (n,), when it is written; None when there is no such segment. Raises OSError."""
        return self._ids.result() if self._ids else None

    def stop(self) -> None:
        """Give up a merge that is not needed any more, and wait until it has let go of its files."""
        self._stopped.set()
        self._executor.shutdown(cancel_futures=True)


class MergeStoppedError(Exception):
    """The merge was given up."""


@dataclass(frozen=True, slots=True)
class _Move:
    """Where the rows of one segment go: `rows[i]` of the source becomes row `targets[i]`."""

    source: Segment
    rows: npt.NDArray[np.int64]
    targets: npt.NDArray[np.int64]


def merge(sources: Sequence[Segment], directory: Path, number: int, codec: Codec, stopped: Event) -> Ids:
    """Write the rows of `sources` that count as segment `number`, in the order of their ids, and return these, (n,).

    Raises OSError when the disk refuses, MergeStoppedError soon after `stopped` is set.
    """
    rows = [np.flatnonzero(source.live) for source in sources]
    ids = np.concatenate([source.ids[own] for source, own in zip(sources, rows, strict=True)])
    order = np.argsort(ids, kind="stable")
    targets = np.empty(len(ids), dtype=np.int64)
    targets[order] = np.arange(len(ids))
    bounds = np.cumsum([0, *map(len, rows)])
    moves = [
        _Move(source, own, targets[first:last])
        for source, own, (first, last) in zip(sources, rows, pairwise(bounds), strict=True)
    ]
    table, origins = np.empty(len(ids), dtype=ROW_FIELDS), np.empty((len(ids), 3), dtype=np.int64)
    for i, move in enumerate(moves):
        starts = move.source.table["offset"].astype(np.int64)
        ends = np.append(starts[1:], move.source.lines_size)
        table[move.targets] = move.source.table[move.rows]
        origins[move.targets] = np.stack([np.full(len(move.rows), i), starts[move.rows], ends[move.rows]], axis=1)
    lengths = origins[:, 2] - origins[:, 1]
    table["offset"] = np.cumsum(lengths) - lengths
    _copy_lines(sources, origins, directory / chunks_name(number), stopped)
    np.save(directory / rows_name(number), table, allow_pickle=False)
    _copy_vectors(moves, len(ids), directory / vectors_name(number), codec, stopped)
    return table["id"].copy()


def _copy_lines(sources: Sequence[Segment], origins: npt.NDArray[np.int64], path: Path, stopped: Event) -> None:
    """Write the chunk lines given as (source, start, end), those that lie together in one go."""
    joins = (origins[1:, 0] == origins[:-1, 0]) & (origins[1:, 1] == origins[:-1, 2])
    joins[_BLOCK - 1 :: _BLOCK] = False
    firsts = [0, *(np.flatnonzero(~joins) + 1).tolist(), len(origins)]
    with path.open("wb") as file:
        for first, end in pairwise(firsts):
            _refuse_stopped(stopped)
            source, start, _ = origins[first]
            file.write(sources[source].lines(int(start), int(origins[end - 1, 2])))


def _copy_vectors(moves: Iterable[_Move], count: int, path: Path, codec: Codec, stopped: Event) -> None:
    """Write the vectors to their new places, by way of a file without a name, since they may be more than memory holds."""
    with TemporaryFile(dir=path.parent) as scratch:
        # All of its room now: writing through a map to a full disk would end the process, not raise an error.
        os.posix_fallocate(scratch.fileno(), 0, count * codec.size)
        codes = np.memmap(scratch, dtype=np.uint8, mode="r+", shape=(count, codec.size))
        for move in moves:
            for first in range(0, len(move.rows), _BLOCK):
                _refuse_stopped(stopped)
                block = move.source.vectors.gather(move.rows[first : first + _BLOCK])
                codes[move.targets[first : first + _BLOCK]] = codec.convert(block, move.source.vectors.codec)
        write_index(path, codec, codes)


def _refuse_stopped(stopped: Event) -> None:
    if stopped.is_set():
        raise MergeStoppedError
