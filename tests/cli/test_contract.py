"""What scripts depend on: JSON envelopes, exit statuses, and what goes to which stream."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest
from huggingface_hub import constants

from ragfactory import __version__
from ragfactory.cli import search
from ragfactory.errors import ExitCode
from ragfactory.retrieval.search import Searcher
from ragfactory.store.layout import IndexName, IndexPaths
from ragfactory.store.lock import writer_lock
from tests.context.llama.gguf_files import write_unloadable_gguf
from tests.context.remote.model_servers import ModelServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Ended
    from tests.conftest import Workplace

    Cli = Callable[..., Ended]

TEXT = "The lighthouse keeper counted forty-two seals near the pier before breakfast.\n"
HELP_SCRIPT = """
import contextlib, io, json, sys
from ragfactory.cli import main as program
import typer

HEAVY = ("torch", "faiss", "pymupdf", "transformers", "sentence_transformers", "tantivy", "numpy", "lingua", "lxml", "docx")
found = {}

def ask(group, path):
    for name, command in getattr(group, "commands", {}).items():
        ask(command, (*path, name))
    out, err = io.StringIO(), io.StringIO()
    sys.argv = ["ragfactory", *path, "--help"]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            program.main()
        except SystemExit as ended:
            status = ended.code
    heavy = [name for name in HEAVY if name in sys.modules]
    found[" ".join(path)] = [status, out.getvalue().split(chr(10))[0], err.getvalue(), heavy]

