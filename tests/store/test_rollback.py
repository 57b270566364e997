"""Rolling back: an earlier version serves at once, unless it is damaged, and the next one is numbered on."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from ragfactory.errors import DamagedIndexError, IndexNotFoundError, LockedError
from ragfactory.store.lock import writer_lock
from ragfactory.store.rollback import Rollback, rollback
from tests.store.conftest import contents

if TYPE_CHECKING:
    from tests.store.conftest import Shelf

TEXTS = {n: {"a.txt": [f"het gebouw in het jaar {n}"]} for n in range(1, 4)}


@pytest.fixture
def three(shelf: Shelf) -> Shelf:
    for changes in TEXTS.values():
        shelf.publish(changes)
    return shelf


def served(shelf: Shelf) -> dict[str, list[str]]:
    with shelf.open() as version:
        return contents(version)


def test_back_to_the_one_before_and_on_from_there(three: Shelf) -> None:
    assert rollback(three.paths, three.name) == Rollback(serving=2, before=3)
    assert served(three) == TEXTS[2]
    next_one = three.publish({"b.txt": ["nieuw"]})
    assert (next_one.version, next_one.parent) == (4, 2)
    assert served(three) == TEXTS[2] | {"b.txt": ["nieuw"]}
    assert rollback(three.paths, three.name) == Rollback(serving=2, before=4)


def test_to_a_version_that_is_named_older_or_newer(three: Shelf) -> None:
    for number in (1, 3):
        assert rollback(three.paths, three.name, number).changed
        assert served(three) == TEXTS[number]


def test_to_the_one_that_serves_already(three: Shelf) -> None:
    assert not rollback(three.paths, three.name, 3).changed
    assert served(three) == TEXTS[3]


def test_the_next_older_one_when_the_parent_is_gone(three: Shelf) -> None:
    shutil.rmtree(three.paths.version(2))
    assert rollback(three.paths, three.name).serving == 1


def test_out_of_a_version_that_cannot_be_read(three: Shelf) -> None:
    (three.paths.version(3) / "manifest.json").write_bytes(b"{")
    assert rollback(three.paths, three.name).serving == 2
    shutil.rmtree(three.paths.version(2))
    assert rollback(three.paths, three.name).serving == 1
    assert served(three) == TEXTS[1]


def test_out_of_a_current_that_names_nothing(three: Shelf) -> None:
    three.paths.current.write_text("latest\n")
    with pytest.raises(DamagedIndexError):
        rollback(three.paths, three.name)
    assert rollback(three.paths, three.name, 2) == Rollback(serving=2, before=None)
    assert served(three) == TEXTS[2]


def test_what_is_not_there_is_told_with_what_is(three: Shelf) -> None:
    with pytest.raises(IndexNotFoundError, match="has no version 000007") as caught:
        rollback(three.paths, three.name, 7)
    assert "000001, 000002, 000003" in str(caught.value.hint)
    rollback(three.paths, three.name, 1)
    with pytest.raises(IndexNotFoundError, match="no version before"):
        rollback(three.paths, three.name)


def test_not_to_a_damaged_version(three: Shelf) -> None:
    file = max(three.paths.version(2).glob("chunks-*.jsonl"))
    for harm in (lambda: file.write_bytes(file.read_bytes()[:-1]), file.unlink):
        harm()
        with pytest.raises(DamagedIndexError, match=file.name):
            rollback(three.paths, three.name)
        assert three.paths.current_number() == 3


def test_not_while_a_writer_is_at_work(three: Shelf) -> None:
    with writer_lock(three.paths.lock), pytest.raises(LockedError):
        rollback(three.paths, three.name)
    assert three.paths.current_number() == 3
