"""Two tenants of one home: nothing that one can say reaches what is the other's."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest

from ragfactory.retrieval.filters import OPERATORS
from ragfactory.retrieval.finding import found_of
from ragfactory.retrieval.live import LiveSearch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ended
    from tests.conftest import Workplace

    Cli = Callable[..., Ended]

SECRET = "The merger with Waterman is planned for the ninth of March."
HARMLESS = "The merger of two bicycle clubs was held in the park."
PATHS = ["../other", "ours/../other", "/other", "..", ".", "other/default", "oth\x00er", "*", "o?her", "", "%2e%2e"]
REACHES = ["1", "50", "section", "table"]


@pytest.fixture
def two(workplace: Workplace, cli: Cli, tmp_path: Path) -> Cli:
    """A home in which tenant `other` keeps a secret, and tenant `ours` a document of the same name and type."""
    for tenant, text in (("other", SECRET), ("ours", HARMLESS)):
        workplace.write("plan.md", f"# Plan\n\n{text}\n", root=tenant)
        ended = cli("ingest", tmp_path / tenant, "--profile", "algemeen", "--tenant", tenant)
        assert ended.status == 0
    return cli


def options_of_a_search(tmp_path: Path) -> list[list[str]]:
    """Every option that could widen what a search sees."""
    other = tmp_path / "other"
    queries = tmp_path / "queries.jsonl"
    queries.write_text('{"id": "../../other", "query": "Waterman merger", "tenant": "other", "index": "other"}\n')
    filters = [
        f"{key}{operator}{value}"
        for key, operator, value in product(
            ("path", "root", "doc_id", "type", "text"), OPERATORS, ("*", "../other/*", str(other), f"*{other}*")
        )
    ]
    return [
        *(["Waterman merger", "--filter", condition] for condition in filters),
        *(["Waterman merger", "--expand-hits", reach] for reach in REACHES),
        ["Waterman merger", "--diverse", "--top-k", "100"],
        ["Waterman merger", "--exact", "--top-k", "1000"],
        ["Waterman merger", "--type", "algemeen"],
        ["--queries", str(queries)],
        ["../other"],
        ["tenant:other Waterman"],
    ]


def test_no_option_of_a_search_reaches_the_other_tenant(two: Cli, tmp_path: Path) -> None:
    shown = two("search", "Waterman merger", "--tenant", "other", "--mode", "text")
    assert "ninth of March" in shown.out
    for options in options_of_a_search(tmp_path):
        ended = two("search", *options, "--tenant", "ours", "--mode", "text", "--json")
        assert ended.status == 0, options
        assert "ninth of March" not in ended.out, options
        assert "other/default" not in ended.out, options


def test_no_option_of_an_answer_reaches_the_other_tenant(two: Cli) -> None:
    for more in ([], ["--diverse"], *(["--expand-hits", reach] for reach in REACHES), ["--filter", "root~*other*"]):
        ended = two("ask", "When is the merger with Waterman planned?", "--tenant", "ours", *more, "--json")
        assert ended.status == 0
        assert "ninth of March" not in ended.out


def test_a_path_is_no_name(two: Cli) -> None:
    for option, name in product(("--tenant", "--project", "--type"), PATHS):
        ours = [] if option == "--tenant" else ["--tenant", "ours"]
        for command in ("search", "ask"):
            ended = two(command, "Waterman merger", *ours, option, name, "--json")
            assert ended.status in {2, 5}, name
            assert "ninth of March" not in ended.out


def test_what_one_tenant_publishes_is_not_seen_at_the_prompt_of_another(two: Cli, workplace: Workplace) -> None:
    ours = workplace.config.model_copy(update={"tenant": "ours"})

    with LiveSearch(ours, None, lambda searcher, query: found_of(searcher, searcher.search(query), top_k=5)) as live:
        before = live.search("Waterman merger").result
        workplace.write("more.md", "Waterman pays nine million.", root="other")
        assert two("ingest", workplace.path / "other", "--profile", "algemeen", "--tenant", "other").status == 0
        after = live.search("Waterman merger").result
    assert list(after.timings_ms) == ["memory", "total"]
    assert after.hits == before.hits
