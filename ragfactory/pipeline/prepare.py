"""The part of the line that runs in a parser's process: a file in, its chunks with their contexts out."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote_from_bytes, unquote_to_bytes

import orjson

from ragfactory.chunking.chunk import chunk_document
from ragfactory.chunking.model import Chunk
from ragfactory.context.analysis import Analysis, analyse
from ragfactory.context.asking import Budget, sheet_of
from ragfactory.context.periods import document_years
from ragfactory.context.sheets import PromptSheet
from ragfactory.context.templates import load_templates
from ragfactory.context.writers import context_writer
from ragfactory.documents.classify import SURE, Classification, classify
from ragfactory.documents.language import detect_language
from ragfactory.documents.model import Document
from ragfactory.documents.registry import parser_for
from ragfactory.embedding.tokenizer import Tokenizer
from ragfactory.errors import DocumentError, DocumentTooLargeError
from ragfactory.profiles import Parse, Profile
from ragfactory.store.durable import sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ragfactory.config import Limits
    from ragfactory.context.templates import Template
    from ragfactory.pipeline.recipe import Recipes
    from ragfactory.store.records import Metadata

TARGET = f"{__name__}:preparer"


@dataclass(frozen=True, slots=True)
class PreparedDocument:
    """What became of one source. `chunks` and `contexts` go together; the document itself is there when it was asked for.

    `key` is the SHA-256 (hex) of the file's bytes, `size` their number, `mtime_ns` the file's time of modification. `metadata` is
    what the file says of itself, such as its author, and the years, companies and topics it is about. `sheet` has a prompt for each
    chunk where a language model writes the contexts; `contexts` are the structural ones then.
    """

    key: str
    size: int
    mtime_ns: int
    format: str
    title: str | None
    language: str | None
    pages: int | None
    metadata: Metadata
    warnings: tuple[str, ...]
    classification: Classification
    analysis: Analysis
    chunks: tuple[Chunk, ...]
    contexts: tuple[str, ...]
    sheet: PromptSheet
    parse_s: float
    chunk_s: float
    document: Document | None

    @property
    def text(self) -> str:
        """The text of all chunks."""
        return "\n".join(chunk.text for chunk in self.chunks)

    def better_type(self, analysis: Analysis) -> str | None:
        """Another type that a model suggests, where recognition was not sure."""
        found = self.classification
        return analysis.type if found.confidence < SURE and analysis.type != found.type else None

    def analysed(self, analysis: Analysis) -> PreparedDocument:
        """The document with another analysis, which its metadata follows."""
        return replace(self, analysis=analysis, metadata={**self.metadata, **_about(analysis)})

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Rebuild from the JSON of a child's answer."""
        raw: dict[str, Any] = orjson.loads(data)
        raw["chunks"] = tuple(_chunk(chunk) for chunk in raw["chunks"])
        for name in ("warnings", "contexts"):
            raw[name] = tuple(raw[name])
        found = raw.pop("classification")
        document = raw.pop("document")
        sheet = raw.pop("sheet")
        analysis = Analysis.from_dict(raw.pop("analysis"))
        return cls(
            **raw,
            classification=Classification(found["type"], found["confidence"], tuple(found["evidence"])),
            analysis=analysis,
            sheet=PromptSheet.from_dict(sheet),
            document=Document.from_json(orjson.dumps(document)) if document else None,
        )


@dataclass(frozen=True, slots=True)
class Request:
    """What a parser's process is asked. `quoted_path` is `quote_path` of the file; `profile` forces a profile, so sure and for such
    a reason.
    """

    quoted_path: str
    profile: str | None
    keep_document: bool = False
    confidence: float = 1.0
    reason: str = "forced with --profile"

    @classmethod
    def retyped(cls, quoted_path: str, found: Classification, suggested: str, *, keep_document: bool = False) -> Self:
        """To read a file again as the type that a language model suggests in place of the one that was found."""
        reason = f"suggested by the language model; by rule {found.type} ({found.confidence:.2f})"
        return cls(quoted_path, suggested, keep_document, SURE, reason)


@dataclass(frozen=True, slots=True)
class Writing:
    """How a language model is asked about documents of a profile: how long prompts may be, in what words, which document
    `types` there are, and whether it `analyses` documents too.
    """

    budget: Budget
    templates: Mapping[str, Template]
    types: Sequence[str]
    analyses: bool

    def sheet(
        self,
        document: Document,
        found: Classification,
        analysis: Analysis,
        chunks: Sequence[Chunk],
        contexts: Sequence[str],
    ) -> PromptSheet:
        """What a language model is to be asked about the document and its chunks, whose structural `contexts` it is told.

        Only where the type is not sure is the model told the others: a profile more, and it would have to be asked about all
        documents again.
        """
        sheet = sheet_of(
            document,
            chunks,
            contexts,
            analysis,
            document_type=found.type,
            types=self.types if found.confidence < SURE else (),
            templates=self.templates,
            budget=self.budget,
        )
        return sheet if self.analyses else replace(sheet, analysis=None)


