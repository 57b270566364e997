"""The contexts that models wrote, by key, in one SQLite file: asked once, kept for ever.

A context is the dearest thing of an index. `put` returns when it is on the disk: WAL with full synchronisation, so that neither a
killed process nor a power cut takes it back, as far as the disk keeps its word. Any number of processes of one machine may use the
file at once. WAL needs shared memory, so the file does not belong on a network file system.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Self

import orjson

from ragfactory.errors import ContextCacheError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ragfactory.context.prompt import Prompt

FORMAT = 1
_APPLICATION = 0x52414743  # "RAGC", which `file` and a careful reader can tell it by
_WAIT_S = 60.0  # for another process that writes
_POLL_S = 0.01
_KEYS_AT_ONCE = 500
_SCHEMA = """
CREATE TABLE model (
    id INTEGER PRIMARY KEY, writer TEXT NOT NULL, name TEXT NOT NULL, fingerprint TEXT NOT NULL,
    UNIQUE (writer, name, fingerprint)
);
CREATE TABLE context (
    key BLOB PRIMARY KEY, text TEXT NOT NULL, model INTEGER NOT NULL REFERENCES model, created INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE run (
    id TEXT NOT NULL, model INTEGER NOT NULL REFERENCES model, ended INTEGER NOT NULL,
    asked INTEGER NOT NULL, found INTEGER NOT NULL, written INTEGER NOT NULL, refused INTEGER NOT NULL,
    PRIMARY KEY (id, model)
);
"""


@dataclass(frozen=True, slots=True)
class Model:
    """Who wrote: the kind of writer, the model's name for people, and what tells it from others, such as a hash of its weights."""

    writer: str
    name: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class RunCounts:
    """The contexts that a run wanted of one model: `asked` in all, of which were `found` here, `written` anew, and `refused`."""

    asked: int
    found: int
    written: int
    refused: int

    @property
    def hit_rate(self) -> float | None:
        """The share that was found, 0 to 1; None where nothing was asked."""
        return self.found / self.asked if self.asked else None


@dataclass(frozen=True, slots=True)
class Holding:
    """What is kept of one model; `bytes` is the length of its texts."""

    model: Model
    entries: int
    bytes: int


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run's counts; `ended` is in seconds since 1970."""

    run_id: str
    model: Model
    ended: int
    counts: RunCounts


@dataclass(frozen=True, slots=True)
class CacheStats:
    """What is kept: `bytes` on the disk, each model's share, the largest first, and the last runs, the newest first."""

    bytes: int
    holdings: tuple[Holding, ...] = ()
    runs: tuple[RunRecord, ...] = ()

    @property
    def entries(self) -> int:
        """How many contexts are kept."""
        return sum(holding.entries for holding in self.holdings)


def context_key(prompt: Prompt, model: Model, sampling: Mapping[str, object]) -> bytes:
    """A context's key: SHA-256 over all that decides it, which is every word of the prompt, the model, and how it is sampled.

    What a prompt leaves open is not part of it, so that those of before there was a choice are still found.
    """
    asked = {name: value for name, value in asdict(prompt).items() if value is not None}
    parts = {"prompt": asked, "model": model.fingerprint, "sampling": dict(sampling)}
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).digest()


