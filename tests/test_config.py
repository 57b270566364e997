"""The settings of reporting: what the file may say of them, and the secret that is not in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragfactory.config import llm_api_key, load_config, webhook_token
from ragfactory.errors import ConfigError


@pytest.fixture
def config_toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RAGFACTORY_CONFIG", str(tmp_path))
    return tmp_path / "config.toml"


def test_nothing_is_reported_unless_asked_and_thirty_logs_are_kept(config_toml: Path, tmp_path: Path) -> None:
    config = load_config(tmp_path)
    assert (config.webhook, config.metrics_file, config.keep_logs) == (None, None, 30)
    assert config.event_logs == tmp_path / "logs" / "runs"


def test_where_a_run_reports_to(config_toml: Path, tmp_path: Path) -> None:
    config_toml.write_text('webhook = "https://example.com/hook"\nmetrics_file = "~/x.prom"\nkeep_logs = 7\n')
    config = load_config(tmp_path)
    assert config.webhook == "https://example.com/hook"
    assert config.metrics_file == Path.home() / "x.prom"
    assert config.keep_logs == 7
    assert load_config(tmp_path, webhook="http://localhost/").webhook == "http://localhost/"


def test_at_least_one_log_is_kept(config_toml: Path, tmp_path: Path) -> None:
    config_toml.write_text("keep_logs = 0\n")
    with pytest.raises(ConfigError, match=r"keep_logs: .* got 0"):
        load_config(tmp_path)


def test_the_token_comes_from_the_environment_alone(config_toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAGFACTORY_WEBHOOK_TOKEN", raising=False)
    assert webhook_token() is None
    monkeypatch.setenv("RAGFACTORY_WEBHOOK_TOKEN", "sesame")
    assert webhook_token() == "sesame"
    assert "sesame" not in str(load_config().model_dump())
    config_toml.write_text('webhook_token = "sesame"\n')
    with pytest.raises(ConfigError, match="unknown key"):
        load_config()


def test_a_card_rests_below_the_temperature_that_it_may_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGFACTORY_CONFIG", str(tmp_path))
    (tmp_path / "config.toml").write_text("[fleet]\nmax_temperature_c = 60\n")
    with pytest.raises(
        ConfigError, match=r"fleet: resume_temperature_c \(68\) at most max_temperature_c \(60\) expected$"
    ):
        load_config(tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[context]\nservrs = []\n", r"context\.servrs: unknown key; is it servers\?$"),
        ("tennant = 'a'\n", r"tennant: unknown key; is it tenant\?$"),
        ("[context]\nzzzz = 1\n", r"context\.zzzz: unknown key$"),
    ],
)
def test_a_key_that_is_not_known_may_be_one_that_is(config_toml: Path, tmp_path: Path, text: str, words: str) -> None:
    config_toml.write_text(text)
    with pytest.raises(ConfigError, match=words):
        load_config(tmp_path)


def test_white_space_around_the_servers_key_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGFACTORY_LLM_API_KEY", " sesame\n")
    assert llm_api_key() == "sesame"
