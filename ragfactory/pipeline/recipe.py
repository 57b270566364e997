"""What decides how each type of document is made: its profile, its embedder, and the digest of both."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field, replace
from pathlib import PurePath
from typing import TYPE_CHECKING

import orjson

from ragfactory.chunking.chunk import size_and_overlap
from ragfactory.context import analysis, asking, enriched
from ragfactory.context.language_models import language_model
from ragfactory.context.templates import load_templates
from ragfactory.context.writers import context_writer
from ragfactory.documents.registry import parser_for
from ragfactory.embedding.catalog import AUTO, EMBEDDERS
from ragfactory.embedding.locate import resolve
from ragfactory.embedding.weights import fingerprint
from ragfactory.errors import ProfileError
from ragfactory.profiles import MODEL_WRITERS, Index, Profile, routing_digest
from ragfactory.store import analysis as words
from ragfactory.store.records import EmbedderEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from ragfactory.config import Config, Limits
    from ragfactory.context.language_models import LanguageModel
    from ragfactory.context.templates import Template
    from ragfactory.embedding.catalog import ResolvedModel

CHUNKING_VERSION = 2  # raise it when the same document and options would be cut another way


@dataclass(frozen=True, slots=True)
class Recipe:
    """A profile with the embedder that its index uses. `routing` is the digest of the rules of recognition.

    `author` is the language model that writes contexts, None where none does, and `templates` are the words that it is asked with.
    """

    profile: Profile
    model: ResolvedModel
    embedder: EmbedderEntry
    routing: str
    author: LanguageModel | None = None
    templates: Mapping[str, Template] = field(default_factory=dict)

    def digest(self, doc_id: str, *, forced: bool) -> str:
        """SHA-256 (hex) of everything but a file's bytes that decides what comes out for it; `forced` when it is not recognised."""
        parser = parser_for(PurePath(doc_id))
        writer = context_writer(self.profile.enrich)
        parts = {
            "parser": [parser.name, parser.version, self.profile.parse.model_dump(mode="json")],
            "chunking": [CHUNKING_VERSION, self.profile.chunk.model_dump(mode="json")],
            "context": [enriched.VERSION, writer.name, writer.version, *self._authorship()],
            "analysis": analysis.VERSION,
            "words": words.VERSION,
            "embedder": self.embedder.fingerprint,
            "routing": None if forced else self.routing,
        }
        return _sha256(parts)

    def _authorship(self) -> list[object]:
        if self.author is None:
            return []
        analyses = self.profile.enrich.analysis == "model"
        wording = {language: asdict(template) for language, template in self.templates.items()}
        for parts in wording.values():
            parts["analysis"] = parts["analysis"] if analyses else None
        return [
            asking.VERSION,
            self.author.identity.fingerprint,
            dict(self.author.sampling),
            self.author.window,
            wording,
        ]


def check_profile(profile: Profile, *, prompts: bool = True) -> None:
    """Raise ProfileError naming the profile where it asks for chunks, prompts or an embedder that there cannot be."""
    try:
        size_and_overlap(profile.chunk)
        if prompts:
            load_templates(profile.enrich.prompts)
    except ProfileError as error:
        raise ProfileError(f"{profile.name}: {error.message}", hint=error.hint, path=error.path) from error
    if profile.embed.model not in (AUTO, *EMBEDDERS):
        raise ProfileError(
            f"{profile.name}: embed.model: one of {', '.join((AUTO, *EMBEDDERS))} expected, got {profile.embed.model!r}",
            hint="`ragfactory model list` shows the models",
        )


class Recipes:
    """The recipe of each profile, made when it is first asked for.

    An index keeps the embedder that it was built with; `choice` (from the command line) overrides that, and where there
    is no index yet the profile and then the configuration say. A context writer that was chosen on the command line, now
    (`context`) or for the version that serves (`stored_context`), takes the place of the profile's.
    """

    def __init__(
        self,
        profiles: Collection[Profile],
        config: Config,
        *,
        choice: str | None = None,
        stored: Callable[[str], EmbedderEntry | None] = lambda _: None,
        context: str | None = None,
        stored_context: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        self._chosen = {profile.name: context or stored_context(profile.name) for profile in profiles}
        self._profiles = {profile.name: _with_writer(profile, self._chosen[profile.name]) for profile in profiles}
        self._config = config
        for profile in self._profiles.values():  # any may be asked for; who has no model write needs no prompts
            check_profile(profile, prompts=profile.enrich.writer in MODEL_WRITERS)
        self._routing = routing_digest(self._profiles.values())
        self._choice = choice
        self._stored = stored
        self._made: dict[str, Recipe] = {}
        self._digests: dict[tuple[str, str, bool], str] = {}

    def __getitem__(self, document_type: str) -> Recipe:
        """The recipe of a profile. Raises ModelUnavailableError when its embedder or language model is not on this machine."""
        if document_type not in self._made:
            profile = self._profiles[document_type]
            stored = self._stored(document_type)
            wanted = profile.embed.model if profile.embed.model != AUTO else self._config.embedder
            if stored and not self._choice:
                model = replace(
                    resolve(stored.name, self._config.models),
                    note=f"embedder {stored.name}, as the index was built with",
                )
            else:
                model = resolve(self._choice or wanted, self._config.models)
            entry = EmbedderEntry(name=model.spec.name, fingerprint=fingerprint(model), dimension=model.spec.dimension)
            author = language_model(profile.enrich.writer, self._config)
            templates = load_templates(profile.enrich.prompts) if author else {}
            self._made[document_type] = Recipe(profile, model, entry, self._routing, author, templates)
        return self._made[document_type]

    def __contains__(self, document_type: str) -> bool:
        return document_type in self._profiles

    @property
    def names(self) -> Collection[str]:
        """The names of all profiles."""
        return self._profiles.keys()

    @property
    def types(self) -> list[str]:
        """The document types that a document can be recognised as."""
        return sorted(name for name, profile in self._profiles.items() if profile.recognise.weight)

    def digest(self, document_type: str, doc_id: str, *, forced: bool) -> str:
        """`Recipe.digest`, worked out once for all files of one extension."""
        key = document_type, PurePath(doc_id).suffix, forced
        if key not in self._digests:
            self._digests[key] = self[document_type].digest(doc_id, forced=forced)
        return self._digests[key]

    def attempt_digest(self, doc_id: str, forced: str | None, limits: Limits) -> str:
        """SHA-256 (hex) of everything but a file's bytes that decides whether it can be read; `forced` names its profile."""
        if forced is not None:
            return _sha256([self.digest(forced, doc_id, forced=True), limits.model_dump()])
        parser = parser_for(PurePath(doc_id))
        profiles = [profile.model_dump(mode="json") for _, profile in sorted(self._profiles.items())]
        return _sha256([parser.name, parser.version, profiles, limits.model_dump()])

    def chosen_context(self, document_type: str) -> str | None:
        """The context writer that was chosen in place of the profile's."""
        return self._chosen.get(document_type)

    def options(self, document_type: str) -> Index | None:
        """How vectors of that type are searched; None when its profile is gone."""
        profile = self._profiles.get(document_type)
        return profile.index if profile else None


def _with_writer(profile: Profile, writer: str | None) -> Profile:
    if writer is None:
        return profile
    return profile.model_copy(update={"enrich": profile.enrich.model_copy(update={"writer": writer})})


def _sha256(value: object) -> str:
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()
