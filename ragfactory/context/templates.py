"""The wording of prompts: one file a language, shipped in `prompts/`, or in a folder that a profile names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ragfactory.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Mapping

    _Fields = tuple[tuple[str, ...], ...]

LANGUAGES = ("nl", "de", "fr", "en")

_SHIPPED = Path(__file__).parent / "prompts"
_SEPARATOR = re.compile(r"^---[ \t]*\n", re.MULTILINE)
_FIELD = re.compile(r"\{([a-z]+)\}")
# The fields that each part of a file may have; the last of each it must have.
_SHARED = ("title", "type", "facts", "document")
_FIELDS: _Fields = ((), _SHARED, ("place", "passage"), ())
_ANALYSIS_FIELDS: _Fields = ((), _SHARED, ("types",))


@dataclass(frozen=True, slots=True)
class AnalysisTemplate:
    """The wording in one language of the question what a document is about: what the model is told first, the document's part, and
    the question itself.
    """

    instructions: str
    shared: str
    own: str


@dataclass(frozen=True, slots=True)
class Template:
    """The wording in one language: what the model is told first, the document's part, the passage's part, and what is added when it
    is asked again; and how it is asked about a document as a whole.
    """

    instructions: str
    shared: str
    own: str
    again: str
    analysis: AnalysisTemplate


def language_of(code: str | None) -> str:
    """The language that a prompt and its answer are in, for a document in `code`; English for any that has no wording."""
    code = (code or "")[:2]
    return code if code in LANGUAGES else "en"


def load_templates(folder: Path | None = None) -> dict[str, Template]:
    """The wording in each language. A file of `folder`, such as `nl.txt` or `nl-analysis.txt`, takes the place of the shipped one.

    Raises ProfileError for a folder that is not there and a file that is no template.
    """
    if folder is not None and not folder.is_dir():
        raise ProfileError(
            f"enrich.prompts: a folder expected, and there is none at {folder}",
            hint="a path that is not absolute counts from the folder of the profile",
            path=str(folder),
        )
    return {language: _load(language, folder) for language in LANGUAGES}


def fill(part: str, values: Mapping[str, str]) -> str:
    """A part of a template with its fields filled in. A value is put in as it is: what looks like a field in it is none.

    A line whose only fields are empty is left out.
    """
    lines = [line for line in part.splitlines(keepends=True) if _has_content(line, values)]
    return _FIELD.sub(lambda field: values.get(field[1], field[0]), "".join(lines))


def _has_content(line: str, values: Mapping[str, str]) -> bool:
    fields = [values.get(name, name) for name in _FIELD.findall(line)]
    return not fields or any(fields)


def _load(language: str, folder: Path | None) -> Template:
    instructions, shared, own, again = _parts(_file(f"{language}.txt", folder), _FIELDS)
    told, document, asked = _parts(_file(f"{language}-analysis.txt", folder), _ANALYSIS_FIELDS)
    analysis = AnalysisTemplate(told.strip(), document, asked.rstrip())
    return Template(instructions.strip(), shared, own.rstrip(), again.rstrip(), analysis)


def _file(name: str, folder: Path | None) -> Path:
    own = folder / name if folder else None
    return own if own and own.is_file() else _SHIPPED / name


def _parts(path: Path, fields: _Fields) -> list[str]:
    """The parts of a file, each of which has the fields that it may and must have."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(f"{path}: cannot be read: {error}", path=str(path)) from error
    parts = _SEPARATOR.split(text)
    if len(parts) != len(fields):
        raise _unfit(path, f"{len(fields)} parts expected, between lines of ---, got {len(parts)}")
    for part, allowed in zip(parts, fields, strict=True):
        found = set(_FIELD.findall(part))
        if unknown := found - set(allowed):
            raise _unfit(path, f"{{{min(unknown)}}} is no field of that part")
        if allowed and allowed[-1] not in found:
            raise _unfit(path, f"the field {{{allowed[-1]}}} is missing")
    return parts


def _unfit(path: Path, message: str) -> ProfileError:
    return ProfileError(
        f"{path}: {message}", hint="copy one of the files that are shipped, and change its words", path=str(path)
    )
