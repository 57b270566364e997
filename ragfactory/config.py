"""Where state lives and what this machine's owner has set: the command line over the environment over the config file."""

from __future__ import annotations

import os
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import platformdirs
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from ragfactory.endpoint import Endpoint
from ragfactory.errors import ConfigError, UsageError

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
Name = Annotated[str, Field(pattern=NAME_PATTERN)]


def _a_list(value: object) -> object:
    """Several words are expected, and one is often given; it is not repeated, since an address can hold a password."""
    if isinstance(value, str):
        raise ValueError('a list expected, such as ["http://127.0.0.1:11434"], got one text')  # noqa: TRY004 - pydantic's way
    return value


def _an_address(value: str) -> str:
    try:
        Endpoint.parse(value)
    except ValueError as error:
        raise ValueError(f"an address such as http://127.0.0.1:11434 expected: {error}") from error
    return value


Address = Annotated[str, AfterValidator(_an_address)]


class Limits(BaseModel):
    """What a parser's child process may use for one file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file_mb: int = Field(default=512, ge=1, description="largest source file, in MiB")
    seconds: float = Field(default=300.0, gt=0, description="longest time for one file")
    memory_mb: int = Field(default=4096, ge=512, description="address space of one parser process, in MiB")


class Fleet(BaseModel):
    """Which devices work, and what may be asked of them. Cards are named by their index; memory is in MiB."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    devices: str = Field(default="auto", description="auto, cpu, or cards such as 0,2-5")
    embed_mb: int = Field(default=2048, ge=0, description="free memory that a card needs to embed")
    rerank_mb: int = Field(default=2560, ge=0, description="free memory that a card needs to rerank")
    write_mb: int = Field(default=6144, ge=0, description="free memory that a card needs to write contexts")
    keep_free_mb: int = Field(default=256, ge=0, description="memory that is left free on every card")
    max_temperature_c: int = Field(default=75, ge=30, le=110, description="a card this hot gets no more work")
    resume_temperature_c: int = Field(default=68, ge=20, le=110, description="a card that rests works again below this")
    prefer: dict[Literal["embed", "rerank", "write"], tuple[int, ...]] = Field(
        default={}, description="cards that a role takes first"
    )
    cool_down_s: float = Field(default=60.0, ge=0, description="how long to wait for a card before the CPU is used")
    check_s: float = Field(default=5.0, gt=0, description="how often cards are looked at")
    unload: str = Field(
        default="immediate", pattern=r"^(immediate|never|idle:[1-9][0-9]*)$", description="when a model leaves a card"
    )

    @model_validator(mode="after")
    def _rests_below_its_limit(self) -> Self:
        if self.resume_temperature_c > self.max_temperature_c:
            limits = f"resume_temperature_c ({self.resume_temperature_c}) at most max_temperature_c ({self.max_temperature_c})"
            raise ValueError(f"{limits} expected")
        return self


class Context(BaseModel):
    """The language models that write contexts, for profiles that ask for it: a file on this machine, or servers. Their key is in
    the environment.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    gguf: str = Field(default="", description="the model's file: a path, or a name in the models folder")
    servers: Annotated[tuple[Address, ...], BeforeValidator(_a_list)] = Field(
        default=(), description="addresses such as http://127.0.0.1:11434"
    )
    model: str = Field(default="", description="the model's name on those servers")
    kind: Literal["auto", "openai", "ollama"] = Field(default="auto", description="what the servers speak")
    concurrency: int = Field(default=4, ge=1, le=64, description="requests at once for each server")
    timeout_s: float = Field(default=300.0, gt=0, description="longest time for one answer")
    rewrite_s: float = Field(default=5.0, gt=0, description="longest time for the rewritings of a query")
    window: int = Field(default=8192, ge=1024, description="tokens of a prompt and its answer together")


class Config(BaseModel):
    """The settings of this machine. Keys of `config.toml` are the fields below, `home` and `config_dir` excepted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    home: Path
    config_dir: Path
    tenant: Name = "default"
    project: Name = "default"
    embedder: str = Field(default="auto", description="auto, or a name from `model list`")
    parsers: int = Field(default=0, ge=0, le=256, description="parser processes; 0 means one per core")
    limits: Limits = Limits()
    fleet: Fleet = Fleet()
    context: Context = Context()
    webhook: str | None = Field(default=None, description="URL that runs post their statuses to")
    metrics_file: Annotated[Path, AfterValidator(Path.expanduser)] | None = Field(
        default=None, description="file that runs write metrics for Prometheus to"
    )
    keep_logs: int = Field(default=30, ge=1, description="how many runs' reports and event logs are kept")

    @property
    def indexes(self) -> Path:
        """The folder that holds every index of every tenant."""
        return self.home / "indexes"

    @property
    def models(self) -> Path:
        """The folder for model weights."""
        return self.home / "models"

    @property
    def contexts(self) -> Path:
        """The file that keeps every context that a model wrote."""
        return self.home / "cache" / "contexts.sqlite"

    @property
    def runs(self) -> Path:
        """The folder for run reports."""
        return self.home / "runs"

    @property
    def logs(self) -> Path:
        """The folder for logs."""
        return self.home / "logs"

    @property
    def event_logs(self) -> Path:
        """The folder for event logs, one or more files for each run."""
        return self.logs / "runs"

    @property
    def profile_dirs(self) -> tuple[Path, ...]:
        """Where a user's own profiles are looked for, the first found of a name winning."""
        return (Path("profiles"), self.config_dir / "profiles")