def quote_path(path: Path) -> str:
    """A path as ASCII. File names are bytes, and not all of them are text that JSON could hold."""
    return quote_from_bytes(os.fsencode(path))


def setup_for(names: Iterable[str], recipes: Recipes, limits: Limits) -> dict[str, Any]:
    """What `preparer` needs to know of the profiles of those names, as plain data.

    Raises ModelUnavailableError when a model that one asks for is not there.
    """
    known = [recipes[name] for name in names]
    return {
        "profiles": [recipe.profile.model_dump(mode="json") for recipe in known],
        "tokenizers": {recipe.profile.name: str(recipe.model.path / "tokenizer.json") for recipe in known},
        "windows": {recipe.profile.name: recipe.author.window for recipe in known if recipe.author},
        "types": recipes.types,
        "file_mb": limits.file_mb,
    }


def preparer(setup: dict[str, Any]) -> Callable[[dict[str, Any]], bytes]:
    """The function that answers requests in a parser's process."""
    profiles = {raw["name"]: Profile.model_validate(raw) for raw in setup["profiles"]}
    tokenizers = {path: Tokenizer(Path(path)) for path in set(setup["tokenizers"].values())}
    by_profile = {name: tokenizers[path] for name, path in setup["tokenizers"].items()}
    writing = {
        name: Writing(
            Budget.of_window(window),
            load_templates(enrich.prompts),
            setup["types"],
            analyses=enrich.analysis == "model",
        )
        for name, window in setup["windows"].items()
        for enrich in [profiles[name].enrich]
    }
    limit = setup["file_mb"] * 2**20
    answer = partial(prepare, profiles=profiles, tokenizers=by_profile, writing=writing, limit=limit)
    return lambda argument: orjson.dumps(answer(Request(**argument)))


def prepare(
    request: Request,
    *,
    profiles: dict[str, Profile],
    tokenizers: dict[str, Tokenizer],
    writing: dict[str, Writing],
    limit: int,
) -> PreparedDocument:
    """Read, recognise, cut and describe one file. Raises DocumentError when it cannot be done."""
    path = Path(os.fsdecode(unquote_to_bytes(request.quoted_path)))
    started = time.perf_counter()
    try:
        before = path.stat()
        if before.st_size > limit:
            raise DocumentTooLargeError(
                f"{before.st_size / 2**20:.0f} MiB, and the limit is {limit // 2**20}",
                hint="raise limits.file_mb in config.toml",
            )
        key = sha256_of(path)
        document, found = _read(path, request, profiles)
        after = path.stat()
    except OSError as error:
        raise DocumentError(f"it cannot be read: {error.strerror or error}") from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise DocumentError("it was changed while it was read", hint="the next run takes it in")
    parsed = time.perf_counter()
    profile = profiles[found.type]
    chunks = chunk_document(document, profile.chunk, count_tokens=tokenizers[found.type], detect=detect_language)
    contexts = context_writer(profile.enrich).write(document, chunks)
    analysis = analyse(document)
    return PreparedDocument(
        key=key,
        size=after.st_size,
        mtime_ns=after.st_mtime_ns,
        format=document.format,
        title=document.title,
        language=document.language,
        pages=document.page_count,
        metadata=_metadata(document, analysis),
        warnings=document.warnings,
        classification=found,
        analysis=analysis,
        chunks=tuple(chunks),
        contexts=tuple(contexts),
        sheet=writing[found.type].sheet(document, found, analysis, chunks, contexts)
        if found.type in writing
        else PromptSheet(),
        parse_s=parsed - started,
        chunk_s=time.perf_counter() - parsed,
        document=document if request.keep_document else None,
    )


def _read(path: Path, request: Request, profiles: dict[str, Profile]) -> tuple[Document, Classification]:
    """Parse a file and recognise its type; a profile that reads files in another way than usual has it parsed once more."""
    if forced := request.profile:
        found = Classification(forced, request.confidence, (request.reason,))
        return _parse(path, profiles[forced].parse), found
    document = _parse(path, Parse())
    found = classify(document, path.name, profiles.values())
    if profiles[found.type].parse != Parse():
        document = _parse(path, profiles[found.type].parse)
    return document, found


def _parse(path: Path, options: Parse) -> Document:
    document = parser_for(path).parse(path, options)
    return replace(document, language=document.language or detect_language(document.text))


def _metadata(document: Document, analysis: Analysis) -> Metadata:
    """What the file says of itself, and what it is about as far as that is known."""
    years = document_years(document)
    return {**document.metadata, **({"years": years} if years else {}), **_about(analysis)}


def _about(analysis: Analysis) -> Metadata:
    about: dict[str, str | list[str] | None] = {
        "companies": list(analysis.named("company")),
        "topics": list(analysis.topics),
        "domain": analysis.domain,
        "period": analysis.period,
    }
    return {key: value for key, value in about.items() if value}


def _chunk(raw: dict[str, Any]) -> Chunk:
    sections = tuple(map(tuple, raw["sections"]))
    return Chunk(**{**raw, "headings": tuple(raw["headings"]), "sections": sections, "columns": tuple(raw["columns"])})
