"""The wording of prompts: one file a language, shipped in `prompts/`, or in a folder that a profile names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ragfactory.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Mapping

LANGUAGES = ("nl", "de", "fr", "en")

_SHIPPED = Path(__file__).parent / "prompts"
_SEPARATOR = re.compile(r"^---[ \t]*\n", re.MULTILINE)
_FIELD = re.compile(r"\{([a-z]+)\}")
# The fields that each part may have; the last of each it must have.
_FIELDS = ((), ("title", "type", "facts", "document"), ("place", "passage"), ())


@dataclass(frozen=True, slots=True)
class Template:
    """The wording in one language: what the model is told first, the document's part, the passage's part, and what is added when it
    is asked again.
    """

    instructions: str
    shared: str
    own: str
    again: str


def language_of(code: str | None) -> str:
    """The language that a prompt and its answer are in, for a document in `code`; English for any that has no wording."""
    code = (code or "")[:2]
    return code if code in LANGUAGES else "en"


def load_templates(folder: Path | None = None) -> dict[str, Template]:
    """The wording in each language. A file of `folder`, such as `nl.txt`, takes the place of the one that is shipped.

    Raises ProfileError for a folder that is not there and a file that is no template.
    """
    if folder is not None and not folder.is_dir():
        raise ProfileError(
            f"enrich.prompts: a folder expected, and there is none at {folder}",
            hint="a path that is not absolute counts from the folder of the profile",
            path=str(folder),
        )
    return {language: _load(_file(language, folder)) for language in LANGUAGES}


def fill(part: str, values: Mapping[str, str]) -> str:
    """A part of a template with its fields filled in. A value is put in as it is: what looks like a field in it is none.

    A line whose only fields are empty is left out.
    """
    lines = [line for line in part.splitlines(keepends=True) if _has_content(line, values)]
    return _FIELD.sub(lambda field: values.get(field[1], field[0]), "".join(lines))


def _has_content(line: str, values: Mapping[str, str]) -> bool:
    fields = [values.get(name, name) for name in _FIELD.findall(line)]
    return not fields or any(fields)


def _file(language: str, folder: Path | None) -> Path:
    own = folder / f"{language}.txt" if folder else None
    return own if own and own.is_file() else _SHIPPED / f"{language}.txt"


def _load(path: Path) -> Template:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(f"{path}: cannot be read: {error}", path=str(path)) from error
    parts = _SEPARATOR.split(text)
    if len(parts) != len(_FIELDS):
        raise _unfit(path, f"{len(_FIELDS)} parts expected, between lines of ---, got {len(parts)}")
    for part, allowed in zip(parts, _FIELDS, strict=True):
        found = set(_FIELD.findall(part))
        if unknown := found - set(allowed):
            raise _unfit(path, f"{{{min(unknown)}}} is no field of that part")
        if allowed and allowed[-1] not in found:
            raise _unfit(path, f"the field {{{allowed[-1]}}} is missing")
    instructions, shared, own, again = parts
    return Template(instructions.strip(), shared, own.rstrip(), again.rstrip())


def _unfit(path: Path, message: str) -> ProfileError:
    return ProfileError(
        f"{path}: {message}", hint="copy one of the files that are shipped, and change its words", path=str(path)
    )
