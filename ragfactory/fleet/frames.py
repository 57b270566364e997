"""What travels between a worker and its parent: a header in JSON and parts in raw bytes. Nothing is pickled."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SIZES = struct.Struct("<IQ")  # bytes of the header, bytes of all parts


@dataclass(frozen=True, slots=True)
class Frame:
    """One message: what kind it is, some plain data, and parts."""

    kind: str
    data: dict[str, Any]
    parts: tuple[bytes, ...] = ()


def pack(kind: str, parts: Sequence[bytes] = (), **data: Any) -> bytes:
    """A message as it goes over the wire."""
    header = orjson.dumps({"kind": kind, "data": data, "sizes": [len(part) for part in parts]})
    return b"".join((_SIZES.pack(len(header), sum(map(len, parts))), header, *parts))


class FrameReader:
    """Puts frames together again from bytes that arrive in any pieces."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are whole with these bytes. Raises ValueError when what came is no frame."""
        self._buffer += data
        while len(self._buffer) >= _SIZES.size:
            header_size, body_size = _SIZES.unpack_from(self._buffer)
            start = _SIZES.size + header_size
            end = start + body_size
            if len(self._buffer) < end:
                return
            header, body = bytes(self._buffer[_SIZES.size : start]), bytes(self._buffer[start:end])
            del self._buffer[:end]
            yield _unpack(header, body)


def _unpack(header: bytes, body: bytes) -> Frame:
    try:
        fields = orjson.loads(header)
        bounds = pairwise(accumulate(fields["sizes"], initial=0))
        return Frame(fields["kind"], fields["data"], tuple(body[start:end] for start, end in bounds))
    except (KeyError, TypeError, orjson.JSONDecodeError) as error:
        raise ValueError(f"a frame's header expected, got {header[:100]!r}") from error