def load_config(home: Path | None = None, **overrides: Any) -> Config:
    """Read the configuration: `overrides` that are not None, over RAGFACTORY_HOME, over `config.toml`, over the defaults.

    Raises ConfigError when the file does not validate, UsageError when an override does not.
    """
    directory = Path(os.environ.get("RAGFACTORY_CONFIG") or platformdirs.user_config_path("ragfactory"))
    root = home or Path(os.environ.get("RAGFACTORY_HOME") or platformdirs.user_data_path("ragfactory"))
    file = directory / "config.toml"
    places = {"home": root.expanduser().absolute(), "config_dir": directory}
    settings = _read(file)
    try:
        config = Config.model_validate({**settings, **places})
    except ValidationError as error:
        raise ConfigError(f"{file}: {explain(error)}", hint="mend that key, or remove it for its default") from error
    given = {key: value for key, value in overrides.items() if value is not None}
    if not given:
        return config
    try:
        return Config.model_validate({**settings, **places, **given})
    except ValidationError as error:
        raise UsageError(explain(error), hint="letters, digits, '.', '_' and '-' make a name") from error


def webhook_token() -> str | None:
    """The secret that the webhook is called with. It is no key of the file, so that `config show` cannot show it."""
    return os.environ.get("RAGFACTORY_WEBHOOK_TOKEN") or None


def llm_api_key() -> str | None:
    """The key for the servers of language models, without white space around it. It is no key of the file, so that `config show`
    cannot show it.
    """
    return os.environ.get("RAGFACTORY_LLM_API_KEY", "").strip() or None


def hub_address() -> str:
    """Where models are got from, by the variable that the Hugging Face Hub's own tools take it from."""
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def explain(error: ValidationError) -> str:
    """The first thing pydantic found wrong, in one line: the key, what was expected, what came."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"]) or "the file"
    if first["type"] == "extra_forbidden":
        return f"{key}: unknown key{_nearest(error.title, first['loc'])}"
    if first["type"] == "missing":
        return f"{key}: missing"
    if first["type"] == "value_error":  # raised by a check of ours, which says what came
        return f"{key}: {first['msg'].removeprefix('Value error, ')}"
    came = repr(first["input"])
    expected = first["msg"][:1].lower() + first["msg"][1:]
    return f"{key}: {expected}, got {came if len(came) <= 60 else came[:57] + '...'}"


def _nearest(title: str, place: tuple[int | str, ...]) -> str:
    """The key of the configuration that was probably meant, as a question; empty where there is none like it."""
    if title != Config.__name__:  # profiles are explained here too
        return ""
    model: type[BaseModel] = Config
    for part in place[:-1]:
        found = model.model_fields[str(part)].annotation if str(part) in model.model_fields else None
        if not (isinstance(found, type) and issubclass(found, BaseModel)):
            return ""
        model = found
    near = get_close_matches(str(place[-1]), model.model_fields.keys() - {"home", "config_dir"}, n=1)
    return f"; is it {near[0]}?" if near else ""


def _read(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read: {error}") from error
    try:
        settings = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: not valid TOML: {error}") from error
    for key in ("home", "config_dir"):
        if key in settings:
            raise ConfigError(f"{file}: {key}: not a key of this file", hint="use --home or RAGFACTORY_HOME")
    return settings
