"""Building and publishing: what goes in comes out, versions share what did not change, nothing is made or stored twice."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from ragfactory.store import publish
from ragfactory.store.damage import find_damage
from ragfactory.store.records import Manifest
from ragfactory.store.version import read_manifest
from tests.store.conftest import (
    DIMENSION,
    EMBEDDER,
    RECIPE,
    ROOTS,
    Shelf,
    add,
    chunk_key,
    contents,
    found_by_words,
    identity,
    live_rows,
    nearest,
    vector_key,
)

FIRST = {
    "jaar/2024.pdf": ["De gebouwen aan de Kade", "Afschrijvingen op machines", "Personeelskosten"],
    "offerte.docx": ["Zonnepanelen op het dak", "Garantie van tien jaar"],
}


def assert_serves(shelf: Shelf, expected: dict[str, list[str]]) -> None:
    """The version that serves holds exactly these documents, and each chunk is found by its words and by its vector."""
    with shelf.open() as version:
        assert contents(version) == expected
        for text in {text for texts in expected.values() for text in texts}:
            assert text in found_by_words(version, text)
            assert nearest(version, text) == text


def test_every_chunk_is_found_by_its_words_and_by_its_vector(shelf: Shelf) -> None:
    manifest = shelf.publish(FIRST)
    assert_serves(shelf, FIRST)
    assert shelf.paths.current.read_bytes() == b"000001\n"
    assert not shelf.paths.building.exists()
    assert read_manifest(shelf.paths.version(1)) == manifest
    assert (manifest.index, manifest.version, manifest.parent) == ("acme/project_001/jaarrekening", 1, None)
    assert (manifest.documents, manifest.chunks, manifest.places) == (2, 5, 5)
    assert manifest.languages == {"nl": 2}
    assert manifest.embedder == EMBEDDER
    assert manifest.recipe == RECIPE
    assert manifest.files.keys() | {"manifest.json"} == shelf.hashes(1).keys()


def test_documents_are_listed_in_order_with_what_was_said_of_them(shelf: Shelf) -> None:
    shelf.publish({"b.txt": ["twee"], "a.txt": ["een", "drie"]}, language=None)
    with shelf.open() as version:
        assert list(version.documents) == [identity("a.txt"), identity("b.txt")]
        document = version.documents[identity("a.txt")]
        assert (document.chunks, document.rows, document.shared) == (2, ((1, 2),), ())
        assert (document.key, document.size, document.document_type) == ("0" * 64, 10, "jaarrekening")
        assert version.manifest.languages == {}


def test_state_is_for_its_owner_alone(shelf: Shelf) -> None:
    shelf.publish(FIRST)
    for folder in (shelf.paths.root, shelf.paths.version(1), shelf.paths.version(1) / "lexical"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_next_version_holds_what_was_changed_removed_and_added(shelf: Shelf) -> None:
    shelf.publish(FIRST | {"weg.txt": ["Dit verdwijnt"]})
    before = shelf.hashes(1)
    changes = {"jaar/2024.pdf": ["De gebouwen aan de Kade", "Nieuwe tekst"], "weg.txt": None, "bij.md": ["Windmolens"]}
    manifest = shelf.publish(changes)
    assert_serves(shelf, FIRST | {path: texts for path, texts in changes.items() if texts is not None})
    assert (manifest.version, manifest.parent, manifest.documents, manifest.chunks) == (2, 1, 3, 5)
    with shelf.open() as version:
        assert found_by_words(version, "personeelskosten") == found_by_words(version, "verdwijnt") == []
        assert nearest(version, "Dit verdwijnt") != "Dit verdwijnt"
    assert shelf.hashes(1) == before
    assert_untouched(shelf, 1)


def assert_untouched(shelf: Shelf, number: int) -> None:
    directory = shelf.paths.version(number)
    assert find_damage(directory, read_manifest(directory)) == []


def test_what_did_not_change_is_one_file_of_both_versions(shelf: Shelf) -> None:
    shelf.publish(FIRST | {"lang.txt": [f"tekst nummer{n}" for n in range(10)]})
    shelf.publish({"offerte.docx": ["Een andere offerte"]})
    shelf.publish({"nog.txt": ["Nog iets"]})
    first, second, third = (shelf.paths.version(n) for n in (1, 2, 3))
    for name in ("chunks-0001.jsonl", "rows-0001.npy", "vectors-0001.faiss"):
        assert (first / name).samefile(second / name)
        assert (first / name).samefile(third / name)
    assert (second / "deleted-0001.npy").samefile(third / "deleted-0001.npy")
    shared = [p.name for p in (second / "lexical").iterdir() if (third / "lexical" / p.name).exists()]
    assert any((second / "lexical" / name).samefile(third / "lexical" / name) for name in shared)
    for name in ("manifest.json", "lexical/meta.json"):
        assert not (second / name).samefile(third / name)


def test_where_links_are_refused_the_version_is_complete_all_the_same(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    shelf.publish(FIRST)
    before = shelf.hashes(1)
    shelf.publish({"bij.md": ["Windmolens"]})
    assert_serves(shelf, FIRST | {"bij.md": ["Windmolens"]})
    assert shelf.hashes(1) == before
    assert not (shelf.paths.version(1) / "rows-0001.npy").samefile(shelf.paths.version(2) / "rows-0001.npy")


def test_rows_of_one_segment_go_one_after_the_other(shelf: Shelf) -> None:
    documents = {f"{n}.txt": [f"tekst{n}"] for n in range(20)}
    shelf.publish(documents)
    for path in ("1.txt", "13.txt", "0.txt"):
        del documents[path]
        (segment,) = shelf.publish({path: None}).segments
        assert (segment.rows, segment.deleted) == (20, 20 - len(documents))
        assert_serves(shelf, documents)
        with shelf.open() as version:
            assert len(live_rows(version)) == len(documents)


def test_a_segment_without_a_live_row_is_left_behind(shelf: Shelf) -> None:
    shelf.publish({"a.txt": ["een"]})
    shelf.publish({"b.txt": ["twee"]})
    manifest = shelf.publish({"a.txt": None})
    assert [entry.number for entry in manifest.segments] == [2]
    assert not (shelf.paths.version(3) / "chunks-0001.jsonl").exists()
    assert_serves(shelf, {"b.txt": ["twee"]})


def test_an_index_can_become_empty_and_fill_again(shelf: Shelf) -> None:
    shelf.publish(FIRST)
    manifest = shelf.publish(dict.fromkeys(FIRST))
    assert (manifest.documents, manifest.chunks, manifest.segments) == (0, 0, ())
    with shelf.open() as version:
        assert found_by_words(version, "gebouwen") == []
    shelf.publish(FIRST)
    assert_serves(shelf, FIRST)


def test_a_document_without_chunks_is_kept(shelf: Shelf) -> None:
    shelf.publish({"leeg.txt": [], "a.txt": ["een"]})
    assert_serves(shelf, {"leeg.txt": [], "a.txt": ["een"]})


def test_a_large_run_is_cut_into_segments(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "SEGMENT_BYTES", 4 * 2 * DIMENSION)
    documents = {"a.txt": [f"tekst nummer {n}" for n in range(6)], "b.txt": ["losse tekst", "tekst nummer 5"]}
    manifest = shelf.publish(documents)
    assert [(entry.number, entry.rows) for entry in manifest.segments] == [(1, 4), (2, 3)]
    assert_serves(shelf, documents)


def test_equal_chunks_are_stored_once_with_all_their_places(shelf: Shelf) -> None:
    manifest = shelf.publish({"a.txt": ["x", "y", "x"], "b.txt": ["y", "x", "z"]})
    assert (manifest.chunks, manifest.places) == (3, 6)
    shelf.publish({"c.txt": ["z", "nieuw", "z"]})
    assert_serves(shelf, {"a.txt": ["x", "y", "x"], "b.txt": ["y", "x", "z"], "c.txt": ["z", "nieuw", "z"]})
    with shelf.open() as version:
        assert (version.manifest.chunks, version.manifest.places) == (4, 9)
        assert [len(version.sharers(row_id)) for row_id in range(4)] == [2, 1, 2, 0]


def test_nothing_new_leans_on_a_document_that_is_replaced(shelf: Shelf) -> None:
    shelf.publish({"a.txt": ["samen", "alleen a"]})
    with shelf.builder(replaced=["a.txt"]) as builder:
        add(builder, "b.txt", ["samen"])
        add(builder, "a.txt", ["nu anders"])
        builder.publish(RECIPE, ROOTS)
    with shelf.open() as version:
        assert contents(version) == {"a.txt": ["nu anders"], "b.txt": ["samen"]}
        assert version.documents[identity("b.txt")].shared == ()


def test_a_replaced_document_that_is_not_made_stays_as_it_was(shelf: Shelf) -> None:
    shelf.publish({"a.txt": ["samen", "alleen a"]})
    with shelf.builder(replaced=["a.txt"]) as builder:
        add(builder, "b.txt", ["samen"])
        manifest = builder.publish(RECIPE, ROOTS)
    assert_serves(shelf, {"a.txt": ["samen", "alleen a"], "b.txt": ["samen"]})
    assert (manifest.chunks, manifest.places) == (3, 3)


@pytest.mark.parametrize("change", [None, ["iets anders"]], ids=["removed", "changed"])
def test_a_chunk_stays_for_as_long_as_a_document_holds_it(shelf: Shelf, change: list[str] | None) -> None:
    shelf.publish({"a.txt": ["samen", "alleen a"], "b.txt": ["alleen b", "samen"]})
    shelf.publish({"a.txt": change})
    remaining = {"b.txt": ["alleen b", "samen"]} | ({"a.txt": change} if change else {})
    assert_serves(shelf, remaining)
    with shelf.open() as version:
        assert found_by_words(version, "alleen") == ["alleen b"]
    shelf.publish({"c.txt": ["samen"]})  # the row whose own document went is not leaned on any more
    with shelf.open() as version:
        assert version.documents[identity("c.txt")].shared == ()
    shelf.publish({"b.txt": None})
    with shelf.open() as version:
        assert found_by_words(version, "samen") == ["samen"]


def test_a_document_that_is_added_twice_counts_once(shelf: Shelf) -> None:
    with shelf.builder() as builder:
        add(builder, "a.txt", ["eerste poging"])
        add(builder, "a.txt", ["tweede poging"])
        add(builder, "b.txt", ["komt en gaat"])
        builder.remove(identity("b.txt"))
        manifest = builder.publish(RECIPE, ROOTS)
    assert manifest.chunks == 1
    assert_serves(shelf, {"a.txt": ["tweede poging"]})
    with shelf.open() as version:
        assert found_by_words(version, "eerste") == found_by_words(version, "komt") == []


def test_vectors_of_older_versions_are_found_by_key(shelf: Shelf) -> None:
    shelf.publish(FIRST)
    shelf.publish({"bij.md": ["Windmolens"]})
    with shelf.builder(replaced=[*FIRST, "bij.md"]) as builder:
        made = [add(builder, path, texts) for path, texts in FIRST.items()]
        made.append(add(builder, "bij.md", ["Windmolens", "Waterkracht"]))
        builder.publish(RECIPE, ROOTS)
    assert made == [0, 0, 1]
    assert_serves(shelf, FIRST | {"bij.md": ["Windmolens", "Waterkracht"]})


@pytest.mark.parametrize("damage", ["none", "torn", "flipped"])
def test_vectors_of_an_unfinished_run_are_used_again(shelf: Shelf, damage: str) -> None:
    texts = ["een", "twee", "drie"]
    with shelf.builder() as builder:
        assert add(builder, "a.txt", texts) == 3
    (log,) = shelf.paths.building.glob("vectors-*.log")
    data = bytearray(log.read_bytes())
    if damage == "torn":
        data = data[:-5]
    elif damage == "flipped":
        data[-5] ^= 0x04
    log.write_bytes(data)
    left = 3 if damage == "none" else 2
    with shelf.builder() as builder:
        assert builder.recovered == left
        assert [builder.has_vector(vector_key(text)) for text in texts] == [True, True, damage == "none"]
        assert not any(builder.is_stored(chunk_key(text)) for text in ("een",))
    with shelf.builder() as builder:
        assert add(builder, "a.txt", texts) == 3 - left
        builder.publish(RECIPE, ROOTS)
    assert_serves(shelf, {"a.txt": texts})
    assert not shelf.paths.building.exists()


def test_another_embedder_makes_everything_anew(shelf: Shelf) -> None:
    shelf.publish(FIRST)
    other = EMBEDDER.model_copy(update={"fingerprint": "cd" * 32})
    with shelf.builder(embedder=other) as builder:
        assert not builder.documents
        assert not builder.has_vector(vector_key("Personeelskosten"))
        assert not builder.is_stored(chunk_key("Personeelskosten"))
    manifest = shelf.publish({"a.txt": ["Personeelskosten"]}, embedder=other)
    assert (manifest.version, manifest.parent, manifest.embedder) == (2, 1, other)
    assert_serves(shelf, {"a.txt": ["Personeelskosten"]})


def test_a_vector_of_another_embedder_is_not_taken_from_an_unfinished_run(shelf: Shelf) -> None:
    with shelf.builder() as builder:
        add(builder, "a.txt", ["een"])
    with shelf.builder(embedder=EMBEDDER.model_copy(update={"fingerprint": "cd" * 32})) as builder:
        assert builder.recovered == 0
        assert not builder.has_vector(vector_key("een"))


def test_a_manifest_comes_back_as_it_was_written(shelf: Shelf) -> None:
    manifest = shelf.publish(FIRST)
    assert Manifest.model_validate(manifest.model_dump(mode="json")) == manifest
    assert read_manifest(shelf.paths.version(1)).to_json() == manifest.to_json()