class ContextCache:
    """The cache at a path, which is made where there is none. Threads may share one. As a context manager it closes itself."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._lock = threading.Lock()
        self._models: dict[Model, int] = {}

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open or make it, readable by its owner alone. Raises ContextCacheError where the file is no cache, or damaged."""
        with _told(path):
            _make_private(path)
            connection = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
            try:
                _prepare(connection, path)
            except BaseException:
                connection.close()
                raise
        return cls(connection, path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    def find(self, keys: Sequence[bytes]) -> dict[bytes, str]:
        """The contexts that are kept, of those with these keys."""
        found: dict[bytes, str] = {}
        with self._lock, _told(self._path):
            for start in range(0, len(keys), _KEYS_AT_ONCE):
                some = keys[start : start + _KEYS_AT_ONCE]
                marks = ",".join("?" * len(some))
                found.update(self._connection.execute(f"SELECT key, text FROM context WHERE key IN ({marks})", some))  # noqa: S608 - only marks
        return found

    def put(self, model: Model, contexts: Iterable[tuple[bytes, str]]) -> None:
        """Keep contexts: all of them or, when it raises, none. One that is kept already stays. They are on the disk on return."""
        now = int(time.time())
        with self._writing():
            model_id = self._model_id(model)
            rows = [(key, text, model_id, now) for key, text in contexts]
            self._connection.executemany("INSERT OR IGNORE INTO context VALUES (?, ?, ?, ?)", rows)

    def record_run(self, run_id: str, model: Model, counts: RunCounts) -> None:
        """Keep what a run found and did not find, for `stats`. Told again, it takes the place of what was told."""
        row = (
            run_id,
            self._model_id_of(model),
            int(time.time()),
            counts.asked,
            counts.found,
            counts.written,
            counts.refused,
        )
        with self._writing():
            self._connection.execute("INSERT OR REPLACE INTO run VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def stats(self, *, runs: int = 10) -> CacheStats:
        """What is kept, with the last `runs` runs."""
        with self._lock, _told(self._path):
            holdings = self._connection.execute(
                "SELECT writer, name, fingerprint, count(*), sum(length(CAST(text AS BLOB)))"
                " FROM context JOIN model ON model = id GROUP BY model ORDER BY count(*) DESC"
            ).fetchall()
            records = self._connection.execute(
                "SELECT run.id, writer, name, fingerprint, ended, asked, found, written, refused"
                " FROM run JOIN model ON model = model.id ORDER BY ended DESC, run.id DESC LIMIT ?",
                (runs,),
            ).fetchall()
        return CacheStats(
            bytes=_size(self._path),
            holdings=tuple(Holding(Model(*row[:3]), *row[3:]) for row in holdings),
            runs=tuple(RunRecord(row[0], Model(*row[1:4]), row[4], RunCounts(*row[5:])) for row in records),
        )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """A transaction that is a writer's from its beginning: SQLite would not wait to become one in the middle."""
        with self._lock, _told(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._models.clear()
                if self._connection.in_transaction:  # SQLite ends some by itself, such as when the disk is full
                    self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def _model_id_of(self, model: Model) -> int:
        with self._writing():
            return self._model_id(model)

    def _model_id(self, model: Model) -> int:
        if model not in self._models:
            fields = (model.writer, model.name, model.fingerprint)
            self._connection.execute("INSERT OR IGNORE INTO model (writer, name, fingerprint) VALUES (?, ?, ?)", fields)
            row = self._connection.execute(
                "SELECT id FROM model WHERE writer = ? AND name = ? AND fingerprint = ?", fields
            )
            self._models[model] = row.fetchone()[0]
        return self._models[model]


def _make_private(path: Path) -> None:
    for folder in (path.parent.parent, path.parent):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):  # whose locks in this process would go if it were opened and closed besides
        # The files that SQLite puts beside it get the same rights.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables in an empty file. Nothing is changed in a file that is not ours."""
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if tables and _pragma(connection, "application_id") != _APPLICATION:
        raise ContextCacheError(
            f"{path}: a cache of contexts expected, and it is another database", hint="move it away", path=str(path)
        )
    if (version := _pragma(connection, "user_version")) > FORMAT:
        raise ContextCacheError(
            f"{path}: made by a newer ragfactory (format {version}, and this one knows {FORMAT})",
            hint="use that one; nothing was changed",
            path=str(path),
        )
    _use_wal(connection)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN IMMEDIATE")  # of two processes that come to an empty file at once, the second waits here
    if _pragma(connection, "user_version") == 0:
        for statement in _SCHEMA.split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        connection.execute(f"PRAGMA user_version = {FORMAT}")
    connection.execute("COMMIT")


def _use_wal(connection: sqlite3.Connection) -> None:
    """Where several come to a new file together, SQLite lets one of them switch it and refuses the others without waiting."""
    deadline = time.monotonic() + _WAIT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_POLL_S)
        else:
            return


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    value: int = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return value


def _size(path: Path) -> int:
    beside = (path, path.with_name(f"{path.name}-wal"))
    return sum(file.stat().st_size for file in beside if file.exists())


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What SQLite and the disk complain of, as an error that says what to do."""
    try:
        yield
    except sqlite3.OperationalError as error:  # busy, full, read-only: the file itself is sound
        raise ContextCacheError(
            f"{path}: the cache of contexts cannot be used: {error}",
            hint="it must be on a local disk that has room and can be written; nothing that was kept is lost",
            path=str(path),
        ) from error
    except sqlite3.DatabaseError as error:
        raise ContextCacheError(
            f"{path}: the cache of contexts is damaged: {error}",
            hint=f"save what can be saved: `sqlite3 {path} .recover | sqlite3 mended.sqlite`, and put that in its place;"
            " or move it away, and every context is asked for again",
            path=str(path),
        ) from error
    except OSError as error:
        raise ContextCacheError(
            f"{path}: the cache of contexts cannot be made: {error.strerror}",
            hint="check the folder's rights",
            path=str(path),
        ) from error
