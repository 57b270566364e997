"""`ragfactory eval` on the library: measuring, comparing, fitting, drafting, and the gate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from ragfactory.embedding import locate
from tests.cli.terminal import Terminal
from tests.conftest import DOCUMENTS
from tests.tiny_reranker import SPEC

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ended
    from tests.conftest import Workplace

    Cli = Callable[..., Ended]

# Parts are told apart by their number alone, which means nothing to the embedder; the cook shares no word with its answer.
QUESTIONS = [
    *({"id": part, "query": f"part {part}", "relevant": [{"path": f"stock/{name}.txt"}]}
      for part, name in (("XK-4471", "pump"), ("XK-4472", "valve"), ("XK-4473", "filter"))),
    {"id": "cook", "query": "cooking dinner", "relevant": [{"path": "kitchen.md"}]},
    {"id": "gone", "query": "submarine", "relevant": [{"path": "gone.txt"}], "language": "de"},
]  # fmt: skip

# Passages, and what asks for them in other words.
PARAPHRASES = [
    ("Our chef prepares soup every morning.", "cooking meals"),
    ("Mechanics fixed both cars before winter.", "automobile repair"),
    ("Ships unload containers in Rotterdam harbour.", "seaport cargo"),
    ("Physicians treat patients at a clinic.", "doctor visit"),
    ("Pupils learn arithmetic from their teacher.", "school education"),
    ("Trains leave for Berlin hourly.", "railway timetable"),
    ("Farmers milk cows at dawn.", "dairy agriculture"),
    ("Heavy rain and storms are expected.", "weather forecast"),
    ("Violins and cellos play a symphony.", "orchestra music"),
    ("Lawyers defend clients before a judge.", "court attorney"),
    ("Goalkeepers stop penalties during a match.", "football sports"),
    ("Astronauts orbit our planet.", "space travel"),
]


def written(path: Path, questions: list[dict[str, Any]] = QUESTIONS) -> Path:
    path.write_bytes(b"\n".join(map(orjson.dumps, questions)))
    return path


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    return written(tmp_path / "golden.jsonl")


@pytest.fixture
def kitchen(workplace: Workplace) -> Workplace:
    """One index of what the library has under `stock/`, and its kitchen."""
    for name, text in DOCUMENTS.items():
        if name.startswith(("stock/", "kitchen")):
            workplace.write(name, text)
    workplace.ingest()
    return workplace


def test_each_stage_is_measured_by_itself(library_cli: Cli, golden: Path) -> None:
    ended = library_cli("eval", golden, "--json")
    data = ended.envelope["data"]
    assert (data["questions"], data["skipped"], data["absent"], data["compared"]) == (5, 0, ["gone.txt"], None)
    assert "1 document that questions ask for is in no index: gone.txt" in ended.envelope["warnings"]
    assert list(data["stages"]) == ["dense", "lexical", "fused"]
    for stage in data["stages"].values():
        for metric in ("recall_at_5", "recall_at_10", "mrr_at_10", "ndcg_at_10"):
            assert 0 <= stage[metric]["low"] <= stage[metric]["mean"] <= stage[metric]["high"] <= 1
        assert 0 < stage["p50_ms"] <= stage["p95_ms"]
    # By words the three parts are first and the cook is nowhere; by meaning the cook is found.
    assert data["stages"]["lexical"]["recall_at_10"]["mean"] == pytest.approx(3 / 5)
    assert data["stages"]["dense"]["recall_at_10"]["mean"] == pytest.approx(4 / 5)
    assert data["languages"]["de"]["questions"] == 1
    assert data["languages"]["en"]["fused"]["recall_at_10"] == 1
    assert {name: group["questions"] for name, group in data["types"].items()} == {"algemeen": 4, "unknown": 1}
    (failure,) = data["failures"]
    assert (failure["id"], failure["relevant"]) == ("gone", [{"path": "gone.txt", "page": None}])
    assert len(failure["found"]) > 3


def test_the_reranked_order_is_a_stage_where_there_is_a_reranker(
    *,
    cli: Cli,
    own_library: Workplace,
    settled: Callable[..., None],
    golden: Path,
    tiny_reranker: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settled(own_library)
    absent = cli("eval", golden, "--stage", "reranked", "--json")
    assert (absent.status, absent.error["code"]) == (7, "model_unavailable")
    monkeypatch.setattr(locate, "BGE_RERANKER_V2_M3", SPEC)
    own_library.config.models.mkdir(exist_ok=True)
    (own_library.config.models / SPEC.name).symlink_to(tiny_reranker)
    data = cli("eval", golden, "--set", "rerank_depth=1", "--json").envelope["data"]
    assert list(data["stages"]) == list(data["compared"]["stages"]) == ["dense", "lexical", "fused", "reranked"]
    assert data["stages"]["reranked"]["ndcg_at_10"]["mean"] != data["stages"]["fused"]["ndcg_at_10"]["mean"]
    of_one = data["compared"]["stages"]  # read again alone, the best stays the best
    assert of_one["reranked"]["ndcg_at_10"] == of_one["fused"]["ndcg_at_10"]
    assert list(cli("eval", golden, "--stage", "reranked", "--json").envelope["data"]["stages"]) == ["reranked"]


def test_the_tables_fit_a_terminal(library_cli: Cli, golden: Path) -> None:
    out = library_cli("eval", golden, "--set", "lexical_weight=2").out
    assert all(len(line) <= 80 for line in out.splitlines())
    for text in (
        "5 questions",
        "dense",
        "lexical",
        "fused",
        "nDCG@10 by language",
        "with lexical_weight=2",
        "wanted gone.txt",
    ):
        assert text in out


def test_what_is_found_in_the_file_that_is_wanted_is_told_apart(library_cli: Cli, tmp_path: Path) -> None:
    wanted = {"relevant": [{"path": "kitchen.md"}]}
    turns = ["Anna: nothing of the kind was said in this kitchen by anyone, on any day at all", "Bob: nor in that one"]
    passage = {"passage": "The cook left before anybody had asked for dessert.", "answers": ["dessert"]}
    file = written(
        tmp_path / "q.jsonl",
        [{"id": "t", "query": "soup", **wanted, "turns": turns}, {"id": "p", "query": "soup", **wanted, **passage}],
    )
    out = " ".join(library_cli("eval", file, "--stage", "lexical").out.split())
    assert 'wanted kitchen.md: "Anna: nothing of the kind was said in' in out
    assert '..." or 1 other turn' in out
    assert 'wanted kitchen.md: "The cook left before anybody had asked for dessert."' in out
    assert out.count("found kitchen.md chunk 0") == 2


def test_the_bar_counts_the_searches(library: Workplace, settled: Callable[[Workplace], None], golden: Path) -> None:
    settled(library)
    terminal = Terminal("eval", str(golden), "--stage", "lexical", "--stage", "dense")
    shown = terminal.wait_for("nDCG@10 by language")
    assert "searches" in shown
    assert "10/10" in shown
    assert terminal.status() == 0


def test_one_stage_without_a_model(library_cli: Cli, golden: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragfactory.retrieval.embedders.QueryEmbedders.encode", None)
    assert list(library_cli("eval", golden, "--stage", "lexical", "--json").envelope["data"]["stages"]) == ["lexical"]


def test_other_settings_are_compared(library_cli: Cli, tmp_path: Path) -> None:
    misled = {
        "query": "soups and other meals of winter",
        "relevant": [{"path": "kitchen.md"}],
    }  # words alone find the garage
    golden = written(tmp_path / "golden.jsonl", [*QUESTIONS, misled])
    options = ["--set", "dense_weight=0", "--set", "depth=50", "--json"]
    data = library_cli("eval", golden, *options).envelope["data"]["compared"]
    assert data["with"] == "dense_weight=0, depth=50"
    change = data["differences"]["fused"]
    assert (change["better"], change["worse"]) == (0, 1)
    assert change["ndcg_at_10"]["mean"] < 0
    assert not change["ndcg_at_10"]["real"]
    same = data["differences"]["lexical"]["ndcg_at_10"]
    assert (same["mean"], same["p_value"]) == (0, 1)


def test_an_earlier_version_is_compared(cli: Cli, kitchen: Workplace, golden: Path) -> None:
    (kitchen.docs / "kitchen.md").unlink()
    kitchen.ingest()
    data = cli("eval", golden, "--compare", "1", "--json").envelope["data"]
    assert data["compared"]["with"] == "version 000001"
    assert data["compared"]["differences"]["dense"]["better"] == 1
    assert cli("eval", golden, "--compare", "9", "--json").status == 5


def test_one_type_is_asked_only_what_its_documents_are_about(
    cli: Cli, kitchen: Workplace, golden: Path, tmp_path: Path
) -> None:
    of_all = cli("eval", golden, "--stage", "lexical", "--json").envelope
    assert (of_all["data"]["questions"], of_all["data"]["absent"]) == (5, ["gone.txt"])
    of_type = cli("eval", golden, "--stage", "lexical", "--type", "algemeen", "--json").envelope
    assert (of_type["data"]["questions"], of_type["data"]["absent"]) == (4, [])
    fitted = cli("eval", golden, "--fit", "--json").envelope
    assert fitted["data"]["questions"] == 4
    for envelope in (of_type, fitted):
        assert "1 question about documents that this index does not hold left out" in envelope["warnings"]
    nothing = cli("eval", written(tmp_path / "gone.jsonl", QUESTIONS[4:]), "--fit", "--json")
    assert nothing.error["message"] == "no question is about a document of default/default/algemeen"


def test_what_is_fitted_is_used_shown_and_removed(cli: Cli, workplace: Workplace, tmp_path: Path) -> None:
    asked = []
    for n, (text, query) in enumerate(PARAPHRASES):
        workplace.write(f"{n:02}.txt", text)
        asked.append({"query": query, "relevant": [{"path": f"{n:02}.txt"}]})
    # Words alone lead here.
    workplace.write("crossword.txt", f"The crossword wants: {', '.join(query.split()[1] for _, query in PARAPHRASES)}.")
    workplace.ingest()
    questions = written(tmp_path / "paraphrases.jsonl", asked)
    profile = tmp_path / "profiles" / "algemeen.toml"
    profile.parent.mkdir()
    profile.write_text("[retrieve]\ndense_weight = 0.0\nlexical_weight = 1.0\n")

    def mrr() -> float:
        data = cli("eval", questions, "--stage", "fused", "--json").envelope["data"]
        return float(data["stages"]["fused"]["mrr_at_10"]["mean"])

    before = mrr()
    fitted = cli("eval", questions, "--fit", "--json")
    data = fitted.envelope["data"]
    assert (data["index"], data["questions"], data["written"]) == ("default/default/algemeen", 12, True)
    assert data["retrieve"]["dense_weight"] > 0
    assert data["held_out"] > data["before"]
    assert "12 questions are few" in fitted.envelope["warnings"][0]
    assert mrr() > before
    (shown,) = cli("index", "show", "--json").envelope["data"]["indexes"]
    assert shown["settings"]["retrieve"] == data["retrieve"]
    assert "fitted to 12 questions of version 000001" in cli("index", "show").out

    settings = workplace.config.indexes / "default" / "default" / "algemeen" / "settings.json"
    kept = orjson.loads(settings.read_bytes())
    assert shown["settings"] == kept | {"used": True}
    kept["fitted"] |= {"embedder": "bge-m3", "fingerprint": "b" * 64}
    settings.write_bytes(orjson.dumps(kept))
    assert mrr() == before, "they are for vectors of another embedder"
    for command in (["eval", questions, "--stage", "fused"], ["search", "harbour"], ["ask", "harbour?"]):
        (told,) = [note for note in cli(*command, "--json").envelope["warnings"] if "settings" in note]
        assert "its vectors are of all-minilm-l6-v2, not bge-m3, to which its settings were fitted" in told
    (shown,) = cli("index", "show", "--json").envelope["data"]["indexes"]
    assert not shown["settings"]["used"]
    assert "not searched with" in cli("index", "show").out

    settings.write_text('{"retrieve": {"depth": 0}}')
    assert "settings.json: not settings that can be read" in cli("search", "harbour", "--json").error["message"]
    assert cli("eval", "--unfit", "--json").envelope["data"]["removed"]
    assert not cli("eval", "--unfit", "--json").envelope["data"]["removed"]
    assert mrr() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "QUESTIONS: a file of questions expected"),
        (("{golden}", "--fit", "--make", "3"), "--fit and --make: one of them at a time"),
        (("{golden}", "--set", "weight=2"), "--set: KEY=VALUE expected, got 'weight=2'"),
        (("{golden}", "--set", "depth=lots"), "--set: depth: "),
        (("{golden}", "--stage", "sparse"), "--stage: no stage named 'sparse'"),
        (("{golden}", "--make", "3"), "it is there already"),
        (("nothing.jsonl",), "nothing.jsonl: cannot be read"),
    ],
)
def test_what_cannot_be_asked(library_cli: Cli, golden: Path, arguments: tuple[str, ...], message: str) -> None:
    ended = library_cli("eval", *(argument.format(golden=golden) for argument in arguments), "--json")
    assert ended.status == 2
    assert message in ended.error["message"]
    assert ended.error["hint"]


def test_drafts_can_be_measured(cli: Cli, workplace: Workplace, tmp_path: Path) -> None:
    rows = "".join(f"| {name} | {n * 7} |\n" for n, name in enumerate(("Cabin", "Tent", "House"), start=11))
    workplace.write("prices.md", f"# Price list\n\n| Kind | 2024 € |\n|---|---|\n{rows}")
    workplace.ingest()
    file = tmp_path / "drafts.jsonl"
    envelope = cli("eval", file, "--make", "3", "--json").envelope
    assert envelope["data"] == {"path": str(file), "questions": 3, "by": {"rules": 3}}
    assert any(note.startswith("by rule, no language model: one GGUF file expected") for note in envelope["warnings"])
    data = cli("eval", file, "--json").envelope["data"]
    assert data["questions"] == 3
    assert data["stages"]["fused"]["recall_at_5"]["mean"] == 1


# The gate.


@pytest.fixture
def gated(kitchen: Workplace, golden: Path) -> Workplace:
    """A kitchen whose profile asks that questions are answered."""
    profile = golden.parent / "profiles" / "algemeen.toml"
    profile.parent.mkdir()
    profile.write_text(f'[gate]\nquestions = "{golden}"\nmin_recall_at_5 = 0.7\nmax_drop = 0.1\n')
    return kitchen


@pytest.mark.parametrize("command", ["ingest", "reindex"])
def test_a_version_that_answers_worse_is_built_and_does_not_serve(cli: Cli, gated: Workplace, command: str) -> None:
    words = [command, *([gated.docs, "--profile", "algemeen"] if command == "ingest" else []), "--json"]
    gated.write("mint.txt", "Mint grows along the path.")
    assert cli(*words).status == 0
    (gated.docs / "kitchen.md").unlink()
    refused = cli(*words)
    assert refused.status == 4
    message = next(error["message"] for error in refused.envelope["errors"] if error["code"] == "gate")
    assert "version 000003 is built and does not serve" in message
    assert "its recall@5 is 0.600, the version before has 0.800; min_recall_at_5 is 0.7" in message
    paths = gated.config.indexes / "default" / "default" / "algemeen"
    assert (paths / "CURRENT").read_text() == "000002\n"
    assert cli("index", "check", "--json").status == 0
    assert cli("index", "rollback", "3", "--json").envelope["data"]["changed"]
    assert not gated.places("chef")


def test_a_drop_is_refused_although_enough_is_found(cli: Cli, gated: Workplace, golden: Path) -> None:
    profile = golden.parent / "profiles" / "algemeen.toml"
    profile.write_text(profile.read_text().replace("0.7", "0.5"))
    (gated.docs / "kitchen.md").unlink()
    refused = cli("ingest", gated.docs, "--profile", "algemeen", "--json")
    assert (refused.status, refused.error["code"]) == (4, "gate")
    assert refused.error["message"].endswith("it may drop by max_drop, 0.1")
    profile.write_text(profile.read_text().replace("0.1", "0.3"))
    assert cli("ingest", gated.docs, "--profile", "algemeen", "--json").status == 0


def test_a_gate_without_its_questions_stops_the_run_before_the_work(cli: Cli, gated: Workplace, golden: Path) -> None:
    golden.unlink()
    ended = cli("ingest", gated.docs, "--profile", "algemeen", "--json")
    assert (ended.status, ended.error["code"]) == (2, "questions")
