"""What the documentation says is what the code does: commands, options, keys, codes, files, links, and the code in its pages."""

from __future__ import annotations

import hashlib
import json
import re
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pytest
import typer
from pydantic import BaseModel
from typer.testing import CliRunner

from ragfactory.chunking.strategies import STRATEGIES
from ragfactory.cli.main import program
from ragfactory.cli.result import CommandResult
from ragfactory.config import Config
from ragfactory.documents.registry import Parser, parsers
from ragfactory.errors import ExitCode, RagfactoryError
from ragfactory.profiles import Index, Parse, Profile, Recognise, shipped_dir
from ragfactory.reporting.report import RunReport, StageTotals
from ragfactory.store import records
from ragfactory.store.layout import IndexName, IndexPaths
from ragfactory.store.publish import NewChunk, Repeated, VersionBuilder
from ragfactory.store.rows import ROW_FIELDS
from ragfactory.store.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "docs" / "reference"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


# Reading pages.


def read(name: str) -> str:
    """A page of the reference."""
    return (REFERENCE / name).read_text(encoding="utf-8")


def sections(text: str) -> dict[str, str]:
    """The text under each heading of level two, by its title; subsections are part of it."""
    parts = re.split(r"(?m)^## (.+)\n", text)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def rows(text: str) -> list[list[str]]:
    """The cells of every table row; heads are left out."""
    tables = re.findall(r"(?m)(?:^\|.*\n?)+", text)
    lines = [line for table in tables for line in table.splitlines()[2:]]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def names(cell: str) -> list[str]:
    """The names in a cell that are set as code, without what follows them, such as an option's value."""
    return [name.split()[0] for name in re.findall(r"`([^`]+)`", cell)]


def first_column(text: str) -> set[str]:
    """The names in the first column of every table."""
    return {name for row in rows(text) for name in names(row[0])}


