"""The vectors of an unfinished run: found again by key, whatever a killed process left at the end of the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ragfactory.store.vectorlog import VectorLog

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 8
ENTRY = 32 + 4 + SIZE
KEYS = [bytes([n]) * 32 for n in range(5)]
CODES = np.random.default_rng(3).integers(0, 256, (5, SIZE), dtype=np.uint8)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log that holds three vectors."""
    path = tmp_path / "vectors.log"
    with VectorLog(path, SIZE) as log:
        log.append(KEYS[:1], CODES[:1])
        log.append(KEYS[1:3], CODES[1:3])
    return path


def assert_holds(path: Path, expected: list[int]) -> None:
    """The log holds these vectors and no others, and takes more."""
    with VectorLog(path, SIZE) as log:
        assert log.recovered == len(expected)
        assert [n for n in range(4) if KEYS[n] in log] == expected
        log.append(KEYS[4:], CODES[4:])
    with VectorLog(path, SIZE) as log:
        assert log.recovered == len(expected) + 1
        for n in (*expected, 4):
            np.testing.assert_array_equal(log.get(KEYS[n]), CODES[n])


def test_a_vector_is_there_as_soon_as_it_was_appended(path: Path) -> None:
    with VectorLog(path, SIZE) as log:
        log.append(KEYS[3:4], CODES[3:4])
        np.testing.assert_array_equal(log.get(KEYS[3]), CODES[3])
        np.testing.assert_array_equal(log.get(KEYS[0]), CODES[0])
        log.append(KEYS[4:], CODES[4:])
        np.testing.assert_array_equal(log.get(KEYS[4]), CODES[4])
        with pytest.raises(KeyError):
            log.get(b"?" * 32)


def test_a_reopened_log_holds_what_was_appended(path: Path) -> None:
    assert_holds(path, [0, 1, 2])


@pytest.mark.parametrize("cut", [1, 8, 9, ENTRY - 1, ENTRY, ENTRY + 1, 3 * ENTRY])
def test_a_torn_tail_is_cut_off(path: Path, cut: int) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) - cut])
    assert_holds(path, list(range((len(data) - cut) // ENTRY)))


def test_zeros_that_a_power_cut_left_are_cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes() + bytes(3 * ENTRY))
    assert_holds(path, [0, 1, 2])


@pytest.mark.parametrize("at", range(ENTRY - SIZE - 4, ENTRY))
def test_nothing_is_used_from_a_flipped_byte_on(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[ENTRY + at] ^= 0x10
    path.write_bytes(data)
    assert_holds(path, [0])


def test_a_flipped_byte_in_a_key_only_loses_that_vector(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[ENTRY] ^= 0x80
    path.write_bytes(data)
    with VectorLog(path, SIZE) as log:
        assert [n for n in range(4) if KEYS[n] in log] == [0, 2]
