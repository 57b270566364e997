"""Looking at one file the way a run would, in the same sandbox, without storing anything."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from ragfactory.context.analysis_answers import read_analysis
from ragfactory.context.cache import ContextCache, context_key
from ragfactory.errors import UsageError
from ragfactory.pipeline.prepare import TARGET, PreparedDocument, Request, quote_path, setup_for
from ragfactory.pipeline.recipe import Recipes
from ragfactory.pipeline.sandbox import Job, Sandbox
from ragfactory.profiles import get_profile, load_profiles
from ragfactory.store.durable import make_private_dirs

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from ragfactory.config import Config
    from ragfactory.context.language_models import LanguageModel
    from ragfactory.context.prompt import Prompt
    from ragfactory.pipeline.recipe import Recipe
    from ragfactory.profiles import WriterName


def inspect_file(file: Path, profile: str, config: Config, *, context: WriterName | None = None) -> PreparedDocument:
    """What a run would make of `file`, its Document included; `context` is a context writer other than the profile's. No model is
    asked: what one said before is taken from the cache.

    Raises UsageError, ProfileError, DocumentError, and ModelUnavailableError where a model that the profile names is not there.
    """
    if not file.is_file():
        what = "a folder" if file.is_dir() else "not an ordinary file" if file.exists() else "no such file"
        raise UsageError(f"{file}: {what}", hint="inspect takes one file", path=str(file))
    loaded = load_profiles(config.profile_dirs)
    forced = None if profile == "auto" else get_profile(loaded, profile).name
    profiles = [entry.profile for entry in loaded.values()]
    recipes = Recipes(profiles, config, context=context)
    try:
        make_private_dirs(config.logs)
    except OSError as error:
        raise UsageError(f"{config.logs}: cannot be made: {error.strerror}", hint="choose another --home") from error
    path = quote_path(file.absolute())
    setup = setup_for([profile.name for profile in profiles], recipes, config.limits)
    with Sandbox(TARGET, setup, workers=1, limits=config.limits, log=config.logs / "parsers.log") as sandbox:
        prepared = _prepare(sandbox, file, Request(path, forced, keep_document=True), recipes, config)
        if suggested := prepared.better_type(prepared.analysis):
            again = Request.retyped(path, prepared.classification, suggested, keep_document=True)
            prepared = _prepare(sandbox, file, again, recipes, config)
    return prepared


def _prepare(sandbox: Sandbox, file: Path, request: Request, recipes: Recipes, config: Config) -> PreparedDocument:
    (outcome,) = sandbox.run([Job(file, asdict(request))])
    if outcome.error is not None:
        outcome.error.path = str(file)
        raise outcome.error
    prepared = PreparedDocument.from_json(outcome.answer)
    recipe = recipes[prepared.classification.type]
    if recipe.author is None or not config.contexts.exists():
        return prepared
    with ContextCache.open(config.contexts) as cache:
        return _with_kept_answers(prepared, recipe, recipe.author, recipes.types, cache)


def _with_kept_answers(
    prepared: PreparedDocument, recipe: Recipe, author: LanguageModel, types: Collection[str], cache: ContextCache
) -> PreparedDocument:
    """The document with what the model that writes its contexts has said of it before."""

    def kept(prompts: Sequence[Prompt]) -> list[str | None]:
        keys = [context_key(prompt, author.identity, author.sampling) for prompt in prompts]
        found = cache.find(keys)
        return [found.get(key) for key in keys]

    if (question := prepared.sheet.analysis) and (answer := kept([question])[0]):
        said = read_analysis(answer, prepared.text, types=types)
        prepared = prepared.analysed(said.completed_by(prepared.analysis)) if said else prepared
    contexts = kept(prepared.sheet.prompts(recipe.templates, prepared.analysis.summary()))
    written = tuple(new or old for new, old in zip(contexts, prepared.contexts, strict=True))
    return replace(prepared, contexts=written)
