"""Records - reviews, posts, messages - as blocks: one block a record, so that what belongs together stays together."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ragfactory.documents.model import DocumentBuilder

Record = dict[str, Any]

_ROLE_KEYS = ("role", "speaker", "sender", "from", "spreker", "sprecher", "afzender", "absender")
_NAME_KEYS = ("author", "name", "user", "username", "auteur", "naam")
_TEXT_KEYS = ("content", "text", "message", "body", "utterance", "tekst", "bericht", "nachricht")
_TIME_KEYS = ("timestamp", "time", "date", "datetime", "created_at", "sent_at", "start", "tijd", "datum", "zeit")
_CHAT_KEYS = frozenset((*_ROLE_KEYS, *_NAME_KEYS, *_TEXT_KEYS, *_TIME_KEYS, "id", "end", "type"))


def are_records(value: object) -> TypeGuard[list[Record]]:
    """Whether a JSON value is an array of objects, and not an empty one."""
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def are_messages(records: Sequence[Record]) -> bool:
    """Whether the records evidently are a conversation.

    They are when all have a text and a role such as `role` or `speaker`, or a text, the name of somebody who comes back, and
    nothing that a message does not have (a rating, a number of likes).
    """
    return _chat_keys(records) is not None


def add_messages(builder: DocumentBuilder, records: Sequence[Record]) -> bool:
    """Add the records as turns and say True; add nothing and say False when they are not evidently a conversation."""
    keys = _chat_keys(records)
    if keys is None:
        return False
    speaker_key, text_key = keys
    for record in records:
        speaker = " ".join(str(record[speaker_key]).split())
        time = next((str(value) for key, value in record.items() if key.lower() in _TIME_KEYS and value), None)
        said = f"{speaker}: {_message_text(record[text_key])}"
        builder.turn(speaker, f"[{time}] {said}" if time else said)
    return True


def add_record(builder: DocumentBuilder, record: Record) -> None:
    """Add a record as one paragraph of 'name: value' lines."""
    builder.paragraph("\n".join(record_lines(record)))


def record_lines(record: Record) -> Iterator[str]:
    """'name: value' for each value of a record that is not empty; the names of nested ones are joined by dots."""
    stack: list[tuple[str, Any]] = [*reversed(record.items())]
    while stack:
        name, value = stack.pop()
        if isinstance(value, dict):
            stack.extend((f"{name}.{key}", inner) for key, inner in reversed(value.items()))
        elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
            stack.extend((f"{name}.{i}", value[i - 1]) for i in range(len(value), 0, -1))
        else:
            text = ", ".join(map(scalar_text, value)) if isinstance(value, list) else scalar_text(value)
            if text.strip():
                yield f"{name}: {text}"


def scalar_text(value: object) -> str:
    """A value as JSON writes it, strings without their quotes, null as nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _chat_keys(records: Sequence[Record]) -> tuple[str, str] | None:
    """The keys that hold the speaker and the text of every message; None when the records are no messages."""
    text_key = _shared_key(records, _TEXT_KEYS)
    if text_key is None or not records:
        return None
    role = _shared_key(records, _ROLE_KEYS)
    if role is not None:
        return role, text_key
    name = _shared_key(records, _NAME_KEYS)
    if name is None or any(key.lower() not in _CHAT_KEYS for record in records for key in record):
        return None
    times = Counter(str(record[name]) for record in records)
    return (name, text_key) if len(times) > 1 and len(records) > len(times) else None


def _shared_key(records: Sequence[Record], names: Sequence[str]) -> str | None:
    first = {key.lower(): key for key in records[0]} if records else {}
    found = next((first[name] for name in names if name in first), None)
    return found if found is not None and all(record.get(found) for record in records) else None


def _message_text(value: object) -> str:
    """The text of a message, whose content may be a list of parts with a text each."""
    if not isinstance(value, list):
        return scalar_text(value)
    return "\n".join(scalar_text(part.get("text")) if isinstance(part, dict) else scalar_text(part) for part in value)
