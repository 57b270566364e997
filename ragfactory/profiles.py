"""Profiles: the recipe for a kind of document, read from TOML and validated."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ragfactory.config import Name, explain
from ragfactory.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

StrategyName = Literal[
    "default",
    "page_plus_table_aware",
    "semantic_sections",
    "conversation_turns",
    "table_aware",
    "words",
    "tokens",
    "code",
]

WriterName = Literal["structural", "llama", "http", "none"]
MODEL_WRITERS: frozenset[WriterName] = frozenset({"llama", "http"})


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Recognise(_Section):
    """How a document of this type shows itself. Each kind of evidence adds to the type's score.

    `extensions` (`.py`), `filenames` (glob patterns, matched without case against the file name), `keywords` per language
    (phrases looked for in the text, without case), and `structure`: features of the document's form. A `weight` of 0 keeps the
    profile out of `auto`.
    """

    extensions: tuple[str, ...] = ()
    filenames: tuple[str, ...] = ()
    keywords: dict[str, tuple[str, ...]] = {}
    structure: tuple[Literal["turns", "tables", "ratings", "slides", "headings", "code", "short", "posts"], ...] = ()
    weight: float = Field(default=1.0, ge=0, le=10)


class Parse(_Section):
    """How files are read."""

    tables: Literal["auto", "native", "off"] = "auto"


class Chunking(_Section):
    """How documents are cut. `size` and `overlap` are in the strategy's unit; None takes the strategy's default."""

    strategy: StrategyName = "default"
    size: int | None = Field(default=None, ge=1, le=100_000)
    overlap: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _overlap_fits(self) -> Self:
        if self.size is not None and self.overlap is not None and self.overlap >= self.size:
            raise ValueError(f"overlap must be under size ({self.size})")
        return self


class Enrich(_Section):
    """Which context writer adds to a chunk. `prompts` is a folder of wordings for those with a language model, such as `nl.txt`.

    `analysis` says who finds out what a document is about: the language model that writes its contexts, or rules alone.
    """

    writer: WriterName = "structural"
    prompts: Path | None = None
    analysis: Literal["model", "rule"] = "model"


class Embed(_Section):
    """Which embedder makes the vectors; `auto` takes the full model where it is on the machine, else the built-in one."""

    model: str = "auto"


class Index(_Section):
    """How vectors are searched. `exact` keeps 16 bits a number and `flat` 32; `ivf`, `hnsw` and `rabitq` are approximate, and get
    the settings that reach the recall wanted; `auto` is exact up to 200,000 chunks. Settings left out are chosen by size.
    """

    kind: Literal["auto", "exact", "flat", "ivf", "hnsw", "rabitq"] = "auto"
    recall: float = Field(default=0.98, gt=0, le=1, description="recall@10 that an approximate kind must reach")
    nlist: int | None = Field(default=None, ge=1, le=65_536, description="ivf, rabitq: number of lists")
    nprobe: int | None = Field(default=None, ge=1, le=65_536, description="ivf, rabitq: lists looked at")
    m: int | None = Field(default=None, ge=4, le=128, description="hnsw: links of a node")
    ef_search: int | None = Field(default=None, ge=10, le=10_000, description="hnsw: candidates kept")
    refine: int | None = Field(default=None, ge=1, le=1000, description="ivf, rabitq: candidates scored again, times k")


class Retrieve(_Section):
    """How the parts of the hybrid are fused: how much each counts, and how many candidates it contributes; and how many of
    them are then reranked. Each of `synonyms` is a group of words that mean the same, for `--expand`.
    """

    dense_weight: float = Field(default=1.0, ge=0)
    lexical_weight: float = Field(default=1.0, ge=0)
    fusion: Literal["scores", "ranks"] = "scores"
    preference: float = Field(default=0.1, ge=0, le=1, description="how much years, types and names in a query count")
    synonyms: tuple[tuple[str, ...], ...] = ()
    depth: int = Field(default=100, ge=10, le=1000, description="candidates that each part contributes")
    rerank_depth: int = Field(default=30, ge=1, le=200, description="candidates that a reranker reads")


class Gate(_Section):
    """What a new version must be worth to serve. `questions` is a file that `eval` reads, by its path from the profile's folder."""

    questions: str | None = None
    min_recall_at_5: float = Field(default=0.0, ge=0, le=1)
    max_drop: float = Field(default=0.02, ge=0, le=1, description="of recall@5, against the version that serves")


