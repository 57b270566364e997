"""Which models are here, and whether they can be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.context.llama.gguf_files import Dimensions, train_tokenizer, write_gguf

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ended
    from tests.conftest import Workplace

    Cli = Callable[..., Ended]


def test_a_gguf_and_a_reranker_are_listed_and_checked(cli: Cli, workplace: Workplace, tiny_reranker: Path) -> None:
    models = workplace.config.models
    models.mkdir(parents=True)
    write_gguf(models / "tiny.gguf", Dimensions(vocabulary=300), train_tokenizer(["Say what it is about."], 300), ())
    (models / "bge-reranker-v2-m3").symlink_to(tiny_reranker)
    listed = {model["name"]: model for model in cli("model", "list", "--json").envelope["data"]["models"]}
    assert (listed["tiny.gguf"]["role"], listed["tiny.gguf"]["path"]) == ("writer", str(models / "tiny.gguf"))
    assert listed["bge-reranker-v2-m3"]["role"] == "reranker"
    assert "tiny.gguf" in cli("model", "list").out
    ended = cli("model", "check", "--json")
    checked = {model["name"]: model["ok"] for model in ended.envelope["data"]["models"]}
    # The reranker here has another shape than the one of its name.
    assert checked == {"all-minilm-l6-v2": True, "bge-reranker-v2-m3": False, "tiny.gguf": True}
    assert (ended.status, ended.error["code"]) == (7, "model_unavailable")


def test_a_name_of_a_model_does_not_steer_the_terminal(cli: Cli, workplace: Workplace) -> None:
    workplace.config.models.mkdir(parents=True)
    gguf = workplace.config.models / "[b]x\x1b[31m.gguf"
    write_gguf(gguf, Dimensions(vocabulary=300), train_tokenizer(["Say what it is about."], 300), ())
    for command in ("list", "check"):
        out = cli("model", command).out
        assert "\x1b" not in out
        assert "[b]x\N{REPLACEMENT CHARACTER}[31m.gguf" in out.replace("\n", "")


def test_a_damaged_gguf_is_told(cli: Cli, workplace: Workplace) -> None:
    workplace.config.models.mkdir(parents=True)
    (workplace.config.models / "broken.gguf").write_bytes(b"GGUF and nothing else")
    ended = cli("model", "check", "--json")
    assert (ended.status, ended.error["code"]) == (7, "model_unavailable")
    assert "broken.gguf" in ended.error["message"]
    assert ended.error["path"].endswith("broken.gguf")