ask(typer.main.get_command(program.program()), ())
print(json.dumps(found))
"""


def test_every_help_is_quick_and_says_usage() -> None:
    done = subprocess.run([sys.executable, "-c", HELP_SCRIPT], capture_output=True, text=True, check=True)
    found = orjson.loads(done.stdout)
    assert {"", "ingest", "search", "inspect", "index list", "index show", "profile new", "doctor"} <= set(found)
    for path, (status, first_line, err, heavy) in found.items():
        assert (path, status, err, heavy) == (path, 0, "", [])
        assert first_line.startswith(" ".join(filter(None, ("Usage: ragfactory", path))))


def test_the_version_is_told(cli: Cli) -> None:
    ended = cli("--version")
    assert (ended.status, ended.out) == (0, f"ragfactory {__version__}\n")


@pytest.mark.parametrize("arguments", [(), ("index",), ("profile",)])
def test_no_command_shows_the_help_and_what_is_missing(cli: Cli, arguments: tuple[str, ...]) -> None:
    ended = cli(*arguments)
    assert ended.status == ExitCode.USAGE
    assert ended.out.startswith(" ".join(("Usage: ragfactory", *arguments)))
    assert "Commands:" in ended.out
    assert ended.err.startswith("error: a command is missing\n")


def test_what_is_not_utf8_on_the_command_line_is_told_escaped(cli: Cli, workplace: Workplace) -> None:
    strange = os.fsdecode(b"caf\xe9.txt")
    for arguments in (
        ["ingest", strange],
        ["inspect", strange],
        ["profile", "check", strange],
        ["search", "x", "--type", strange],
    ):
        ended = cli(*arguments, "--json")
        assert ended.status in {ExitCode.USAGE, ExitCode.NO_INDEX}
        assert r"caf\xe9.txt" in ended.error["message"]
        assert cli(*arguments).status == ended.status
    assert cli(strange, "--json").error["message"].startswith("No such command 'caf")
    workplace.write(strange, TEXT)
    assert cli("ingest", "docs", "--json").status == 0
    ended = cli("search", os.fsdecode(b"seals \xff"), "--mode", "text", "--json")
    assert [chunk["doc_id"] for chunk in ended.envelope["data"]["chunks"]] == [r"caf\xe9.txt"]
    assert cli("inspect", workplace.docs / strange, "--json").status == 0
    assert cli("inspect", workplace.docs / strange).status == 0


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["ingest", "docs"], "ingest"),
        (["search", "seals"], "search"),
        (["search", "seals", "--mode", "text", "--type", "algemeen"], "search"),
        (["inspect", "docs/a.txt"], "inspect"),
        (["index", "list"], "index list"),
        (["index", "show"], "index show"),
        (["profile", "list"], "profile list"),
        (["profile", "show", "algemeen"], "profile show"),
        (["profile", "check", "own.toml"], "profile check"),
        (["profile", "new", "contract", "--like", "offerte"], "profile new"),
        (["model", "list"], "model list"),
        (["config", "show"], "config show"),
        (["doctor"], "doctor"),
    ],
)
def test_every_command_prints_one_json_document(
    cli: Cli, workplace: Workplace, arguments: list[str], command: str
) -> None:
    workplace.write("a.txt", TEXT)
    workplace.write("own.toml", 'description = "mine"\n', root=".")
    if arguments[0] in {"search", "index"}:
        workplace.ingest()
    ended = cli(*arguments, "--json")
    assert (ended.status, ended.envelope["command"], ended.envelope["errors"]) == (0, command, [])
    assert ended.envelope["data"]
    human = cli(*arguments[:1], *(arguments[1:] if arguments[:2] != ["profile", "new"] else ["new", "other"]))
    assert human.status == 0
    assert human.out


@pytest.mark.parametrize(
    ("arguments", "command", "words"),
    [
        (["serach", "x"], "", "serach"),
        (["index", "lsit"], "index", "lsit"),
        (["search"], "search", "QUERY"),
        (["search", "x", "--bogus"], "search", "--bogus"),
        (["search", "x", "--top-k", "many"], "search", "--top-k"),
        (["search", "x", "--mode", "psychic"], "search", "psychic"),
        (["index", "show", "--limit", "-1"], "index show", "--limit"),
        (["ingest"], "ingest", "PATH"),
        (["profile", "show"], "profile show", "name"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(cli: Cli, arguments: list[str], command: str, words: str) -> None:
    ended = cli(*arguments, "--json")
    assert (ended.status, ended.envelope["command"]) == (ExitCode.USAGE, command)
    assert ended.error["code"] == "usage"
    assert words in ended.error["message"]
    assert ended.error["hint"]
    human = cli(*arguments)
    assert (human.status, human.out) == (ExitCode.USAGE, "")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["ingest", "nowhere"], "usage", "nowhere"),
        (["ingest", "empty"], "usage", "no file to read"),
        (["ingest", "docs", "--context", "ollama"], "usage", "'--context': 'ollama' is not one of"),
        (["ingest", "docs", "--context", "http", "--dry-run"], "config", "context.servers: at least one"),
        (["ingest", "docs", "--profile", "no-such"], "profile", "no-such"),
        (["ingest", "docs", "--embedder", "no-such"], "usage", "no-such"),
        (["ingest", "docs", "--tenant", "../other"], "usage", "tenant"),
        (["inspect", "nowhere.txt"], "usage", "nowhere.txt"),
        (["inspect", "docs"], "usage", "docs"),
        (["search", "seals", "--top-k", "0"], "usage", "--top-k"),
        (["search", "seals", "--top-k", "1000000"], "usage", "1000"),
        (["search", ""], "usage", "empty"),
        (["search", "seals", "--project", "a/b"], "usage", "project"),
        (["profile", "show", "no-such"], "profile", "no-such"),
        (["profile", "new", "../x"], "profile", "../x"),
        (["profile", "new", "mine", "--like", "no-such"], "profile", "no-such"),
        (["profile", "check", "nowhere.toml"], "profile", "nowhere.toml"),
    ],
)
def test_bad_input_is_told_and_ends_with_2(
    library_cli: Cli, workplace: Workplace, arguments: list[str], code: str, words: str
) -> None:
    workplace.write("a.txt", TEXT)
    (workplace.path / "empty").mkdir()
    ended = library_cli(*arguments, "--json")
    assert (ended.status, ended.error["code"]) == (ExitCode.USAGE, code)
    assert words in ended.error["message"]
    human = library_cli(*arguments)
    assert (human.status, human.out) == (ExitCode.USAGE, "")
    assert "\nerror: " in f"\n{human.err}"
    assert "\n hint: " in human.err or arguments[:2] == ["profile", "check"]


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        ("[chunk]\nsizes = 3\n", ["chunk.sizes", "unknown key"]),
        ('[chunk]\nsize = "large"\n', ["chunk.size", "integer", "'large'"]),
        ("[chunk]\nsize = 10\noverlap = 10\n", ["chunk", "overlap must be under size (10)"]),
        ('[chunk]\nstrategy = "psychic"\n', ["chunk.strategy", "semantic_sections", "'psychic'"]),
        ("[chunk\n", ["not valid TOML"]),
    ],
)
def test_a_wrong_profile_is_told_with_file_key_and_expectation(
    cli: Cli, workplace: Workplace, profile: str, words: list[str]
) -> None:
    file = workplace.write("profiles/mine.toml", profile, root=".")
    workplace.write("a.txt", TEXT)
    for arguments in (["profile", "check", "profiles/mine.toml"], ["ingest", "docs"], ["profile", "list"]):
        ended = cli(*arguments, "--json")
        assert (ended.status, ended.error["code"]) == (ExitCode.USAGE, "profile")
        for word in ["mine.toml", *words]:
            assert word in ended.error["message"]
        assert Path(ended.error["path"]).resolve() == file.resolve()


def test_a_profile_that_wants_prompts_that_are_not_there_is_named(cli: Cli, workplace: Workplace) -> None:
    workplace.write("a.txt", TEXT)
    file = workplace.write("profiles/mine.toml", '[enrich]\nprompts = "nowhere"\n', root=".")
    assert cli("ingest", "docs").status == 0, "no model writes, and no prompt is read"
    for arguments in (["ingest", "docs", "--context", "llama"], ["profile", "check", "profiles/mine.toml"]):
        ended = cli(*arguments, "--json")
        assert (ended.status, ended.error["code"]) == (ExitCode.USAGE, "profile")
        assert ended.error["message"].startswith("mine: enrich.prompts: a folder expected")
    file.write_text("[chunk]\noverlap = 50000\n")
    assert cli("ingest", "docs", "--json").error["message"].startswith("mine: chunk.overlap: ")


def test_good_and_wrong_profiles_are_checked_together(cli: Cli, workplace: Workplace) -> None:
    workplace.write("good.toml", 'description = "Notes"\n', root=".")
    workplace.write("wrong.toml", "x = 1\n", root=".")
    ended = cli("profile", "check", "wrong.toml", "good.toml", "--json")
    assert (ended.status, ended.envelope["data"]) == (ExitCode.USAGE, {"valid": ["good.toml"]})
    assert ended.error["path"] == "wrong.toml"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("parser = 3\n", "parser: unknown key"),
        ('parsers = "x"\n', "parsers"),
        ("[", "not valid TOML"),
        ('[context]\nservers = "http://me:sesame@a"\n', 'context.servers: a list expected, such as ["http://'),
        (
            '[context]\nservers = ["http://a", "ftp://b"]\n',
            "context.servers.1: an address such as http://127.0.0.1:11434",
        ),
        ('[context]\nservers = ["http://me:sesame@a"]\n', "it holds a user name"),
        ("[context]\nservers = [7]\n", "context.servers.0"),
    ],
)
def test_a_wrong_configuration_ends_with_2(cli: Cli, workplace: Workplace, text: str, words: str) -> None:
    (workplace.config.config_dir / "config.toml").write_text(text)
    for arguments in (["config", "show"], ["ingest", "docs"], ["search", "x"], ["doctor"]):
        ended = cli(*arguments, "--json")
        assert (ended.status, ended.error["code"]) == (ExitCode.USAGE, "config")
        assert "config.toml" in ended.error["message"]
        assert words in ended.error["message"]
        assert "sesame" not in ended.out


@pytest.mark.parametrize(
    ("text", "ok", "words"),
    [
        ('servers = ["http://127.0.0.1:9"]\nmodel = "m"\n', False, "is it running, at that address?"),
        ('servers = ["http://a:1"]\n', False, "context.model"),
        ('servers = ["http://a:1", "http://a:1/"]\nmodel = "m"\n', False, "2 times"),
        ('gguf = "absent.gguf"\n', False, "there is no file"),
        ('gguf = "."\n', False, "a file expected, and it is a folder"),
        ('gguf = "bad.gguf"\n', False, "a GGUF file expected"),
        ('gguf = "cut.gguf"\n', False, "cut off: its tensors"),
        ('gguf = "strange.gguf"\n', False, "unknown model architecture: 'mystery'"),
    ],
)
def test_the_doctor_looks_at_the_language_models_that_are_named(
    cli: Cli, workplace: Workplace, text: str, ok: bool, words: str
) -> None:
    (workplace.config.config_dir / "config.toml").write_text(f"[context]\n{text}")
    workplace.config.models.mkdir(parents=True)
    (workplace.config.models / "bad.gguf").write_bytes(b"<html>")
    for how in ("cut", "strange"):
        write_unloadable_gguf(workplace.config.models / f"{how}.gguf", how)
    ended = cli("doctor", "--json")
    (found,) = (entry for entry in ended.envelope["data"]["findings"] if entry["what"].startswith("context."))
    assert (ended.status, found["what"], found["ok"], found["required"]) == (
        0,
        f"context.{text.split(maxsplit=1)[0]}",
        ok,
        False,
    )
    assert words in found["found"]
    fault = {"bad": "damaged", "cut": "damaged", "strange": "unfit"}.get(text.partition('"')[2].partition(".")[0])
    assert found["fault"] == fault
    assert f"{fault or 'absent':<7}  context." in cli("doctor").out


def test_the_doctor_asks_each_server(cli: Cli, workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGFACTORY_LLM_API_KEY", "sesame")
    servers = [
        ModelServer(models=("m:latest", "n")),
        ModelServer(models=("n",)),
        ModelServer(speaks="openai", models=("m",), wants_key="sesame"),
        ModelServer(speaks="openai", wants_key="another"),
        ModelServer(speaks="openai"),
        ModelServer(speaks="riddles"),
    ]
    with ExitStack() as stack:
        urls = [stack.enter_context(server).url for server in servers]
        text = f"[context]\nmodel = 'm'\nservers = {urls}\n"
        (workplace.config.config_dir / "config.toml").write_text(text)
        ended = cli("doctor", "--json")
    found = [entry for entry in ended.envelope["data"]["findings"] if entry["what"] == "context.servers"]
    assert ended.status == 0
    assert [(entry["ok"], entry["found"].removeprefix(f"{url}: ")) for entry, url in zip(found, urls, strict=True)] == [
        (True, "Ollama, with m"),
        (False, "it has no m (context.model), but n"),
        (True, "OpenAI's interface, with m"),
        (False, "HTTP 401 (is its key in RAGFACTORY_LLM_API_KEY?)"),
        (True, "OpenAI's interface; whether it has m it does not tell"),
        (False, "it answers neither as Ollama does nor as OpenAI's interface"),
    ]
    assert not any(server.asked for server in servers), "nothing is written"


def test_nothing_to_do_ends_with_0(cli: Cli, workplace: Workplace) -> None:
    workplace.write("a.txt", TEXT)
    assert cli("ingest", "docs").status == 0
    ended = cli("ingest", "docs", "--json")
    assert (ended.status, ended.envelope["data"]["files_unchanged"]) == (0, 1)
    assert ended.envelope["data"]["published"] == []


def test_some_bad_files_end_with_3_and_all_bad_files_with_4(cli: Cli, workplace: Workplace) -> None:
    workplace.write("bad.txt", "")
    ended = cli("ingest", "docs", "--json")
    assert ended.status == ExitCode.NOT_PUBLISHED
    assert [(error["code"], error.get("path")) for error in ended.envelope["errors"]] == [
        ("empty", "bad.txt"),
        ("nothing_published", None),
    ]
    workplace.write("a.txt", TEXT)
    ended = cli("ingest", "docs", "--json")
    assert ended.status == ExitCode.PARTIAL
    assert ended.error["code"] == "failed_before"
    assert len(ended.envelope["data"]["published"]) == 1
    ended = cli("ingest", "docs", "--retry-failed", "--json")
    assert (ended.status, ended.error["code"], ended.error["path"]) == (ExitCode.PARTIAL, "empty", "bad.txt")
    assert "bad.txt" in cli("ingest", "docs", "--retry-failed").err


def test_no_such_index_and_damage_end_with_5(cli: Cli, workplace: Workplace) -> None:
    for arguments in (["search", "x"], ["index", "show"], ["search", "x", "--tenant", "nobody"]):
        ended = cli(*arguments, "--json")
        assert (ended.status, ended.error["code"]) == (ExitCode.NO_INDEX, "no_index")
        assert ended.error["hint"]
    assert cli("index", "list").status == 0

    workplace.write("a.txt", TEXT)
    workplace.ingest()
    paths = IndexPaths.of(workplace.config.indexes, IndexName("default", "default", "algemeen"))
    (paths.version(1) / "chunks-0001.jsonl").unlink()
    ended = cli("search", "seals", "--json")
    assert (ended.status, ended.error["code"]) == (ExitCode.NO_INDEX, "damaged")
    assert "chunks-0001.jsonl" in ended.error["message"]


def test_a_locked_index_ends_with_6(cli: Cli, workplace: Workplace) -> None:
    workplace.write("a.txt", TEXT)
    workplace.ingest()
    with writer_lock(IndexPaths.of(workplace.config.indexes, IndexName("default", "default", "algemeen")).lock):
        ended = cli("ingest", "docs", "--json")
        assert (ended.status, ended.error["code"]) == (ExitCode.LOCKED, "locked")
        assert cli("search", "seals", "--mode", "text").status == 0


def test_a_model_that_is_not_here_ends_with_7(
    cli: Cli, workplace: Workplace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    workplace.write("a.txt", TEXT)
    ended = cli("ingest", "docs", "--embedder", "bge-m3", "--json")
    assert (ended.status, ended.error["code"]) == (ExitCode.UNAVAILABLE, "model_unavailable")
    assert ended.error["hint"]


def test_a_bug_ends_with_1_and_its_traceback_goes_to_a_file(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("seven by nothing")

    monkeypatch.setattr(Searcher, "open", broken)
    ended = cli("search", "x", "--json")
    assert (ended.status, ended.error["code"]) == (ExitCode.BUG, "bug")
    assert "ZeroDivisionError: seven by nothing" in ended.error["message"]
    log = Path(ended.error["hint"].split()[-1])
    assert "Traceback" in log.read_text()
    log.unlink()


def test_a_bug_while_a_result_is_shown_ends_with_1(library_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("seven by nothing")

    monkeypatch.setattr(search, "_headline", broken)
    ended = library_cli("search", "pump", "--mode", "text")
    assert ended.status == ExitCode.BUG
    assert "error: a bug: ZeroDivisionError" in ended.err
    Path(ended.err.split()[-1]).unlink()


def test_an_interrupt_ends_with_130(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Searcher, "open", interrupted)
    ended = cli("search", "x", "--json")
    assert (ended.status, ended.error["code"]) == (ExitCode.INTERRUPTED, "interrupted")
    human = cli("search", "x")
    assert (human.status, human.out, human.err) == (ExitCode.INTERRUPTED, "", "error: interrupted\n")


def test_an_interrupt_while_a_result_is_shown_ends_with_130(library_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(search, "_headline", interrupted)
    assert library_cli("search", "pump", "--mode", "text").status == ExitCode.INTERRUPTED


def run_process(workplace: Workplace, *arguments: str, **options: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "ragfactory", *arguments], cwd=workplace.path, **options)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_what_stops_a_run_in_the_middle_ends_it_with_130_and_the_next_run_goes_on(
    cli: Cli, workplace: Workplace, stop: signal.Signals
) -> None:
    subjects = ["seals", "foxes", "herons", "badgers", "owls", "otters", "hares", "storks", "frogs", "newts"]
    for n in range(60):
        lines = [
            f"On day {n} at {hour}:00 the keeper counted {hour * n} {subject}." for hour, subject in enumerate(subjects)
        ]
        workplace.write(f"{n:03d}.md", "".join(f"# Hour {i}\n\n{line}\n\n" for i, line in enumerate(lines)))
    workplace.write("profiles/uren.toml", '[chunk]\nstrategy = "semantic_sections"\nsize = 60\n', root=".")
    paths = IndexPaths.of(workplace.config.indexes, IndexName("default", "default", "uren"))
    process = run_process(
        workplace, "ingest", "docs", "--profile", "uren", "--json", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    while process.poll() is None and not any(log.stat().st_size for log in paths.building.glob("vectors-*.log")):
        time.sleep(0.01)
    process.send_signal(stop)
    out, err = process.communicate(timeout=60)
    assert process.returncode == ExitCode.INTERRUPTED
    envelope = orjson.loads(out)
    assert (envelope["status"], envelope["exit_code"]) == ("error", ExitCode.INTERRUPTED)
    assert [error["code"] for error in envelope["errors"]] == ["interrupted"]
    assert envelope["errors"][0]["hint"] == "run it again and it goes on from there"
    assert b"Traceback" not in err
    assert paths.current_number() is None

    data = cli("ingest", "docs", "--profile", "uren", "--json").envelope["data"]
    assert data["files_added"] == 60
    assert data["chunks_reused"] >= 32
    assert data["chunks_made"] > 0
    assert len(data["published"]) == 1


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["profile", "list"], ["profile", "show", "algemeen"], ["config", "show", "--json"]],
)
def test_a_reader_who_has_seen_enough_is_no_error(cli: Cli, workplace: Workplace, arguments: list[str]) -> None:
    """As in `ragfactory ... | head -1`."""
    read, write = os.pipe()
    os.close(read)
    process = run_process(workplace, *arguments, stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    _, err = process.communicate(timeout=60)
    assert err == b""
    assert process.returncode == ExitCode.OK or arguments == ["--help"]  # typer ends that by itself


@pytest.mark.parametrize("json", [[], ["--json"]])
def test_a_full_disk_under_standard_output_is_told(cli: Cli, workplace: Workplace, json: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        process = run_process(workplace, "profile", "list", *json, stdout=full, stderr=subprocess.PIPE)
        _, err = process.communicate(timeout=60)
    assert process.returncode == ExitCode.BUG
    assert err == b"error: standard output cannot be written: No space left on device\n"


def test_nobody_reading_the_progress_does_not_end_the_run(cli: Cli, workplace: Workplace) -> None:
    workplace.write("bad.txt", "")
    read, write = os.pipe()
    os.close(read)
    process = run_process(workplace, "ingest", "docs", "--json", stdout=subprocess.PIPE, stderr=write)
    os.close(write)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == ExitCode.NOT_PUBLISHED
    assert orjson.loads(out)["data"]["files_seen"] == 1


def test_progress_and_warnings_stay_off_standard_output(cli: Cli, workplace: Workplace) -> None:
    workplace.write("a.txt", TEXT)
    ended = cli("ingest", "docs", "--json")
    assert ended.out.startswith("{")
    assert "1 file: 1 to read" in ended.err


def test_a_shipped_profile_is_overridden_by_a_copy_that_is_never_overwritten(cli: Cli, workplace: Workplace) -> None:
    assert cli("profile", "new", "handleiding").status == 0
    copy = workplace.path / "profiles/handleiding.toml"
    assert "semantic_sections" in copy.read_text(encoding="utf-8")
    assert cli("profile", "show", "handleiding", "--json").envelope["data"]["path"] == "profiles/handleiding.toml"
    copy.write_text('description = "Mine"\n', encoding="utf-8")
    again = cli("profile", "new", "handleiding", "--json")
    assert (again.status, again.error["code"]) == (ExitCode.USAGE, "usage")
    assert copy.read_text(encoding="utf-8") == 'description = "Mine"\n'


def test_an_empty_profile_is_an_error_and_not_a_profile_of_defaults(cli: Cli, workplace: Workplace) -> None:
    workplace.write("profiles/handleiding.toml", "", root=".")
    ended = cli("profile", "list", "--json")
    assert (ended.status, ended.error["code"]) == (ExitCode.USAGE, "profile")
    assert "empty" in ended.error["message"]
