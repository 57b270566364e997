"""What was fitted to one index: `settings.json` beside CURRENT, how it is searched in place of what its profile says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from ragfactory.config import explain
from ragfactory.errors import ConfigError
from ragfactory.profiles import Retrieve
from ragfactory.store.durable import replace_file, sync_dir

if TYPE_CHECKING:
    from ragfactory.store.layout import IndexPaths
    from ragfactory.store.records import EmbedderEntry


class Fitted(BaseModel):
    """On what settings were fitted: when (ISO 8601, UTC), to how many questions, on which version and embedder, by its name and
    fingerprint, and the mean nDCG@10 that they and those before them reached on questions they were not fitted to.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    created: str
    questions: int
    version: int
    embedder: str
    fingerprint: str | None = None  # what was written before this key was there has the name alone
    ndcg_at_10: float
    before: float


class Settings(BaseModel):
    """The settings of an index: keys of [retrieve] over those of its profile, and where they come from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    retrieve: dict[str, float]
    fitted: Fitted

    def suit(self, embedder: EmbedderEntry) -> bool:
        """Whether they were fitted to vectors of this embedder: the scores of another have another spread."""
        if self.fitted.fingerprint is None:
            return self.fitted.embedder == embedder.name
        return self.fitted.fingerprint == embedder.fingerprint

    def over(self, retrieve: Retrieve) -> Retrieve:
        """A profile's [retrieve] with these settings over it. Raises ValidationError when one is not possible."""
        return Retrieve.model_validate(retrieve.model_dump() | self.retrieve)


def read_settings(paths: IndexPaths) -> Settings | None:
    """The settings of an index, or None when it has none of its own. Raises ConfigError."""
    path = paths.settings
    try:
        settings = Settings.model_validate(orjson.loads(path.read_bytes()))
        settings.over(Retrieve())
    except FileNotFoundError:
        return None
    except (OSError, orjson.JSONDecodeError, ValidationError) as error:
        what = explain(error) if isinstance(error, ValidationError) else str(error)
        hint = "`ragfactory eval --unfit` removes it"
        raise ConfigError(f"{path}: not settings that can be read: {what}", hint=hint, path=str(path)) from error
    return settings


def write_settings(paths: IndexPaths, settings: Settings) -> None:
    """Give an index settings of its own, in one step. Raises OSError when the disk refuses."""
    content = settings.model_dump(mode="json")
    replace_file(paths.settings, orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def remove_settings(paths: IndexPaths) -> bool:
    """Take an index's own settings away; False when it had none. Raises OSError when the disk refuses."""
    try:
        paths.settings.unlink()
    except FileNotFoundError:
        return False
    sync_dir(paths.root)
    return True
