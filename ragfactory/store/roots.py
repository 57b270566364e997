"""The folders that a project takes its documents from, remembered also while none of their files has become a document."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from pydantic import ValidationError

from ragfactory.errors import DamagedIndexError
from ragfactory.store.durable import replace_file
from ragfactory.store.records import RootEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


def join_roots(known: Mapping[str, RootEntry], asked: Iterable[RootEntry]) -> dict[str, RootEntry]:
    """The folders of both by path, as they were asked for last. A file that is named says nothing of a folder taken in whole."""
    joined = dict(known)
    for entry in asked:
        before = joined.get(entry.path)
        if entry.whole or before is None or not before.whole:
            joined[entry.path] = entry
    return joined


def load_roots(path: Path) -> list[RootEntry]:
    """The folders that `roots.json` lists; none when it is not there. Raises DamagedIndexError when it is not what was written."""
    try:
        return [RootEntry.model_validate(entry) for entry in orjson.loads(path.read_bytes())["roots"]]
    except FileNotFoundError:
        return []
    except (orjson.JSONDecodeError, KeyError, TypeError, ValidationError) as error:
        raise DamagedIndexError(
            f"{path}: not a list of folders that can be read",
            hint="remove it: folders that documents come from are known from the indexes as well",
            path=str(path),
        ) from error


def save_roots(path: Path, roots: Iterable[RootEntry]) -> None:
    """Replace the list, in one step."""
    entries = [entry.model_dump() for entry in sorted(roots, key=lambda entry: entry.path)]
    replace_file(path, orjson.dumps({"roots": entries}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
