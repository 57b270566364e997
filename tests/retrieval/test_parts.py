from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from ragfactory.retrieval.parts import find_at_once
from ragfactory.store.layout import IndexName

if TYPE_CHECKING:
    from ragfactory.retrieval.parts import Scores

INDEX = IndexName("acme", "reports", "jaarrekening")


def test_parts_are_searched_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    both = threading.Barrier(2, timeout=60)

    def find(part: int) -> Scores:
        both.wait()  # for the other
        return {(INDEX, part): float(part)}

    assert list(find_at_once(find, [1, 2]).items()) == [((INDEX, 1), 1.0), ((INDEX, 2), 2.0)]


def test_one_part_needs_no_thread() -> None:
    assert find_at_once(
        lambda part: {(INDEX, part): float(threading.current_thread() is threading.main_thread())}, [7]
    ) == {(INDEX, 7): 1.0}
    assert find_at_once(lambda _part: {(INDEX, 1): 1.0}, []) == {}


def test_what_goes_wrong_in_one_part_is_raised() -> None:
    def find(part: int) -> Scores:
        raise OSError(f"part {part} cannot be read")

    with pytest.raises(OSError, match="part 1"):
        find_at_once(find, [1, 2])
