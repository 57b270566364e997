"""How each index is searched: as its profile says, or as was fitted to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragfactory.embedding.catalog import spread_of
from ragfactory.profiles import Retrieve, load_profiles
from ragfactory.retrieval.candidates import Weighting
from ragfactory.retrieval.results import Mode
from ragfactory.store.layout import IndexPaths
from ragfactory.store.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ragfactory.config import Config
    from ragfactory.store.layout import IndexName
    from ragfactory.store.records import Manifest
    from ragfactory.store.settings import Settings
    from ragfactory.store.version import Version


def retrieve_of(
    versions: Mapping[IndexName, Version], config: Config
) -> tuple[dict[IndexName, Retrieve], tuple[str, ...]]:
    """The [retrieve] of each index, and a line for each whose fitted settings are not used, which says why.

    Raises ConfigError for settings that are none.
    """
    profiles = {name: entry.profile for name, entry in load_profiles(config.profile_dirs).items()}
    retrieve = {}
    notes = []
    for name, version in versions.items():
        profile = profiles.get(name.document_type)
        retrieve[name] = profile.retrieve if profile else Retrieve()
        settings = read_settings(IndexPaths.of(config.indexes, name))
        if settings and settings.suit(version.manifest.embedder):
            retrieve[name] = settings.over(retrieve[name])
        elif settings:
            notes.append(_unsuitable(name, settings, version.manifest))
    return retrieve, tuple(notes)


def weighting_of(retrieve: Retrieve, embedder: str, mode: Mode, emphasis: float) -> Weighting:
    """How the parts count in an index of that embedder, the words `emphasis` times as much; in a mode of one part, that alone."""
    weights = {
        Mode.HYBRID: (retrieve.dense_weight, retrieve.lexical_weight * emphasis),
        Mode.DENSE: (1.0, 0.0),
        Mode.TEXT: (0.0, 1.0),
    }[mode]
    return Weighting(*weights, retrieve.fusion, spread_of(embedder))


def _unsuitable(name: IndexName, settings: Settings, manifest: Manifest) -> str:
    fitted, now = settings.fitted.embedder, manifest.embedder.name
    other = "of another" if now == fitted else f"of {now}, not"
    return (
        f"{name} is searched as its profile says: its vectors are {other} {fitted}, "
        "to which its settings were fitted (`eval --fit`)"
    )
