"""What people see at 80 columns, and that nothing a stranger wrote can steer their terminal."""

from __future__ import annotations

import io
import re
import unicodedata
from typing import TYPE_CHECKING

from rich.console import Console

from ragfactory import events
from ragfactory.cli.progress import ContextCounts, _Rates
from tests.cli.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Ended
    from tests.conftest import Workplace

    Cli = Callable[..., Ended]

TEXT = "The lighthouse keeper counted forty-two seals near the pier before breakfast.\n"
EVIL_NAME = "[red]r\x1b[31m\u202etxt.evil\nerror: forged\r.md"
EVIL_TEXT = """# Ti\u202etle [bold]x

text \u2066hid\u200bden \x1b[2J\x9b2J [link=https://x]seals[/link] :smile:

| a[red] | b |
|--------|---|
| [/x]   | 2 |
"""


def lines(text: str) -> list[str]:
    """The lines as they look: rich fills some up with spaces."""
    return [line.rstrip() for line in text.splitlines()]


def masked(text: str) -> list[str]:
    """Lines with what differs from run to run made the same: times, rates and dates."""
    text = re.sub(r"[\d.,]+ s\b", "# s", text)
    text = re.sub(r"[\d.,]+(/s| tokens/s)", r"#\1", text)
    return lines(re.sub(r"\d{4}-\d\d-\d\dT[\d:+]+", "<time>", text))


def test_search_results(library_cli: Cli) -> None:
    ended = library_cli("search", "who fixed the brakes of the cars?", "--top-k", "1")
    assert lines(ended.out) == [
        " 1  1.000  garage.md  algemeen",
        "    Garage",
        "",
        "    Our mechanic fixed the brakes of both cars before the winter.",
        "",
    ]
    assert ended.err.startswith("note: not reranked: ")
    assert ended.err.count("\n") == 1


def test_a_note_is_folded_between_words_and_its_command_stays_whole(library_cli: Cli) -> None:
    terminal = Terminal("search", "brakes")
    shown = terminal.wait_for("reranker-v2-m3` gets it)")
    assert terminal.status() == 0
    note = re.sub("\x1b\\[[0-9;]*m", "", shown).replace("\r", "").partition("note: ")[2]
    assert note == "not reranked: bge-reranker-v2-m3 is not on this machine\n      (`ragfactory model pull bge-"


def test_search_without_a_result(library_cli: Cli) -> None:
    ended = library_cli("search", "zygote", "--mode", "text")
    assert (ended.status, ended.out) == (0, "nothing found\n")


def test_a_passage_in_several_documents(cli: Cli, workplace: Workplace) -> None:
    for name in ("a.txt", "b.txt", "c.txt"):
        workplace.write(name, TEXT)
    workplace.ingest()
    assert lines(cli("search", "seals", "--mode", "text").out)[1:] == [
        "    The lighthouse keeper counted forty-two seals near the pier before",
        "    breakfast.",
        "    also in b.txt, c.txt",
        "",
    ]


def test_index_list(library_cli: Cli) -> None:
    assert lines(re.sub(r"0\.\d", "0.#", library_cli("index", "list").out)) == [
        "index                          version  docs  chunks  MiB  vectors  languages",
        "default/default/algemeen        000001     6       6  0.#  exact    en nl",
        "default/default/coaching_chat   000001     1       1  0.#  exact    en",
    ]


def test_index_list_of_an_empty_home(cli: Cli) -> None:
    assert cli("index", "list").out == "there is no index yet: `ragfactory ingest FOLDER` builds one\n"


def test_index_show(library_cli: Cli) -> None:
    assert masked(library_cli("index", "show", "--type", "algemeen", "--limit", "2").out) == [
        "default/default/algemeen  version 000001, 6 documents, 6 chunks,",
        "all-minilm-l6-v2, exact, <time>",
        "document     language    pages    chunks",
        "garage.md          en                  1",
        "hotel.txt          nl                  1",
        "  and 4 more (--limit 0 shows all)",
        "",
    ]


def test_profile_list(cli: Cli, workplace: Workplace) -> None:
    own = 'description = "Contracts between two parties, [red]signed[/red]"\n[chunk]\nstrategy = "words"\nsize = 90\n'
    workplace.write("profiles/contract.toml", own, root=".")
    found = lines(cli("profile", "list").out)
    assert found[0] == "profile         strategy               size  description"
    at = next(i for i, line in enumerate(found) if line.startswith("contract"))
    assert found[at : at + 2] == [
        "contract        words                    90  Contracts between two parties,",
        "                                             [red]signed[/red]",
    ]
    names = [line.split()[0] for line in found[1:] if not line.startswith(" ")]
    assert names == sorted(names)
    assert {"algemeen", "jaarrekening", "coaching_chat", "contract"} <= set(names)


