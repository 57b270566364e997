"""Many questions of one search command: a file of them, and a prompt on a real terminal."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import orjson
import pytest

from tests.cli.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cli.conftest import Ended
    from tests.conftest import Workplace

    Cli = Callable[..., Ended]


def test_a_file_of_queries_gives_a_result_for_each(library_cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "asked.txt"
    file.write_text('mechanic\n{"id": "soup", "query": "Who prepares soup?"}\nmechanic\n', encoding="utf-8")
    options = ["--mode", "text", "--top-k", "1", "--json"]
    data = library_cli("search", "--queries", file, *options).envelope["data"]
    assert list(data) == ["results"]
    assert [list(result) for result in data["results"]] == [["id", "query", "chunks", "timings_ms", "devices"]] * 3
    assert [result["id"] for result in data["results"]] == ["1", "soup", "3"]
    assert [result["chunks"][0]["doc_id"] for result in data["results"]] == ["garage.md", "kitchen.md", "garage.md"]
    assert list(data["results"][2]["timings_ms"]) == ["memory", "total"]
    alone = library_cli("search", "mechanic", *options).envelope["data"]
    assert alone["chunks"] == data["results"][0]["chunks"]


def test_queries_come_from_standard_input(library_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"mechanic\n\nsoup\n")))
    ended = library_cli("search", "--queries", "-", "--mode", "text", "--filter", "format=markdown")
    assert ended.status == 0
    assert ended.out.index("[1] mechanic") < ended.out.index("garage.md") < ended.out.index("[3] soup")


def test_what_is_no_file_of_queries_is_a_mistake_of_usage(library_cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "asked.txt"
    file.write_text("mechanic\n{broken\n")
    for wrong, expected in ((file, f"{file}: line 2: not valid JSON"), (tmp_path / "none", "cannot be read")):
        ended = library_cli("search", "--queries", wrong, "--json")
        assert (ended.status, ended.error["code"]) == (2, "usage")
        assert expected in ended.error["message"]


def test_a_question_or_a_file_of_them_is_expected(library_cli: Cli, tmp_path: Path) -> None:
    for arguments in ([], ["mechanic", "--queries", tmp_path / "asked.txt"]):
        (tmp_path / "asked.txt").write_text("soup\n")
        ended = library_cli("search", *arguments, "--json")
        assert ended.status == 2
        assert "one of them expected" in ended.error["message"]
        assert "--queries FILE" in ended.error["message"]


def test_spreading_and_expanding_change_what_is_given(library_cli: Cli) -> None:
    words = ["search", "order part pump valve filter kitchen", "--mode", "text", "--json"]
    (plain, near) = (library_cli(*words, *more).envelope["data"]["chunks"] for more in ([], ["--expand-hits", "1"]))
    assert [list(chunk) for chunk in near] == [[*chunk, "expanded"] for chunk in plain]
    for chunk in near:
        assert list(chunk["expanded"]) == ["text", "page", "page_end", "chunk_ids"]
        assert chunk["chunk_id"] in chunk["expanded"]["chunk_ids"]
        assert chunk.pop("expanded")["text"]
    assert near == plain
    ended = library_cli("search", "brakes", "--mode", "text", "--top-k", "1", "--expand-hits", "section")
    assert "around it: nothing else" in ended.out
    ended = library_cli("search", "brakes", "--expand-hits", "chapter", "--json")
    assert (ended.status, ended.error["code"]) == (2, "usage")


def test_spreading_shows_other_documents(cli: Cli, workplace: Workplace) -> None:
    seals = [
        f"## Bay {n}\n\n{n} seals and {n} more seals were counted in bay {n}. {'Then it rained. ' * 60}"
        for n in "12345"
    ]
    workplace.write("seals.md", "# Seals\n\n" + "\n\n".join(seals))
    workplace.write("note.md", f"One day a visitor saw two seals. {'It was late. ' * 20}")
    workplace.ingest()
    words = ["search", "seals", "--mode", "text", "--top-k", "2", "--json"]
    plain, spread = (
        [chunk["doc_id"] for chunk in cli(*words, *more).envelope["data"]["chunks"]] for more in ([], ["--diverse"])
    )
    assert plain == ["seals.md", "seals.md"]
    assert spread == ["seals.md", "note.md"]


def test_a_terminal_sees_how_far_a_batch_is(
    library: Workplace, settled: Callable[[Workplace], None], tmp_path: Path
) -> None:
    settled(library)
    file = tmp_path / "asked.txt"
    file.write_text("brakes\nsoup\n")
    terminal = Terminal("search", "--queries", str(file), "--mode", "text", "--top-k", "1")
    shown = terminal.wait_for("kitchen.md")
    assert terminal.status() == 0
    assert "queries" in shown
    assert "2/2" in shown.partition("garage.md")[0]


@pytest.fixture
def prompt(library: Workplace, settled: Callable[[Workplace], None]) -> Iterator[Terminal]:
    """The prompt of a search by words."""
    settled(library)
    terminal = Terminal("search", "--mode", "text", "--top-k", "1")
    yield terminal
    terminal.status()


def test_a_prompt_answers_one_question_after_another(prompt: Terminal) -> None:
    prompt.wait_for("search> ")
    prompt.type("brakes\n")
    assert "garage.md" in prompt.wait_for("search> ")
    prompt.type("half a thou")
    prompt.wait_for("half a thou")
    prompt.interrupt()
    prompt.wait_for("search> ")
    prompt.type("soup\x1b[Dp\x7f\n")  # left, a letter and its deletion: the line can be edited
    assert "kitchen.md" in prompt.wait_for("search> ")
    prompt.type("zygote\n")
    assert "nothing found" in prompt.wait_for("search> ")
    prompt.type(":q\n")


def test_a_prompt_says_a_note_once(library: Workplace, settled: Callable[[Workplace], None]) -> None:
    settled(library)
    terminal = Terminal("search", "--top-k", "1")
    terminal.wait_for("search> ")
    terminal.type("brakes\n")
    assert "not reranked: bge-reranker-v2-m3 is not on this machine" in terminal.wait_for("search> ")
    terminal.type("soup\n")
    assert "note:" not in terminal.wait_for("search> ")
    terminal.type("\n")
    assert terminal.status() == 0


def test_a_prompt_outlives_what_goes_wrong(library: Workplace, settled: Callable[[Workplace], None]) -> None:
    settled(library)
    terminal = Terminal("search", "--rerank")
    terminal.wait_for("search> ")
    terminal.type("brakes\n")
    assert "bge-reranker-v2-m3 is not on this machine" in terminal.wait_for("search> ")
    terminal.interrupt()
    terminal.wait_for("search> ")
    terminal.type("\x04")
    assert terminal.status() == 0


def test_a_new_version_answers_at_the_prompt(own_library: Workplace, settled: Callable[[Workplace], None]) -> None:
    settled(own_library)
    terminal = Terminal("search", "--mode", "text", "--top-k", "1")
    terminal.wait_for("search> ")
    terminal.type("otters\n")
    assert "nothing found" in terminal.wait_for("search> ")
    own_library.write("otters.md", "Two otters were seen.", root="more")
    own_library.ingest(own_library.path / "more")
    terminal.type("otters\n")
    assert "otters.md" in terminal.wait_for("search> ")
    terminal.type("\n")
    assert terminal.status() == 0


def test_json_has_no_prompt(library: Workplace, settled: Callable[[Workplace], None]) -> None:
    settled(library)
    terminal = Terminal("search", "--json")
    shown = terminal.wait_for("\n}")
    assert terminal.status() == 2
    assert "one of them expected" in shown
    assert orjson.loads(shown + "}")["exit_code"] == 2
