"""FAISS index files: opened as a mapping and looked at, and written so that a full disk is noticed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragfactory.errors import DamagedIndexError, MissingExtraError

if TYPE_CHECKING:
    from io import BufferedReader
    from pathlib import Path


def import_faiss() -> Any:
    """The module faiss. Raises MissingExtraError when neither of its two packages is installed."""
    try:
        import faiss
    except ImportError as error:
        raise MissingExtraError("faiss-cpu (or faiss-gpu-cu12)", "cpu") from error
    return faiss


def open_index(file: BufferedReader, rows: int, dimension: int) -> Any:
    """The FAISS index in a file, mapped into memory. Open it only after its hash was checked: FAISS trusts what it reads.

    The file may have lost its name since it was opened, and may be closed afterwards.

    Raises DamagedIndexError when the file is no index of that many vectors of that dimension.
    """
    faiss, path = import_faiss(), file.name
    try:
        index = faiss.read_index(f"/dev/fd/{file.fileno()}", faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError as error:
        raise DamagedIndexError(f"{path}: not a FAISS index that can be read", path=path) from error
    if index.ntotal != rows:
        raise DamagedIndexError(f"{path}: {rows} vectors expected, found {index.ntotal}", path=path)
    if index.d != dimension:
        raise DamagedIndexError(f"{path}: vectors of {dimension} numbers expected, found {index.d}", path=path)
    return index


def save_index(path: Path, index: Any, flags: int = 0) -> None:
    """Write a FAISS index, with FAISS's IO flags. Raises OSError when the disk refuses."""
    faiss = import_faiss()
    with path.open("wb") as file:  # FAISS's own writer does not notice when the last of a file finds no room
        faiss.write_index(index, faiss.PyCallbackIOWriter(file.write), flags)
