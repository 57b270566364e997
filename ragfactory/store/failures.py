"""The files of a project that failed: why, how often, and what would have to change for another try to make sense."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from ragfactory.errors import DamagedIndexError
from ragfactory.store.durable import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ragfactory.store.documents import Identity


class FailureRecord(BaseModel):
    """A line of `failed.jsonl`. `key` is the SHA-256 (hex) of the bytes that failed, None where they could not be read, and
    `recipe` the digest of what else decides whether a file fails.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    root: str
    path: str
    key: str | None
    size: int
    mtime_ns: int
    recipe: str
    code: str
    message: str
    hint: str | None
    attempts: int
    first_try: str
    last_try: str

    @property
    def identity(self) -> Identity:
        """(root, path below it)."""
        return self.root, self.path


def load_failures(path: Path) -> dict[Identity, FailureRecord]:
    """The files that failed, by (root, path). Raises DamagedIndexError when the file is not what was written."""
    try:
        records = [FailureRecord.model_validate(orjson.loads(line)) for line in path.read_bytes().splitlines()]
    except FileNotFoundError:
        return {}
    except (orjson.JSONDecodeError, ValidationError) as error:
        raise DamagedIndexError(
            f"{path}: not a list of failed files that can be read",
            hint="the next run tries every file again that failed, and writes a new list",
            path=str(path),
        ) from error
    return {record.identity: record for record in records}


def save_failures(path: Path, failures: Iterable[FailureRecord]) -> None:
    """Replace the list, in one step."""
    lines = [
        orjson.dumps(record.model_dump(), option=orjson.OPT_APPEND_NEWLINE)
        for record in sorted(failures, key=lambda record: record.identity)
    ]
    replace_file(path, b"".join(lines))
