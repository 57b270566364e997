"""`index diff`, `check`, `rollback` and `prune`, as scripts and people meet them."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from ragfactory.errors import ExitCode
from ragfactory.store.layout import IndexName, IndexPaths
from ragfactory.store.lock import writer_lock
from ragfactory.store.version import Version
from tests.conftest import Workplace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ended

    Cli = Callable[..., Ended]

NAME = IndexName("default", "default", "algemeen")


def build(workplace: Workplace) -> IndexPaths:
    """Make an index of two versions: in the second a file is new, one is gone, one changed and one moved."""
    workplace.write("pump.txt", "You should order part XK-4471 when the pump on the roof is broken.")
    workplace.write("valve.txt", "You should order part XK-4472 when the valve in the cellar is broken.")
    workplace.write("filter.txt", "You should order part XK-4473 when the filter in the kitchen is broken.")
    workplace.write("hotel.txt", "Het hotel heeft vier gebouwen, en in de crèche spelen kinderen.")
    workplace.ingest()
    workplace.write("garage.md", "# Garage\n\nOur mechanic fixed the brakes of both cars before the winter.")
    (workplace.docs / "pump.txt").unlink()
    workplace.write("valve.txt", "You should order part XK-9999 when the valve in the cellar is broken.")
    (workplace.docs / "filter.txt").rename(workplace.docs / "sieve.txt")
    workplace.ingest()
    return IndexPaths.of(workplace.config.indexes, NAME)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, minilm_loaded_once: None) -> Path:
    """The home of an index of two versions, to be copied."""
    workplace = Workplace(tmp_path_factory.mktemp("versions"))
    build(workplace)
    return workplace.config.home


@pytest.fixture
def two_versions(original: Path, workplace: Workplace) -> IndexPaths:
    """That index in the home that commands use; its documents are elsewhere."""
    shutil.copytree(original, workplace.config.home)
    return IndexPaths.of(workplace.config.indexes, NAME)


def data(ended: Ended) -> dict:
    assert ended.status == 0, ended.out
    return ended.envelope["data"]


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


# diff


def test_a_diff_for_scripts(cli: Cli, two_versions: IndexPaths) -> None:
    found = data(cli("index", "diff", "1", "current", "--json"))
    assert (found["index"], found["a"]["version"], found["b"]["version"]) == (str(NAME), 1, 2)
    assert [document["doc_id"] for document in found["added"]] == ["garage.md"]
    assert [document["doc_id"] for document in found["removed"]] == ["pump.txt"]
    assert [(document["doc_id"], document["chunks_before"]) for document in found["changed"]] == [("valve.txt", 1)]
    assert [(document["from_doc_id"], document["doc_id"]) for document in found["moved"]] == [
        ("filter.txt", "sieve.txt")
    ]
    assert (found["remade"], found["unchanged"], found["recipe"]) == ([], 1, [])
    assert found["a"]["embedder"] == found["b"]["embedder"]
    back = data(cli("index", "diff", "000002", "000001", "--json"))
    assert (back["added"], back["removed"]) == (found["removed"], found["added"])


def test_a_diff_for_people(cli: Cli, two_versions: IndexPaths) -> None:
    assert lines(cli("index", "diff", "1", "2").out) == [
        "default/default/algemeen  version 000001 to 000002, 4 to 4 chunks, 1 document",
        "unchanged",
        "change   document                 chunks",
        "added    garage.md                     1",
        "removed  pump.txt                      1",
        "changed  valve.txt                     1",
        "moved    filter.txt to sieve.txt       1",
    ]
    shortened = cli("index", "diff", "1", "2", "--limit", "1").out
    assert "and 3 more (--limit 0 shows all)" in shortened
    assert "pump.txt" not in shortened


def test_another_recipe_is_told_by_its_settings(cli: Cli, workplace: Workplace) -> None:
    build(workplace)
    workplace.write("profiles/algemeen.toml", "[chunk]\nsize = 77\n", root=".")
    workplace.ingest()
    found = data(cli("index", "diff", "2", "3", "--json"))
    assert len(found["remade"]) == 4
    assert found["unchanged"] == 0
    (size,) = [setting for setting in found["recipe"] if setting["key"] == "chunk.size"]
    assert size["b"] == 77
    out = cli("index", "diff", "2", "3").out
    assert re.search(r"recipe +chunk\.size: \w+ to 77", out)
    assert "made again" in out


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["1", "latest"], ExitCode.USAGE, "'latest'"),
        (["1", "-2"], ExitCode.USAGE, "-2"),
        (["1"], ExitCode.USAGE, "B"),
        (["1", "7"], ExitCode.NO_INDEX, "has no version 000007"),
        (["1", "2", "--type", "offerte"], ExitCode.NO_INDEX, "default/default/offerte"),
    ],
)
def test_a_diff_of_what_is_not_there(
    cli: Cli, two_versions: IndexPaths, arguments: list[str], status: ExitCode, words: str
) -> None:
    ended = cli("index", "diff", *arguments, "--json")
    assert ended.status == status
    assert words in ended.error["message"]


# rollback


def test_a_rollback_serves_the_version_before_until_the_next_run(cli: Cli, workplace: Workplace) -> None:
    build(workplace)
    done = data(cli("index", "rollback", "--json"))
    assert done == {"index": str(NAME), "version": 1, "before": 2, "changed": True}
    (chunk,) = data(cli("search", "XK-4471", "--mode", "text", "--top-k", "1", "--json"))["chunks"]
    assert (chunk["doc_id"], chunk["metadata"]["version"]) == ("pump.txt", 1)
    (published,) = data(cli("ingest", "docs", "--profile", "algemeen", "--json"))["published"]
    assert published["version"] == 3
    assert data(cli("index", "diff", "2", "3", "--json"))["unchanged"] == 4


def test_a_rollback_says_what_it_did(cli: Cli, two_versions: IndexPaths) -> None:
    assert cli("index", "rollback", "1").out.splitlines() == [
        f"{NAME}: version 000001 serves in place of 000002",
        "the next ingest or reindex brings it up to date with the files again",
    ]
    ended = cli("index", "rollback", "1")
    assert (ended.status, ended.out) == (0, f"{NAME}: version 000001 serves already\n")


def test_a_rollback_that_cannot_be(cli: Cli, workplace: Workplace, two_versions: IndexPaths) -> None:
    ended = cli("index", "rollback", "7", "--json")
    assert (ended.status, ended.error["code"]) == (ExitCode.NO_INDEX, "no_index")
    assert "000001, 000002" in ended.error["hint"]
    (two_versions.version(1) / "chunks-0001.jsonl").unlink()
    assert cli("index", "rollback", "--json").error["code"] == "damaged"
    with writer_lock(two_versions.lock):
        assert cli("index", "rollback", "--json").status == ExitCode.LOCKED
    assert two_versions.current_number() == 2
    workplace.write("chat.txt", "Coach: How are you?\nAnna: Better, thank you.\nCoach: And at work?\nAnna: Fine.\n")
    workplace.ingest(profile="coaching_chat")  # all there is in this folder
    ended = cli("index", "rollback", "--json")
    assert (ended.status, ended.error["code"]) == (ExitCode.USAGE, "usage")
    assert "algemeen, coaching_chat" in ended.error["hint"]


# prune


def test_a_prune_says_first_and_then_does(cli: Cli, workplace: Workplace, two_versions: IndexPaths) -> None:
    foreseen = data(cli("index", "prune", "--keep", "1", "--dry-run", "--json"))
    assert two_versions.version_numbers() == [1, 2]
    done = data(cli("index", "prune", "--keep", "1", "--json"))
    assert (foreseen.pop("dry_run"), done.pop("dry_run")) == (True, False)
    assert foreseen == done
    (entry,) = done["indexes"]
    assert entry == {
        "index": str(NAME),
        "removed": [1],
        "kept": [2],
        "held": [],
        "leftovers": [],
        "freed_bytes": done["freed_bytes"],
    }
    assert done["freed_bytes"] > 0
    assert two_versions.version_numbers() == [2]
    assert data(cli("index", "check", "--json"))["versions"][0]["damage"] == []


def test_a_prune_leaves_what_is_read_and_what_is_written(
    cli: Cli, workplace: Workplace, two_versions: IndexPaths
) -> None:
    with Version.open(two_versions, NAME, 1):
        ended = cli("index", "prune", "--keep", "1")
        assert ended.status == 0
        assert lines(ended.out) == [
            "index                     removed  kept  being read  leftovers  MiB",
            "default/default/algemeen        0     1           1          0  0.0",
        ]
        assert f"note: {NAME}: version 000001 is being read, and stays" in ended.err
    workplace.write("chat.txt", "Coach: How are you?\nAnna: Better, thank you.\nCoach: And at work?\nAnna: Fine.\n")
    workplace.ingest(profile="coaching_chat")  # all there is in this folder
    with writer_lock(two_versions.lock):
        ended = cli("index", "prune", "--keep", "1", "--json")
    assert (ended.status, ended.error["code"]) == (ExitCode.LOCKED, "locked")
    assert [entry["index"] for entry in ended.envelope["data"]["indexes"]] == ["default/default/coaching_chat"]


@pytest.mark.parametrize("command", [["prune", "--keep", "1"], ["check"]])
def test_indexes_are_narrowed_down(cli: Cli, two_versions: IndexPaths, command: list[str]) -> None:
    for option, value in (("--tenant", "acme"), ("--project", "other"), ("--type", "offerte")):
        ended = cli("index", *command, option, value, "--json")
        assert (ended.status, ended.error["code"]) == (ExitCode.NO_INDEX, "no_index")
        assert value in ended.error["message"]
    assert cli("index", *command, "--tenant", "../x", "--json").status == ExitCode.USAGE
    assert cli("index", *command, "--tenant", "default", "--type", "algemeen", "--json").status == 0


def test_a_prune_of_an_empty_home_and_of_everything(cli: Cli, workplace: Workplace) -> None:
    assert data(cli("index", "prune", "--keep", "1", "--json"))["indexes"] == []
    assert cli("index", "prune", "--keep", "0", "--json").status == ExitCode.USAGE
    assert cli("index", "prune", "--json").status == ExitCode.USAGE


# check


def test_a_check_of_what_is_whole(cli: Cli, two_versions: IndexPaths) -> None:
    out = cli("index", "check").out
    assert re.fullmatch(r"1 version, \d+ files, 0\.\d MiB checked\n", out)
    out = cli("index", "check", "--all-versions", "--read-all").out
    assert re.fullmatch(r"2 versions, \d+ files, 0\.\d MiB checked\n", out)
    assert cli("index", "check", "--json").envelope["warnings"] == []


def test_a_check_names_every_damaged_file(cli: Cli, two_versions: IndexPaths) -> None:
    chunks = max(two_versions.version(2).glob("chunks-*.jsonl"))
    rows = max(two_versions.version(2).glob("rows-*.npy"))
    chunks.write_bytes(chunks.read_bytes()[:-1])
    rows.unlink()
    (two_versions.version(1) / "manifest.json").write_bytes(b"{}")
    (two_versions.version(2) / "notes.txt").touch()
    ended = cli("index", "check", "--json")
    assert ended.status == ExitCode.NO_INDEX
    assert [(e["code"], e["path"]) for e in ended.envelope["errors"]] == [
        ("damaged", str(chunks)),
        ("damaged", str(rows)),
    ]
    assert ended.envelope["warnings"] == [f"{two_versions.version(2) / 'notes.txt'}: not a file of version 000002"]
    (entry,) = ended.envelope["data"]["versions"]
    assert [damage["path"] for damage in entry["damage"]] == [str(chunks), str(rows)]
    ended = cli("index", "check", "--all-versions", "--json")
    assert {e["path"] for e in ended.envelope["errors"]} == {
        str(chunks),
        str(rows),
        str(two_versions.version(1) / "manifest.json"),
    }
    human = cli("index", "check")
    assert human.status == ExitCode.NO_INDEX
    assert "1 version damaged" in human.out
    assert f"error: {rows}: No such file or directory" in human.err


def test_a_check_of_a_current_that_names_nothing(cli: Cli, two_versions: IndexPaths) -> None:
    two_versions.current.write_text("x")
    ended = cli("index", "check", "--json")
    assert (ended.status, ended.error["code"]) == (ExitCode.NO_INDEX, "damaged")
    assert cli("index", "rollback", "2", "--json").status == 0
    assert cli("index", "check", "--json").status == 0


# list and show


def test_the_kind_of_vector_index_is_told(cli: Cli, two_versions: IndexPaths) -> None:
    for command in ("list", "show"):
        (index,) = data(cli("index", command, "--json"))["indexes"]
        assert (index["vector_index"], index["recall_at_10"]) == ("exact", 1.0)
        assert "exact" in cli("index", command).out
