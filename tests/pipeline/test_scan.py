from __future__ import annotations

import os
from pathlib import Path

import pytest

from ragfactory.errors import UsageError
from ragfactory.pipeline.scan import Scan, scan, scan_again


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    return folder


def touch(*files: Path) -> None:
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("text")


def doc_ids(found: Scan) -> list[str]:
    return [source.doc_id for source in found.sources]


def refuse(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Make a folder unreadable, also for a user who may read everything."""
    list_folder = os.scandir

    def guarded(path: os.PathLike[str] | int) -> object:
        if path == folder:
            raise PermissionError(13, "Permission denied", str(path))
        return list_folder(path)

    monkeypatch.setattr(os, "scandir", guarded)


def test_files_of_all_depths_are_found_in_order_with_their_size_and_time(docs: Path) -> None:
    touch(docs / "b.txt", docs / "sub/deeper/c.md", docs / "a.html")
    found = scan([docs])
    assert doc_ids(found) == ["a.html", "b.txt", "sub/deeper/c.md"]
    source = found.sources[2]
    status = (docs / "sub/deeper/c.md").stat()
    assert source.identity == (str(docs), "sub/deeper/c.md")
    assert (source.size, source.mtime_ns) == (status.st_size, status.st_mtime_ns)


def test_hidden_files_and_folders_are_left_out(docs: Path) -> None:
    touch(docs / "a.txt", docs / ".secret.txt", docs / ".git/b.txt", docs / "sub/.c.txt")
    found = scan([docs])
    assert doc_ids(found) == ["a.txt"]
    assert found.skipped == {}


def test_links_out_of_the_folder_are_not_followed_and_links_inside_are(docs: Path, tmp_path: Path) -> None:
    touch(docs / "a.txt", tmp_path / "private/secret.txt")
    (docs / "out.txt").symlink_to(tmp_path / "private/secret.txt")
    (docs / "away").symlink_to(tmp_path / "private")
    (docs / "inside.txt").symlink_to("a.txt")
    (docs / "loop").symlink_to(docs)
    assert doc_ids(scan([docs])) == ["a.txt", "inside.txt"]


def test_a_folder_whose_name_begins_like_the_root_is_outside(docs: Path, tmp_path: Path) -> None:
    touch(docs / "a.txt", tmp_path / "docs-of-others/b.txt")
    (docs / "b.txt").symlink_to(tmp_path / "docs-of-others/b.txt")
    assert doc_ids(scan([docs])) == ["a.txt"]


def test_a_folder_that_is_given_by_a_link_is_looked_through(docs: Path, tmp_path: Path) -> None:
    touch(docs / "a.txt")
    (tmp_path / "link").symlink_to(docs)
    found = scan([tmp_path / "link"])
    assert [source.identity for source in found.sources] == [(str(tmp_path / "link"), "a.txt")]


def test_a_dangling_link_is_reported(docs: Path) -> None:
    touch(docs / "a.txt")
    (docs / "gone.txt").symlink_to("nowhere.txt")
    found = scan([docs])
    assert doc_ids(found) == ["a.txt"]
    assert [entry.place for entry in found.unreadable] == ["gone.txt"]


def test_files_that_no_parser_reads_are_counted_by_extension(docs: Path) -> None:
    touch(docs / "a.txt", docs / "b.exe", docs / "sub/c.EXE", docs / "Makefile")
    found = scan([docs])
    assert doc_ids(found) == ["a.txt"]
    assert found.skipped == {".exe": 2, "(none)": 1}


def test_what_is_no_regular_file_is_left_out(docs: Path) -> None:
    touch(docs / "a.txt")
    os.mkfifo(docs / "pipe.txt")
    found = scan([docs])
    assert doc_ids(found) == ["a.txt"]
    assert found.unreadable == []


def test_a_file_of_an_unreadable_folder_does_not_count_as_gone(docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(docs / "a.txt", docs / "closed/b.txt", docs / "closed-not/c.txt")
    refuse(monkeypatch, docs / "closed")
    found = scan([docs])
    root = str(docs)
    assert doc_ids(found) == ["a.txt", "closed-not/c.txt"]
    assert [(entry.place, entry.reason) for entry in found.unreadable] == [("closed", "Permission denied")]
    assert not found.covers((root, "closed/b.txt"))
    assert found.covers((root, "closed-not/gone.txt"))
    assert found.covers((root, "gone.txt"))


def test_no_file_of_an_unreadable_root_counts_as_gone(docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, docs)
    found = scan([docs])
    assert [entry.place for entry in found.unreadable] == ["."]
    assert not found.covers((str(docs), "a.txt"))


def test_a_single_file_says_nothing_of_its_neighbours(docs: Path) -> None:
    touch(docs / "a.txt", docs / "b.txt")
    found = scan([docs / "a.txt"])
    assert [source.identity for source in found.sources] == [(str(docs), "a.txt")]
    assert not found.covers((str(docs), "b.txt"))


def test_a_path_given_twice_is_one_source(docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(docs / "a.txt")
    monkeypatch.chdir(docs.parent)
    assert doc_ids(scan([docs, docs, docs / "a.txt", Path("docs/../docs")])) == ["a.txt"]


def test_a_name_that_is_not_utf8_is_escaped_and_still_opens(docs: Path) -> None:
    (docs / os.fsdecode(b"caf\xe9.txt")).write_text("text")
    (source,) = scan([docs]).sources
    assert source.doc_id == r"caf\xe9.txt"
    assert source.path.read_text() == "text"


def test_a_root_that_is_not_utf8_is_escaped_everywhere_and_found_again(docs: Path) -> None:
    root = docs / os.fsdecode(b"caf\xe9")
    touch(root / os.fsdecode(b"sub/\xff.txt"))
    found = scan([root])
    assert found.roots == {rf"{docs}/caf\xe9"}
    assert found.sources[0].identity == (rf"{docs}/caf\xe9", r"sub/\xff.txt")
    again = scan_again(found.roots, ())
    assert (again.sources, again.vanished) == (found.sources, [])


def test_a_named_file_that_is_not_utf8_is_found_again_until_it_is_gone(
    docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = docs / os.fsdecode(b"\xff.txt")
    touch(file, docs / r"a\b.txt")
    found = scan([file, docs / r"a\b.txt"])
    assert scan_again((), found.named).sources == found.sources
    identity = (str(docs), r"\xff.txt")
    with monkeypatch.context() as patch:
        refuse(patch, docs)
        assert not scan_again((), [identity]).covers(identity), "nobody can tell whether it is there"
    file.unlink()
    again = scan_again((), [identity])
    assert (again.sources, again.covers(identity)) == ([], True)


@pytest.mark.parametrize("name", ["missing", "a.txt/below", "x" * 300])
def test_a_path_that_does_not_exist_is_a_usage_error(docs: Path, name: str) -> None:
    touch(docs / "a.txt")
    with pytest.raises(UsageError) as caught:
        scan([docs, docs / name])
    assert str(docs / name) in caught.value.message
    assert caught.value.path == str(docs / name)


def test_a_link_to_itself_is_reported_and_nothing_more(docs: Path) -> None:
    touch(docs / "a.txt")
    (docs / "loop.txt").symlink_to("loop.txt")
    found = scan([docs])
    assert doc_ids(found) == ["a.txt"]
    assert [entry.place for entry in found.unreadable] == ["loop.txt"]


def test_what_cannot_be_read_under_one_root_hides_nothing_under_another(
    docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    touch(docs / "sub/a.txt", other / "sub/b.txt")
    refuse(monkeypatch, docs / "sub")
    found = scan([docs, other])
    assert not found.covers((str(docs), "sub/a.txt"))
    assert found.covers((str(other), "sub/gone.txt"))