def run_program(page: Path) -> types.SimpleNamespace:
    """What the one Python program of a page defines."""
    (program,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    defined: dict[str, Any] = {"__name__": page.stem}
    exec(compile(program, str(page), "exec"), defined)
    return types.SimpleNamespace(**defined)


# Commands.


def leaves(command: Any, words: str) -> Iterator[tuple[str, Any]]:
    """Every command that does something, by the words that call it."""
    if not hasattr(command, "commands"):
        yield words, command
        return
    for name, child in command.commands.items():
        yield from leaves(child, f"{words} {name}")


PROGRAM: Any = typer.main.get_command(program())
COMMANDS = dict(leaves(PROGRAM, "ragfactory"))
OPTIONS_OF_ALL = {"-h", "--help"}


def options(command: Any) -> dict[str, str]:
    """The default of each option as the help shows it; empty where there is none."""
    found = {}
    for option in command.params:
        if option.param_type_name == "option":
            default = option.show_default if isinstance(option.show_default, str) else option.default
            found.update({name: "" if default in {None, False} else str(default) for name in option.opts})
    return {name: default for name, default in found.items() if name not in OPTIONS_OF_ALL}


def test_every_command_has_a_section_and_every_section_a_command() -> None:
    assert set(sections(read("commands.md"))) == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_arguments_options_and_defaults_of_a_command(command: str) -> None:
    section = sections(read("commands.md"))[command].split("\n### ")[0]
    documented = {name: row[1].strip("`") for row in rows(section) for name in names(row[0])}
    assert documented == options(COMMANDS[command])
    arguments = [p for p in COMMANDS[command].params if p.param_type_name == "argument"]
    if arguments:
        usage = " ".join([command, *((p.metavar or p.name).upper() for p in arguments)])
        assert f"    {usage}\n" in section


def test_the_options_of_the_program() -> None:
    intro = read("commands.md").split("\n## ")[0]
    assert OPTIONS_OF_ALL | set(options(PROGRAM)) <= set(re.findall(r"`(--?[a-z-]+)", intro))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_calls_of_the_program_in_a_page_are_possible(page: Path) -> None:
    for call in re.findall(r"(?m)(?:^    |`)ragfactory ([a-z-][^`\n|#]*)", page.read_text(encoding="utf-8")):
        words, command = call.split(), PROGRAM
        while words and hasattr(command, "commands") and not words[0].startswith("-"):
            assert words[0] in command.commands, call
            command = command.commands[words.pop(0)]
        given = {word for word in words if re.fullmatch("--?[a-z][a-z-]*", word)}
        assert given <= OPTIONS_OF_ALL | set(options(command)), call


def test_every_extension_that_is_read() -> None:
    table = sections(read("commands.md"))["ragfactory ingest"].split("\n### Formats")[1]
    assert sorted(name for row in rows(table) for name in names(row[1])) == sorted(parsers())


# Settings.


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The dotted name and the default of every key."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from keys(kind, f"{prefix}{name}.")
        else:
            yield prefix + name, field.default


def check_keys(page: str, model: type[BaseModel]) -> None:
    """Compare the tables with the columns key, default, meaning with a model."""
    documented = {name: row[1] for row in rows(read(page)) if len(row) == 3 for name in names(row[0])}
    expected = dict(keys(model))
    assert expected.keys() <= documented.keys() | first_column(read(page))
    assert {name for name in documented if "." in name} <= expected.keys()
    for name, default in expected.items():
        if isinstance(default, str | int | float):
            assert documented[name] == f"`{json.dumps(default)}`", name


def test_every_setting_with_its_default() -> None:
    check_keys("configuration.md", Config)
    assert first_column(read("configuration.md")) == {name for name, _ in keys(Config)}


def test_every_key_of_a_profile_with_its_default() -> None:
    check_keys("profiles.md", Profile)


def test_every_strategy_with_its_size_and_every_feature() -> None:
    page = read("profiles.md")
    documented = {names(row[0])[0]: (int(row[1]), int(row[2]), row[3]) for row in rows(page) if len(row) == 5}
    assert documented == {name: (s.size, s.overlap, s.measure) for name, s in STRATEGIES.items()}
    (features, _) = get_args(Recognise.model_fields["structure"].annotation)
    assert set(get_args(features)) <= first_column(sections(page)["[recognise]"])


def test_the_example_configuration_validates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", read("configuration.md"), re.DOTALL)
    (tmp_path / "config.toml").write_text(example, encoding="utf-8")
    monkeypatch.setenv("RAGFACTORY_CONFIG", str(tmp_path))
    assert call("config", "show", "--home", str(tmp_path))["data"]["settings"]["limits"]["file_mb"] == 100


# What programs read: exit codes, JSON, and the files of a version.


def call(*arguments: str) -> dict[str, Any]:
    """What a command prints with --json."""
    done = CliRunner().invoke(program(), [*arguments, "--json"])
    return dict(json.loads(done.stdout))


def errors(base: type[RagfactoryError]) -> Iterator[type[RagfactoryError]]:
    for error in base.__subclasses__():
        yield error
        yield from errors(error)


def test_every_exit_code_and_the_status_that_goes_with_it() -> None:
    documented = {int(row[0]): names(row[1])[0] for row in rows(sections(read("scripting.md"))["Exit codes"])}
    assert documented == {int(code): CommandResult(exit_code=code).status for code in ExitCode}


def test_every_error_code_with_its_exit_code() -> None:
    documented = {names(row[0])[0]: int(row[1]) for row in rows(sections(read("scripting.md"))["Error codes"])}
    expected = {error.code: int(error.exit_code) for error in errors(RagfactoryError)}
    assert documented == expected | {"interrupted": ExitCode.INTERRUPTED, "bug": ExitCode.BUG}


def test_every_key_of_a_run_report() -> None:
    documented = first_column(sections(read("scripting.md"))["Data of `ingest` and `reindex`"])
    assert documented == set(RunReport.__dataclass_fields__)
    assert all(f"`{name}`" in read("scripting.md") for name in StageTotals.__dataclass_fields__)


def test_every_key_of_a_search(home: Path) -> None:
    answer = call("search", "balans", "--mode", "text", "--home", str(home))
    assert answer.keys() == first_column(sections(read("scripting.md"))["The envelope"])
    hit = next(hit for hit in answer["data"]["chunks"] if hit["metadata"]["also_in"])
    documented = first_column(sections(read("scripting.md"))["Data of `search`"])
    assert documented == {*answer["data"], *hit, *hit["metadata"]}
    assert all(f"`{name}`" in read("scripting.md") for name in hit["metadata"]["also_in"][0])


@pytest.mark.parametrize("command", ["index list", "index show"])
def test_every_key_of_an_index(command: str, home: Path) -> None:
    (index, *_) = call(*command.split(), "--home", str(home))["data"]["indexes"]
    text = sections(read("scripting.md"))["Data of the other commands"]
    assert index.keys() | (index.get("documents") or [{}])[0].keys() <= set(re.findall(r"`(\w+)`", text))


@pytest.mark.parametrize(
    ("section", "models"),
    [
        (
            "manifest.json",
            [
                records.Manifest,
                records.EmbedderEntry,
                records.RootEntry,
                records.SegmentEntry,
                records.FastEntry,
                records.FileEntry,
            ],
        ),
        ("documents-NNNN.jsonl", [records.DocumentRecord, records.SharedRow, records.Tombstone]),
        ("Segments", [records.ChunkRecord, records.Place]),
    ],
)
def test_every_key_of_a_file_of_the_store(section: str, models: list[type[BaseModel]]) -> None:
    text = sections(read("store.md"))[section]
    fields = [field for model in models for field in model.model_fields]
    assert set(fields) <= set(re.findall(r"`(\w+)`", text))
    assert first_column(text) >= set(models[0].model_fields)


def test_the_fields_of_rows_and_of_the_full_text_index(home: Path) -> None:
    documented = {names(row[0])[0]: names(row[1]) for row in rows(sections(read("store.md"))["Segments"])}
    for name, kind in ROW_FIELDS:
        assert documented[name] == [kind.replace("|", "")]
    (meta,) = home.glob("indexes/*/*/*/000001/lexical/meta.json")
    fields = {field["name"] for field in json.loads(meta.read_bytes())["schema"]}
    assert first_column(sections(read("store.md"))["lexical/"]) == fields


EMBEDDER = records.EmbedderEntry(name="random", fingerprint="ab" * 32, dimension=16)
NAME = IndexName("default", "default", "jaarrekening")
ROOTS = {"/docs": records.RootEntry(path="/docs", whole=True, profile="auto")}


def vector_of(text: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A random unit vector, the same for the same text."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
    vector = np.random.default_rng(seed).standard_normal(EMBEDDER.dimension).astype(np.float32)
    return vector / np.linalg.norm(vector)


def add(builder: VersionBuilder, path: str, texts: list[str]) -> None:
    chunks: list[NewChunk | Repeated] = []
    for n, text in enumerate(texts):
        place = records.Place(n=n, start=0, end=len(text))
        key = hashlib.sha256(text.encode()).digest()
        if builder.is_stored(key):
            chunks.append(Repeated(place, key))
            continue
        record = records.ChunkRecord(
            root="/docs", path=path, place=place, text=text, context="", language="nl", strategy="default"
        )
        builder.put_vectors([key], vector_of(text)[np.newaxis])
        chunks.append(NewChunk(record, text, key, key))
    document = records.DocumentRecord(
        root="/docs", path=path, key="0" * 64, size=1, mtime_ns=1, recipe="0" * 64, document_type=NAME.document_type,
        type_confidence=1.0, format="text", language="nl", chunks=len(texts),
    )  # fmt: skip
    builder.add(document, chunks)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with one index: version 1 of three documents that share a chunk, and version 2 with one of them gone."""
    monkeypatch.setenv("RAGFACTORY_CONFIG", str(tmp_path))
    paths = IndexPaths.of(tmp_path / "indexes", NAME)
    builder = VersionBuilder(paths, NAME, None, EMBEDDER, (), options=Index())
    for path in ("a.txt", "b.txt", "c.txt"):
        add(builder, path, ["balans van allen", *(f"passage {n} van {path}" for n in range(5))])
    builder.publish({"retrieve": {"dense_weight": 1.0}}, ROOTS)
    with Version.open(paths, NAME) as base:
        builder = VersionBuilder(paths, NAME, base, EMBEDDER, (), options=Index())
        builder.remove(("/docs", "b.txt"))
        builder.publish({}, ROOTS)
    return tmp_path


def test_a_version_can_be_read_as_the_page_says(home: Path) -> None:
    reader = run_program(REFERENCE / "store.md")
    folder, manifest = reader.open_version(home / "indexes" / "default" / "default" / NAME.document_type)
    assert folder.name == "000002"
    assert (manifest["documents"], manifest["chunks"], manifest["places"]) == (2, 11, 12)
    assert manifest.keys() == first_column(sections(read("store.md"))["manifest.json"])
    digest = manifest.pop("digest")
    plain = json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(plain.encode()).hexdigest() == digest

    texts = ["balans van allen", *(f"passage {n} van {path}" for path in ("a.txt", "c.txt") for n in range(5))]
    query = vector_of("passage 3 van b.txt")  # its own row is gone
    found = reader.search(folder, manifest, query, 4)
    expected = sorted(((float(vector_of(text) @ query), text) for text in texts), reverse=True)[:4]
    assert [chunk["text"] for _, chunk in found] == [text for _, text in expected]
    assert np.allclose([score for score, _ in found], [score for score, _ in expected], atol=0.02)


# Pages as pages.


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        path = (page.parent / file).resolve() if file else page
        assert path.exists(), target
        if anchor:
            titles = re.findall(r"(?m)^#+ (.+)$", path.read_text(encoding="utf-8"))
            assert anchor in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}, target


def test_the_readme_names_every_profile() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f"`{path.stem}`" in readme for path in shipped_dir().glob("*.toml"))


def test_the_example_format_works(tmp_path: Path) -> None:
    parser: Parser = run_program(ROOT / "docs" / "how-to" / "add-a-format.md").PARSER
    assert not set(parser.extensions) & set(parsers())
    file = tmp_path / "talk.srt"
    file.write_text("1\n00:00:01,000 --> 00:00:02,500\nGoedemorgen\n\n2\n00:00:03,000 --> 00:00:04,000\n12 gasten\n")
    document = parser.parse(file, Parse())
    assert [document.text_of(block) for block in document.blocks] == ["Goedemorgen", "12 gasten"]
