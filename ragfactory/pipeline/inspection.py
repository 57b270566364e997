"""Looking at one file the way a run would, in the same sandbox, without storing anything."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from ragfactory.errors import UsageError
from ragfactory.pipeline.prepare import TARGET, PreparedDocument, Request, quote_path, setup_for
from ragfactory.pipeline.recipe import Recipes
from ragfactory.pipeline.sandbox import Job, Sandbox
from ragfactory.profiles import get_profile, load_profiles
from ragfactory.store.durable import make_private_dirs

if TYPE_CHECKING:
    from pathlib import Path

    from ragfactory.config import Config


def inspect_file(file: Path, profile: str, config: Config) -> PreparedDocument:
    """What a run would make of `file`, its Document included. Raises UsageError, ProfileError and DocumentError."""
    if not file.is_file():
        what = "a folder" if file.is_dir() else "not an ordinary file" if file.exists() else "no such file"
        raise UsageError(f"{file}: {what}", hint="inspect takes one file", path=str(file))
    loaded = load_profiles(config.profile_dirs)
    forced = None if profile == "auto" else get_profile(loaded, profile).name
    profiles = [entry.profile for entry in loaded.values()]
    recipes = Recipes(profiles, config)
    try:
        make_private_dirs(config.logs)
    except OSError as error:
        raise UsageError(f"{config.logs}: cannot be made: {error.strerror}", hint="choose another --home") from error
    setup = setup_for([profile.name for profile in profiles], recipes, config.limits)
    job = Job(file, asdict(Request(quote_path(file.absolute()), forced, keep_document=True)))
    with Sandbox(TARGET, setup, workers=1, limits=config.limits, log=config.logs / "parsers.log") as sandbox:
        (outcome,) = sandbox.run([job])
    if outcome.error is not None:
        outcome.error.path = str(file)
        raise outcome.error
    return PreparedDocument.from_json(outcome.answer)
