from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ragfactory.errors import ConfigError
from ragfactory.profiles import Retrieve
from ragfactory.store.layout import IndexPaths
from ragfactory.store.records import EmbedderEntry
from ragfactory.store.settings import Fitted, Settings, read_settings, remove_settings, write_settings

if TYPE_CHECKING:
    from pathlib import Path

FITTED = Fitted(
    created="2026-01-02T03:04:05+00:00", questions=60, version=3, embedder="random", ndcg_at_10=0.7, before=0.6
)
SETTINGS = Settings(retrieve={"dense_weight": 0.25, "depth": 50}, fitted=FITTED)


def test_settings_are_kept_replaced_and_removed(tmp_path: Path) -> None:
    paths = IndexPaths(tmp_path)
    assert read_settings(paths) is None
    for settings in (SETTINGS, SETTINGS.model_copy(update={"retrieve": {}})):
        write_settings(paths, settings)
        assert read_settings(paths) == settings
    assert [path.name for path in tmp_path.iterdir()] == ["settings.json"]
    assert remove_settings(paths)
    assert not remove_settings(paths)
    assert read_settings(paths) is None


def test_they_count_over_those_of_the_profile() -> None:
    of_profile = Retrieve(dense_weight=2.0, lexical_weight=3.0)
    assert SETTINGS.over(of_profile) == Retrieve(dense_weight=0.25, lexical_weight=3.0, depth=50)


def test_they_are_for_the_embedder_that_they_were_fitted_to() -> None:
    own, other, namesake = (
        EmbedderEntry(name=name, fingerprint=digit * 64, dimension=4)
        for name, digit in (("random", "a"), ("bge-m3", "b"), ("random", "c"))
    )
    fitted = SETTINGS.model_copy(update={"fitted": FITTED.model_copy(update={"fingerprint": "a" * 64})})
    assert [fitted.suit(embedder) for embedder in (own, other, namesake)] == [True, False, False]
    assert [SETTINGS.suit(embedder) for embedder in (own, other, namesake)] == [True, False, True], "by its name"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{", "unexpected end of data"),
        ("{}", "retrieve: missing"),
        (SETTINGS.model_copy(update={"retrieve": {"depth": 1}}).model_dump_json(), "depth: input should be"),
        (SETTINGS.model_copy(update={"retrieve": {"depht": 50}}).model_dump_json(), "depht: unknown key"),
    ],
)
def test_what_is_no_settings_is_an_error_that_names_the_file(tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / "settings.json").write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_settings(IndexPaths(tmp_path))
    assert "settings.json" in caught.value.message
    assert what in caught.value.message
    assert "--unfit" in str(caught.value.hint)
