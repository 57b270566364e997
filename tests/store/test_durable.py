"""Durable writes: one step or nothing, links with copies to fall back on, folders for their owner alone."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from typing import TYPE_CHECKING

import pytest

from ragfactory.store.durable import link_or_copy, make_private_dirs, replace_file, sha256_of

if TYPE_CHECKING:
    from pathlib import Path


def refuse(error: int) -> object:
    def call(*_: object, **__: object) -> None:
        raise OSError(error, os.strerror(error))

    return call


def test_replacing_a_file_leaves_it_alone_in_its_folder(tmp_path: Path) -> None:
    for data in (b"first", b"second"):
        replace_file(tmp_path / "CURRENT", data)
        assert (tmp_path / "CURRENT").read_bytes() == data
    assert [path.name for path in tmp_path.iterdir()] == ["CURRENT"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_replacement_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    replace_file(tmp_path / "CURRENT", b"first")
    monkeypatch.setattr(os, step, refuse(errno.ENOSPC))
    with pytest.raises(OSError, match="No space left"):
        replace_file(tmp_path / "CURRENT", b"second")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"CURRENT": b"first"}


def test_a_link_shares_the_inode(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"text")
    assert link_or_copy(tmp_path / "one", tmp_path / "two")
    assert (tmp_path / "two").samefile(tmp_path / "one")


@pytest.mark.parametrize("error", [errno.EPERM, errno.EXDEV, errno.EMLINK, errno.ENOTSUP])
def test_where_links_are_refused_a_copy_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int) -> None:
    (tmp_path / "one").write_bytes(b"text")
    monkeypatch.setattr(os, "link", refuse(error))
    assert not link_or_copy(tmp_path / "one", tmp_path / "two")
    assert (tmp_path / "two").read_bytes() == b"text"
    assert not (tmp_path / "two").samefile(tmp_path / "one")


def test_any_other_refusal_of_a_link_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one").write_bytes(b"text")
    monkeypatch.setattr(os, "link", refuse(errno.ENOSPC))
    with pytest.raises(OSError, match="No space left"):
        link_or_copy(tmp_path / "one", tmp_path / "two")
    assert not (tmp_path / "two").exists()


def test_folders_that_are_made_are_for_their_owner_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    make_private_dirs(tmp_path / "a" / "b" / "c")
    make_private_dirs(tmp_path / "a" / "b" / "c")
    for path, mode in ((tmp_path, 0o755), (tmp_path / "a", 0o700), (tmp_path / "a" / "b" / "c", 0o700)):
        assert stat.S_IMODE(path.stat().st_mode) == mode


def test_the_hash_is_that_of_the_bytes(tmp_path: Path) -> None:
    data = bytes(range(256)) * 5000
    (tmp_path / "file").write_bytes(data)
    assert sha256_of(tmp_path / "file") == hashlib.sha256(data).hexdigest()