class Profile(_Section):
    """A recipe: how to recognise, parse, chunk, enrich, embed and retrieve one type of document."""

    name: Name
    description: str = ""
    recognise: Recognise = Recognise()
    parse: Parse = Parse()
    chunk: Chunking = Chunking()
    enrich: Enrich = Enrich()
    embed: Embed = Embed()
    index: Index = Index()
    retrieve: Retrieve = Retrieve()
    gate: Gate = Gate()


class LoadedProfile(_Section):
    """A profile and the file it came from."""

    profile: Profile
    path: Path


def shipped_dir() -> Path:
    """The folder of the profiles that come with ragfactory: inside the wheel, or at the top of a source checkout."""
    package = Path(__file__).parent
    installed = package / "_profiles"
    return installed if installed.is_dir() else package.parent / "profiles"


def load_profile(path: Path) -> Profile:
    """Read and validate one profile. Raises ProfileError naming the file, the key and what was expected."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ProfileError(f"{path}: cannot be read: {error.strerror}", path=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProfileError(f"{path}: not valid TOML: {error}", path=str(path)) from error
    if not raw:
        raise ProfileError(f"{path}: the file is empty", hint="remove it, or fill it", path=str(path))
    raw.setdefault("name", path.stem)
    try:
        profile = Profile.model_validate(raw)
    except ValidationError as error:
        raise ProfileError(
            f"{path}: {explain(error)}",
            hint="`ragfactory profile show algemeen` prints a valid profile",
            path=str(path),
        ) from error
    return _with_prompts_beside(path, profile)


def _with_prompts_beside(path: Path, profile: Profile) -> Profile:
    """The profile with its folder of prompts counted from the profile's own folder."""
    if profile.enrich.prompts is None:
        return profile
    enrich = profile.enrich.model_copy(update={"prompts": path.absolute().parent / profile.enrich.prompts.expanduser()})
    return profile.model_copy(update={"enrich": enrich})


def load_profiles(user_dirs: Sequence[Path] = ()) -> dict[str, LoadedProfile]:
    """Every profile by name: those in `user_dirs` (earlier folders win), then the shipped ones."""
    found: dict[str, LoadedProfile] = {}
    for directory in (*user_dirs, shipped_dir()):
        here: dict[str, LoadedProfile] = {}
        for path in sorted(directory.glob("*.toml")):
            profile = load_profile(path)
            if other := here.get(profile.name):
                raise ProfileError(
                    f"{path}: there is a profile named {profile.name!r} in {other.path} already", path=str(path)
                )
            here[profile.name] = LoadedProfile(profile=profile, path=path)
        found = here | found
    return dict(sorted(found.items()))


def get_profile(profiles: dict[str, LoadedProfile], name: str) -> Profile:
    """The profile of that name. Raises ProfileError naming those there are."""
    try:
        return profiles[name].profile
    except KeyError:
        raise ProfileError(f"no profile named {name!r}", hint="there are: " + ", ".join(profiles)) from None


def copy_profile(profiles: dict[str, LoadedProfile], source: str, name: str, path: Path) -> None:
    """Write the profile `source` to `path` under another name, comments and all. Raises ProfileError for an unfit name."""
    get_profile(profiles, source)
    text = profiles[source].path.read_text(encoding="utf-8")
    text = re.sub(r"(?m)^name\s*=.*\n", "", text, count=1)
    try:
        Profile.model_validate({"name": name})
    except ValidationError as error:
        raise ProfileError(explain(error), hint="letters, digits, '.', '_' and '-' make a name") from error
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'name = "{name}"\n{text}', encoding="utf-8")
    except OSError as error:
        raise ProfileError(f"{path}: cannot be written: {error.strerror}", path=str(path)) from error


def routing_digest(profiles: Iterable[Profile]) -> str:
    """SHA-256 (hex) of what decides which profile a file goes to: it changes when any `recognise` section does."""
    rules = {profile.name: profile.recognise.model_dump(mode="json") for profile in profiles}
    return hashlib.sha256(orjson.dumps(rules, option=orjson.OPT_SORT_KEYS)).hexdigest()
