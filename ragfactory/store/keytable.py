"""Rows found by the key of their chunk or vector, over several segments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ragfactory.store.segment import Ids, Keys, Mask


class KeyTable:
    """Finds row ids by key over several segments, without a Python object a row."""

    def __init__(self, segments: Iterable[tuple[Ids, Keys, Mask]]) -> None:
        """Take of each segment the rows' ids, their keys and which of them may be found, (n,) each."""
        ids, keys = [np.empty(0, dtype=np.uint64)], [np.empty(0, dtype="V32")]
        for numbers, table, mask in segments:
            ids.append(numbers[mask])
            keys.append(np.asarray(table)[mask])
        self._ids = np.concatenate(ids)
        self._keys = np.concatenate(keys)
        heads = self._keys.view(np.uint8).reshape(-1, 32)[:, :8].copy().view(">u8").ravel()
        self._order = np.argsort(heads, kind="stable")
        self._heads = heads[self._order]

    def find(self, key: bytes) -> int | None:
        """The id of the first row with this key, or None."""
        head = np.frombuffer(key[:8], dtype=">u8")[0]
        at = int(np.searchsorted(self._heads, head))
        while at < len(self._heads) and self._heads[at] == head:
            i = self._order[at]
            if self._keys[i].tobytes() == key:
                return int(self._ids[i])
            at += 1
        return None
