"""JSON for readers outside this program."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def to_json(record: Mapping[str, Any]) -> bytes:
    """A record as one line of UTF-8. An error message can quote bytes that are not UTF-8; each becomes a question mark."""
    return json.dumps(record, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
