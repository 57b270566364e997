from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragfactory.fleet.frames import Frame, FrameReader, pack


@given(st.lists(st.lists(st.binary(max_size=50), max_size=4), max_size=4), st.integers(1, 40))
def test_frames_survive_being_cut_anywhere(messages: list[list[bytes]], step: int) -> None:
    wire = b"".join(pack("done", parts, seconds=1.5, n=n) for n, parts in enumerate(messages))
    reader = FrameReader()
    read = [frame for start in range(0, len(wire), step) for frame in reader.feed(wire[start : start + step])]
    assert read == [Frame("done", {"seconds": 1.5, "n": n}, tuple(parts)) for n, parts in enumerate(messages)]


@pytest.mark.parametrize("header", [b"no json", b"[]", b'{"kind": "done"}'])
def test_what_is_no_frame_is_refused(header: bytes) -> None:
    with pytest.raises(ValueError, match="a frame's header expected"):
        list(FrameReader().feed(struct.pack("<IQ", len(header), 0) + header))