def test_ingest_summary(cli: Cli, workplace: Workplace) -> None:
    workplace.write("a.txt", TEXT)
    workplace.write("b.txt", TEXT)
    workplace.write("c.exe", "")
    workplace.write("bad.txt", "")
    ended = cli("ingest", "docs", "--profile", "algemeen")
    assert masked(ended.out) == [
        "files    3 seen: 2 added, 1 failed, 1 skipped",
        "chunks   1 made, 1 deduplicated",
        "parse    2 in # s, #/s",
        "chunk    2 in # s, #/s",
        "embed    1 in # s, #/s, # tokens/s",
        "publish  1 in # s, #/s",
        "time     # s",
        "published default/default/algemeen version 000001: 2 documents, 1 chunk",
    ]
    assert masked(ended.err) == [
        "    # s: 3 files: 3 to read, 0 unchanged, 0 gone",
        "    # s: published default/default/algemeen version 000001",
        "note: embedder all-minilm-l6-v2, as asked for",
        "error: bad.txt: the file is 0 bytes long",
    ]

    (workplace.docs / "bad.txt").unlink()
    assert masked(cli("ingest", "docs", "--profile", "algemeen").out) == [
        "files  2 seen: 2 unchanged, 1 skipped",
        "time   # s",
        "nothing changed, nothing published",
    ]


def test_inspect(cli: Cli, workplace: Workplace) -> None:
    workplace.write("a.md", "# Pier\n\n" + TEXT)
    assert lines(cli("inspect", "docs/a.md", "--profile", "algemeen").out) == [
        "a.md",
        "type       algemeen (confidence 1.00)",
        "           forced with --profile",
        "format     markdown",
        "title      Pier",
        "language   en",
        "blocks     2",
        "chunks     1",
        "chunk 0000, 83 characters, en " + "─" * 50,
        "[Context: Pier]",
        "Pier",
        "",
        TEXT.rstrip(),
    ]


def is_harmless(text: str) -> bool:
    return not any(unicodedata.category(character) in {"Cc", "Cf"} and character != "\n" for character in text)


def test_what_strangers_wrote_is_shown_as_text(cli: Cli, workplace: Workplace) -> None:
    workplace.write("a.txt", TEXT)
    workplace.write(EVIL_NAME, EVIL_TEXT)
    ended = cli("ingest", "docs", "--profile", "algemeen")
    assert is_harmless(ended.out + ended.err)
    for arguments in (["search", "seals"], ["index", "show"], ["inspect", f"docs/{EVIL_NAME}", "--blocks"]):
        ended = cli(*arguments)
        assert ended.status == 0
        assert is_harmless(ended.out + ended.err)
        assert "[red]r" in ended.out
        assert "error: forged" not in lines(ended.out)
    assert "[link=https://x]seals[/link] :smile:" in cli("search", "seals").out
    assert "[/x]" in cli("inspect", f"docs/{EVIL_NAME}").out

    workplace.write(EVIL_NAME, "")
    for arguments in (
        ["ingest", "docs", "--profile", "algemeen"],
        ["inspect", f"docs/{EVIL_NAME}"],
        ["ingest", EVIL_NAME],
    ):
        ended = cli(*arguments)
        assert is_harmless(ended.out + ended.err)
        assert "[red]r" in ended.err
        assert not any(line.startswith("error: forged") for line in lines(ended.err))


def test_json_keeps_what_strangers_wrote_as_it_is(cli: Cli, workplace: Workplace) -> None:
    workplace.write(EVIL_NAME, EVIL_TEXT)
    workplace.ingest()
    (chunk,) = cli("search", "seals", "--mode", "text", "--json").envelope["data"]["chunks"]
    assert chunk["doc_id"] == EVIL_NAME
    assert "\u202e" in chunk["text"]


def test_rates_of_devices_stay_whole_on_a_narrow_terminal() -> None:
    rates = _Rates()
    for port in range(11434, 11440):
        rates(events.Worked(f"http://127.0.0.1:{port}", "write", 3, 4302, 1.0))
    drawn = io.StringIO()
    Console(width=80, file=drawn).print(rates)
    shown = drawn.getvalue()
    assert shown.count(" 4,302 tokens/s") == 6
    assert max(map(len, shown.splitlines())) <= 80


def test_what_came_of_asking_stays_whole_on_a_narrow_terminal() -> None:
    counts = ContextCounts()
    counts(events.Prepared("docs", "a.txt", "algemeen", None, chunks=800, prompts=800, parse_s=0.1, chunk_s=0.1))
    counts(events.Asked(prompts=700, seconds=9.0, read=0, reused=0, written=0))
    drawn = io.StringIO()
    Console(width=40, file=drawn).print(counts)
    assert drawn.getvalue().split() == ["contexts:", "700", "answers,", "100", "in", "flight"]
    nothing = io.StringIO()
    Console(width=40, file=nothing).print(ContextCounts())
    assert not nothing.getvalue().strip()
