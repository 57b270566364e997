"""The shipped profiles validate and are sound; a user's profiles win over them; errors name the file, the key and the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ragfactory.errors import ExitCode, ProfileError
from ragfactory.profiles import get_profile, load_profile, load_profiles, routing_digest, shipped_dir

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [
    "algemeen",
    "artikel",
    "coaching_chat",
    "code",
    "google_reviews",
    "handleiding",
    "jaarrekening",
    "offerte",
    "post",
    "presentatie",
    "rapport",
]
SHIPPED = {name: loaded.profile for name, loaded in load_profiles().items()}


def test_one_profile_for_each_type() -> None:
    assert list(SHIPPED) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_profile_is_complete(name: str) -> None:
    profile = SHIPPED[name]
    assert profile.description
    assert profile.chunk.size is not None
    assert profile.chunk.overlap is not None
    sections = set(profile.model_fields_set)
    assert {"recognise", "chunk", "enrich", "embed", "retrieve"} <= sections


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"algemeen", "code"}))
def test_a_shipped_profile_has_keywords_in_four_languages_each_once(name: str) -> None:
    keywords = SHIPPED[name].recognise.keywords
    assert set(keywords) == {"nl", "de", "fr", "en"}
    for words in keywords.values():
        assert len(words) >= 10
        assert len({word.casefold() for word in words}) == len(words)


def test_extensions_are_lower_case_with_their_dot_and_claimed_once() -> None:
    extensions = [extension for profile in SHIPPED.values() for extension in profile.recognise.extensions]
    assert all(extension.startswith(".") and extension == extension.lower() for extension in extensions)
    assert len(set(extensions)) == len(extensions)


def test_the_fallback_takes_no_part_in_recognition() -> None:
    assert SHIPPED["algemeen"].recognise.weight == 0


@pytest.mark.parametrize(
    ("name", "strategy", "size", "overlap"),
    [
        ("jaarrekening", "page_plus_table_aware", 1500, 200),
        ("offerte", "table_aware", 1000, 100),
        ("coaching_chat", "conversation_turns", 1200, 0),
        ("rapport", "semantic_sections", 1200, 150),
        ("artikel", "semantic_sections", 1200, 150),
        ("code", "code", 1500, 100),
        ("algemeen", "default", 1200, 0),
    ],
)
def test_how_types_are_cut(name: str, strategy: str, size: int, overlap: int) -> None:
    chunk = SHIPPED[name].chunk
    assert (chunk.strategy, chunk.size, chunk.overlap) == (strategy, size, overlap)


def test_a_copied_profile_takes_the_name_of_its_file_and_wins_by_it(tmp_path: Path) -> None:
    text = (shipped_dir() / "offerte.toml").read_text(encoding="utf-8")
    (tmp_path / "aanbesteding.toml").write_text(text, encoding="utf-8")
    (tmp_path / "offerte.toml").write_text('description = "mine"\n', encoding="utf-8")
    profiles = load_profiles([tmp_path])
    assert profiles["aanbesteding"].profile.recognise == SHIPPED["offerte"].recognise
    assert get_profile(profiles, "offerte").description == "mine"
    assert profiles["offerte"].path == tmp_path / "offerte.toml"
    assert len(profiles) == len(NAMES) + 1


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[chunk]\nstrategy = 'magic'\n", "chunk.strategy"),
        ("[chunk]\nsize = 100\noverlap = 100\n", "overlap must be under size (100)"),
        ("[recognize]\n", "recognize: unknown key"),
        ("[recognise]\nstructure = ['colours']\n", "recognise.structure.0"),
        ("[chunk\n", "not valid TOML"),
    ],
)
def test_a_profile_that_does_not_validate(tmp_path: Path, text: str, part: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ProfileError) as caught:
        load_profile(path)
    assert str(path) in caught.value.message
    assert part in caught.value.message
    assert caught.value.exit_code is ExitCode.USAGE


def test_an_unknown_profile_names_those_there_are() -> None:
    with pytest.raises(ProfileError) as caught:
        get_profile(load_profiles(), "jaarekening")
    assert "jaarrekening" in str(caught.value.hint)


def test_the_routing_digest_changes_with_the_rules_alone() -> None:
    profiles = list(SHIPPED.values())
    other_chunks = [p.model_copy(update={"chunk": SHIPPED["code"].chunk}) for p in profiles]
    assert routing_digest(other_chunks) == routing_digest(profiles[::-1]) == routing_digest(profiles)
    assert routing_digest(profiles[1:]) != routing_digest(profiles)
