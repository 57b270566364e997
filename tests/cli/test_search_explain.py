"""`search --explain`: what was understood, and what each stage gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Ended

    Cli = Callable[..., Ended]


def test_people_see_what_was_understood_and_every_stage(library_cli: Cli) -> None:
    shown = library_cli("search", "coaching session in 1999", "--explain", "--expand", "1").out
    assert "understood: type coaching_chat (1 document)" in shown
    assert "words count 2 times as much" in shown
    assert "dense 0." in shown
    assert "fused" in shown
    assert "preferred" in shown
    plain = library_cli("search", "coaching session in 1999").out
    assert "understood" not in plain
    assert "preferred" not in plain


def test_what_makes_no_difference_is_not_said_to(library_cli: Cli) -> None:
    shown = library_cli("search", "coaching session in 1999", "--explain", "--mode", "text").out
    assert "understood: type coaching_chat (1 document), which makes no difference here" in shown
    assert "preferred" not in shown
    assert "words count" not in shown


def test_programs_get_it_as_data(library_cli: Cli) -> None:
    data = library_cli("search", "voorzieningen", "--explain", "--expand", "2", "--json").envelope["data"]
    assert data["explanation"]["understood"] == []
    assert data["explanation"]["emphasis"] == 1.0
    assert "provisions" in data["explanation"]["variants"]


def test_strict_leaves_out_what_is_not_meant(library_cli: Cli) -> None:
    chunks = library_cli("search", "part in the coaching session", "--strict", "--json").envelope["data"]["chunks"]
    assert {chunk["metadata"]["document_type"] for chunk in chunks} == {"coaching_chat"}
