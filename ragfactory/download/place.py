"""Where a model waits until it is whole, and how it gets its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragfactory.embedding.weights import INDEX, WEIGHTS, weight_files
from ragfactory.store.durable import make_private_dirs, sync_dir

if TYPE_CHECKING:
    from pathlib import Path

_STAGING = ".pull"


def make_staging(models: Path, name: str) -> Path:
    """The folder where a model waits: on the disk of its place, so that it gets there by a change of name."""
    staging = models / _STAGING / name
    make_private_dirs(staging)
    return staging


def install_folder(ready: Path, target: Path) -> None:
    """Put the files of `ready` into `target`, which has a whole model at every moment, or none.

    What else is there stays, as somebody put it there.
    """
    sync_dir(ready)
    if not target.exists():
        ready.rename(target)
        sync_dir(target.parent)
        return
    for old in (*weight_files(target), target / INDEX):  # without weights it is no model
        old.unlink(missing_ok=True)
    sync_dir(target)
    last = {WEIGHTS, INDEX}
    for file in sorted(ready.iterdir(), key=lambda file: file.name in last):
        file.replace(target / file.name)
    sync_dir(target)
    ready.rmdir()
